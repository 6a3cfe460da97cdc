"""Days that are computed at once are the days computed one by one, to the last bit."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, zip_longest

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sizing import RebalancingLimits
from sizing.errors import ContractError
from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import correct_states
from sizing.limits.lifecycle import CoreAsset
from sizing.multi_day.day_chain import DayChain, find_held_days
from sizing.multi_day.followed_states import Corrections
from sizing.multi_day.next_day import NO_GROWTH
from sizing.multi_day.stacked_days import by_day
from sizing.pipeline import Rebalance, rebalance
from sizing.selection.score_coverage import find_missing_scores
from sizing.trading.marking import mark_books
from sizing.trading.targets import holdings_of
from tests.helpers.examples import ALL_EXAMPLES
from tests.sizing.days import SCORES, Ban, holding_frame, restriction_frame

FIRST = date(2025, 6, 2)
ASSETS = [f"A{number}" for number in range(8)]
DATES = [FIRST + timedelta(number + (number > 2)) for number in range(30)]
"""The days: after the third one a session is missed."""

SESSIONS = pl.Series([FIRST + timedelta(number) for number in range(-3, 40)])
CORRECTIONS = Corrections.of(SESSIONS)
LIMITS = (
    RebalancingLimits(max_missing_score_share=1, min_buckets_represented=0),
    RebalancingLimits(replacement_margin=0.05, max_total_positions=3, enable_bucket_diversification=True),
    RebalancingLimits(model="growth", residual_strategy="proportional", exclude_assets=("A1",), max_score_age_days=1),
    RebalancingLimits(max_turnover=0.08, min_trade_weight=0.01, rebalance_band=0.3),
    RebalancingLimits(
        grace_period_days=2, min_holding_days=2, reentry_cooldown_days=2, max_round_trips=1, max_total_positions=4
    ),
    RebalancingLimits(
        grace_period_days=1,
        max_holding_days=2,
        reentry_cooldown_days=1,
        max_turnover=0.1,
        core_assets={"A2": CoreAsset(until=DATES[2], reason="an index"), "A5": CoreAsset(until=DATES[0], reason="old")},
    ),
)
RESTARTED = ("p1", "p4", "p5")
"""Who starts from positions on the third day; on the next one nobody does."""


GIVEN = {"A2": Decimal("0.3"), "A4": Decimal("0.1"), "A6": Decimal("0.00005")}
"""What the positions say; the last is dust."""

score = st.one_of(st.none(), st.integers(500, 1000).map(lambda thousandths: thousandths / 1000))
growth = st.one_of(st.none(), *[st.integers(60, 160).map(lambda percent: percent / 100)] * 9)
growth_of_a_day = st.lists(growth, min_size=8, max_size=8)
scores_of_a_day = st.lists(score, min_size=16, max_size=16)
restriction = st.tuples(
    st.sampled_from([None, "p0", "p1"]), st.sampled_from(ASSETS), st.sampled_from(["no_buy", "no_trade", "must_sell"])
)


def _scores(day: int, drawn: list[list[float | None]]) -> pl.DataFrame:
    """Return the scores of the day and of the three before it, of two models."""
    rows = [
        (model, asset, DATES[scored], (DATES[day] - DATES[scored]).days, value, None, None)
        for scored in range(max(0, day - 3), day + 1)
        for (model, asset), value in zip(
            ((model, asset) for model in ("default", "growth") for asset in ASSETS), drawn[scored], strict=True
        )
        if value is not None
    ]
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def _first_day(
    drawn: list[list[float | None]],
    restrictions: list[tuple[str | None, str, str]],
    limits: Sequence[RebalancingLimits] = LIMITS[:4],
) -> DayInputs:
    return DayInputs(
        as_of_date=FIRST,
        limits={f"p{number}": one for number, one in enumerate(limits)},
        scores=_scores(0, drawn),
        assets=pl.DataFrame({"asset": ASSETS[1:], "bucket": ["x", "y", "z"] * 2 + ["x"]}),
        holdings=holding_frame({}),
        restrictions=restriction_frame(
            Ban(asset, banned, portfolio_id, "because") for portfolio_id, asset, banned in restrictions
        ),
    )


def _growth(moves: list[list[float | None]]) -> pl.DataFrame:
    """Return what 1 of each asset becomes until a day; what is not known has no row."""
    rows = [
        (DATES[number], asset, RebalancingLimits().max_plausible_return, one)
        for number, own in enumerate(moves, 1)
        for asset, one in zip(ASSETS, own, strict=True)
    ]
    return pl.DataFrame(rows, schema=NO_GROWTH.schema, orient="row").drop_nulls()


def _days(first: DayInputs, drawn: list[list[float | None]], growth: pl.DataFrame = NO_GROWTH) -> list[DayInputs]:
    """Return days that follow each other one by one; on the third, some start from holdings that they are given."""
    marked = [name for name, one in first.limits.items() if one.mark_to_market]

    def next_day(before: DayInputs, number: int) -> DayInputs:
        day, result = DATES[number], rebalance(before)
        left, until = holdings_of(result.targets), growth.filter(as_of_date=day)
        moved = left.filter(pl.col("portfolio_id").is_in(marked)).join(until.drop("as_of_date"), on="asset", how="left")
        holdings = pl.concat([left.filter(~pl.col("portfolio_id").is_in(marked)), mark_books(moved)])
        files = _files(number, before.limits)
        if files.height:
            rows = [(name, asset, weight) for name in files["portfolio_id"] for asset, weight in GIVEN.items()]
            given = pl.DataFrame(rows, schema=holdings.schema, orient="row")
            holdings = pl.concat([holdings.filter(~pl.col("portfolio_id").is_in(RESTARTED)), given])
        holdings = holdings.sort("portfolio_id", "asset")
        corrected = correct_states(result.lifecycle, holdings, files, DUST_WEIGHT)
        states = count_days(corrected, day, SESSIONS)
        return replace(before, as_of_date=day, scores=_scores(number, drawn), holdings=holdings, states=states)

    return list(accumulate(range(1, len(drawn)), next_day, initial=first))


def _files(number: int, portfolio_ids: Iterable[str]) -> pl.DataFrame:
    """Return whose positions a day starts from; they are of the day itself."""
    names = [name for name in RESTARTED if name in portfolio_ids and number == 2]
    return pl.DataFrame({"portfolio_id": names}, {"portfolio_id": pl.String}).with_columns(file_date=DATES[number])


def _told_only_what_is_given(days: list[DayInputs]) -> list[DayFrames]:
    nothing = days[0].holdings.clear()
    given = [days[0].holdings, nothing, days[2].holdings.filter(pl.col("portfolio_id").is_in(RESTARTED))]
    return [
        day.frames._replace(holdings=holdings, states=days[0].states)
        for day, holdings in zip_longest(days, given[: len(days)], fillvalue=nothing)
    ]


def _on(result: Rebalance, day: date) -> Rebalance:
    frames = {name: frame.filter(pl.col("as_of_date") == day) for name, frame in result._asdict().items()}
    dated = {"targets", "risk_estimates"}
    return Rebalance(*(frame if name in dated else frame.drop("as_of_date") for name, frame in frames.items()))


@pytest.mark.slow
@pytest.mark.parametrize("n_portfolios", [3, 4, 5, 6], ids=["all at once", "turnover", "lifecycle", "both"])
@settings(max_examples=3, deadline=None)
@given(
    st.lists(st.tuples(scores_of_a_day, growth_of_a_day), min_size=3, max_size=7),
    st.lists(restriction, max_size=3),
    st.sets(st.integers(0, 5)),
)
def test_days_at_once_are_days_one_by_one(
    n_portfolios: int,
    drawn: list[tuple[list[float | None], list[float | None]]],
    restrictions: list[tuple[str | None, str, str]],
    marked: set[int],
) -> None:
    scores, growth = [own for own, _ in drawn], _growth([own for _, own in drawn[1:]])
    limits = [one.model_copy(update={"mark_to_market": n in marked}) for n, one in enumerate(LIMITS[:n_portfolios])]
    first = _first_day(scores, restrictions, limits)
    days = _days(first, scores, growth)
    corrections = Corrections.of(SESSIONS, _files(2, first.limits).with_columns(day=DATES[2]))
    chained = DayChain.of(_told_only_what_is_given(days), corrections, growth).rebalance()
    together, result = chained
    holdings, states = by_day(together.holdings), by_day(together.states)
    for day in days:
        assert_frame_equal(holdings(day.as_of_date), day.holdings, check_exact=True)
        assert_frame_equal(states(day.as_of_date), day.states, check_exact=True)
        for at_once, alone in zip(_on(result, day.as_of_date), rebalance(day), strict=True):
            assert_frame_equal(at_once, alone, check_exact=True)
    assert find_held_days(chained) == tuple(day.as_of_date for day in days if find_missing_scores(day))


@pytest.mark.drawn
def test_the_trades_of_many_days_add_up_to_the_last_book() -> None:
    n_days = 30 if ALL_EXAMPLES else 10
    drawn = [[0.58 + 0.01 * ((place * 7 + day * day) % 41) for place in range(16)] for day in range(n_days)]
    first = _first_day(list(drawn), [("p0", "A3", "no_buy"), (None, "A4", "must_sell")])
    days = [
        first.frames._replace(as_of_date=DATES[number], scores=_scores(number, list(drawn))) for number in range(n_days)
    ]
    targets = DayChain.of(days, CORRECTIONS).rebalance().result.targets
    books = targets.group_by("portfolio_id", "as_of_date").agg(pl.col("^(current|target|post_trade)_weight$").sum())
    total = pl.Series([Decimal("0.95")], dtype=pl.Decimal(10, 8)).item()
    assert all((books[name] == total).all() for name in ("current_weight", "target_weight", "post_trade_weight"))
    trades = targets.group_by("portfolio_id", "as_of_date").agg(pl.col("trade_weight").sum())["trade_weight"]
    assert (trades == Decimal(0)).all()
    traded = targets.filter(~pl.col("is_cash")).group_by("portfolio_id", "asset").agg(book=pl.col("trade_weight").sum())
    last = targets.filter(pl.col("as_of_date") == days[-1].as_of_date, ~pl.col("is_cash"))
    compared = traded.join(last, on=["portfolio_id", "asset"], how="left")
    assert (compared["book"] == compared["post_trade_weight"].fill_null(Decimal(0))).all()
    assert (targets["trade_weight"] != 0).sum() > 3 * n_days


def test_days_with_other_asset_lists_are_not_stacked() -> None:
    days = [day.frames for day in _days(_first_day([[0.7] * 16] * 3, []), [[0.7] * 16] * 3)]
    other = days[1]._replace(assets=days[1].assets.head(2))
    with pytest.raises(ContractError, match=f"1 of 3 days have another asset list than {FIRST}"):
        DayChain.of([days[0], other, days[2]], CORRECTIONS)
