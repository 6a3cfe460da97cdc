"""What bad, missing and odd prices do to a volatility and to a position: nothing is filled, and nothing is guessed.

The prices go the whole way: closes, returns of sessions, estimates, gates, targets. The reference goes it beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.frames.prices import PRICES
from sizing.pipeline import Rebalance, rebalance
from sizing.risk.returns import is_suspect, session_returns
from tests.helpers.examples import examples
from tests.sizing.days import a_day, decisions
from tests.sizing.risk import reference
from tests.sizing.risk.days import FREE, estimates, sessions_of, weights_of, with_frames
from tests.sizing.risk.reference import Estimate, Price, by_age, returns_by_hand

SESSIONS = sessions_of(60)
LIMITS = RebalancingLimits(
    **{**FREE, "max_single_position": 0.5}, volatility_mode="inverse", volatility_window_days=50, min_observations=20,
    max_missing_volatility_share=1,
)  # fmt: skip
NAMES = ("a", "b", "c")

Closes = list[Price]


def closes_of(name: str) -> Closes:
    """Return closes that rise and fall by a percent or so, otherwise for each name."""
    close, found = 100.0, []
    for number, session in enumerate(SESSIONS):
        close *= 1 + 0.01 * ((number * (7 + NAMES.index(name))) % 11 - 5) / 4
        found.append(Price(session, close))
    return found


def price_frame(prices: dict[str, Closes]) -> pl.DataFrame:
    rows = [(one.day, name, one.close, one.factor, one.daily_return) for name, of in prices.items() for one in of]
    return pl.DataFrame(rows, schema=PRICES.schema, orient="row")


def market(change: Callable[[Closes], Closes] = lambda closes: closes) -> dict[str, Closes]:
    """Return the prices of all names, with those of `a` changed."""
    return {name: change(closes_of(name)) if name == "a" else closes_of(name) for name in NAMES}


def day_of(prices: dict[str, Closes], held: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - a day's inputs
    plain = a_day(LIMITS, scores=dict.fromkeys(NAMES, 0.8), held=held or {})
    return with_frames(plain, returns=session_returns(price_frame(prices), SESSIONS), sessions=SESSIONS)


def run(prices: dict[str, Closes], held: dict[str, str] | None = None) -> Rebalance:
    return rebalance(day_of(prices, held))


def known(prices: dict[str, Closes], name: str = "a") -> dict[str, Any]:
    """Return the estimate of a name, which is that of the slow loop."""
    row = estimates(run(prices))[name]
    expected = by_reference(prices[name])
    assert row["volatility"] == (None if expected.volatility is None else pytest.approx(expected.volatility, abs=2e-8))
    assert (row["missing_reason"], row["n_returns"]) == (expected.reason, expected.n_returns)
    return row


def by_reference(closes: Closes) -> Estimate:
    return reference.estimate(by_age(returns_by_hand(closes, SESSIONS), SESSIONS), LIMITS)


def changed(closes: Closes, number: int, **fields: object) -> Closes:
    return [replace(one, **fields) if index == number else one for index, one in enumerate(closes)]


def split(closes: Closes, number: int, by: float, factor: float | None) -> Closes:
    """Return closes of which those from `number` on are divided."""
    after = [replace(one, close=one.close / by) for one in closes[number:]]
    return changed([*closes[:number], *after], number, factor=factor)


FLAT_DAY = 40
"""A session on which `flat_at` leaves the close where it was."""


def flat_at(closes: Closes, number: int = FLAT_DAY) -> Closes:
    return changed(closes, number, close=closes[number - 1].close)


@pytest.mark.parametrize("by", [2.0, 3.0, 1.5, 0.5, 2 / 3])
def test_a_split_without_its_factor_is_suspect(by: float) -> None:
    row = known(market(lambda closes: split(flat_at(closes), FLAT_DAY, by, None)))
    assert (row["missing_reason"], row["suspect_session"]) == ("suspect_return", SESSIONS[FLAT_DAY])


@pytest.mark.parametrize("rise", [0.01, 0.05, 0.07])
def test_a_forgotten_split_of_3_to_2_is_suspect_on_a_day_of_a_rise_too(rise: float) -> None:
    def risen(closes: Closes) -> Closes:
        up = (1 + rise) * closes[FLAT_DAY - 1].close / closes[FLAT_DAY].close
        return split(
            [*closes[:FLAT_DAY], *(replace(one, close=one.close * up) for one in closes[FLAT_DAY:])],
            FLAT_DAY,
            1.5,
            None,
        )

    assert known(market(risen))["suspect_session"] == SESSIONS[FLAT_DAY]


def test_a_suspect_name_is_not_opened_and_a_held_one_stays_as_it_is() -> None:
    prices = market(lambda closes: split(flat_at(closes), FLAT_DAY, 2.0, None))
    opened, held = decisions(day_of(prices)), decisions(day_of(prices, {"a": "0.12345678"}))
    assert (opened["a"]["gate"], opened["a"]["is_selected"]) == ("no_volatility", False)
    assert held["a"]["kept_by"] == "volatility_missing"
    assert (held["a"]["is_locked"], held["a"]["is_pinned"], held["a"]["is_selected"]) == (True, True, True)
    assert weights_of(run(prices, {"a": "0.12345678"}))["a"] == 0.12345678
    assert "a" not in weights_of(run(prices)) or weights_of(run(prices))["a"] == 0


@pytest.mark.parametrize("by", [2.0, 3.0, 1.5, 0.5])
def test_a_split_with_its_factor_changes_nothing(by: float) -> None:
    whole, divided = run(market()), run(market(lambda closes: split(closes, FLAT_DAY, by, by)))
    assert estimates(divided)["a"]["volatility"] == pytest.approx(estimates(whole)["a"]["volatility"], abs=1.01e-8)
    assert weights_of(divided) == pytest.approx(weights_of(whole), abs=2e-8)


def test_a_given_return_confirms_a_suspect_one() -> None:
    fallen = market(lambda closes: changed(split(closes, FLAT_DAY, 2.0, None), FLAT_DAY, daily_return=-0.5))
    row = known(fallen)
    assert (row["missing_reason"], row["n_returns"]) == (None, 50)
    assert row["volatility"] > known(market())["volatility"]


def test_a_suspect_return_before_the_window_is_forgotten() -> None:
    # window 50 of 60 sessions: the return of session 9 is the newest outside, that of 10 the oldest inside
    outside, inside = (market(lambda closes, at=at: split(closes, at, 2.0, None)) for at in (9, 10))
    assert known(outside)["missing_reason"] is None
    assert known(inside)["missing_reason"] == "suspect_return"


@pytest.mark.slow
def test_a_week_of_missing_closes_costs_six_returns_and_moves_no_other_name() -> None:
    gap = market(lambda closes: [*closes[:30], *closes[35:]])
    row = known(gap)
    assert (row["n_returns"], row["missing_reason"]) == (44, None)
    for name in ("b", "c"):
        assert estimates(run(gap))[name] == estimates(run(market()))[name]


def test_a_flat_price_has_no_volatility() -> None:
    flat = market(lambda closes: [replace(one, close=12.5) for one in closes])
    assert known(flat)["missing_reason"] == "flat_prices"
    assert decisions(day_of(flat))["a"]["gate"] == "no_volatility"


@pytest.mark.parametrize(("closes", "reason"), [(20, "too_few_returns"), (21, None), (1, "no_returns")])
def test_a_new_listing_waits_for_its_observations(closes: int, reason: str | None) -> None:
    row = known(market(lambda of: of[-closes:]))
    assert (row["n_returns"], row["missing_reason"]) == (closes - 1, reason)


def test_prices_of_days_that_are_no_sessions_are_ignored() -> None:
    saturdays = [Price(session + timedelta(days=1), 1e6, 7.0, 0.3) for session in SESSIONS if session.isoweekday() == 5]
    odd = market(lambda closes: [*closes, *saturdays])
    assert estimates(run(odd)) == estimates(run(market()))
    assert known(odd)["n_returns"] == 50


@pytest.mark.parametrize(("age", "reason"), [(0, None), (5, None), (6, "old_returns")])
def test_the_last_return_may_be_five_sessions_old(age: int, reason: str | None) -> None:
    row = known(market(lambda closes: closes[: len(closes) - age]))
    assert (row["missing_reason"], row["last_return_date"]) == (reason, SESSIONS[-1 - age])


def test_a_name_without_any_price_has_no_returns() -> None:
    row = known(market(lambda _: []))
    assert (row["missing_reason"], row["n_returns"], row["last_return_date"]) == ("no_returns", 0, None)


def test_missing_prices_stop_no_exit() -> None:
    day = day_of(market(lambda _: []), {"a": "0.1"})
    failing = with_frames(
        day, scores=day.scores.with_columns(score=pl.when(pl.col("asset") == "a").then(0.1).otherwise("score"))
    )
    assert decisions(failing)["a"]["gate"] == "below_min_score_threshold"
    assert weights_of(rebalance(failing))["a"] == 0


price = st.one_of(st.none(), st.sampled_from((50.0, 66.67, 100.0, 100.5, 149.9, 150.0, 200.0)))
one_price = st.tuples(
    price, st.sampled_from((None, None, 1.0, 2.0, 0.5)), st.sampled_from((None, None, None, 0.6, -0.01))
)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.one_of(st.none(), one_price), min_size=2, max_size=12), st.sampled_from((0.5, 0.25, 1.0)))
def test_returns_are_those_of_the_slow_loop(rows: Sequence[Any], most: float) -> None:
    sessions = SESSIONS[: len(rows)]
    prices = [Price(day, *row) for day, row in zip(sessions, rows, strict=True) if row is not None]
    expected = {
        day: (one.value, one.is_given, reference.is_suspect(one, most))
        for day, one in returns_by_hand(prices, sessions).items()
    }
    found = session_returns(price_frame({"a": prices}), sessions).with_columns(is_suspect=is_suspect(most))
    got: dict[date, Any] = {
        row["session"]: (pytest.approx(row["session_return"], abs=1e-12), row["is_given"], row["is_suspect"])
        for row in found.iter_rows(named=True)
    }
    assert expected == got
