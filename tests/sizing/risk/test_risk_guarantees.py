"""The guarantees of risk, numbered, each a property of days that hypothesis draws.

The guarantees of docs/sizing.md that risk changes: test_sizing_guarantees_with_risk.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits
from sizing.frames.prices import PRICES
from sizing.pipeline import Rebalance, rebalance
from sizing.risk.returns import session_returns
from tests.helpers.examples import examples
from tests.sizing.days import by_asset
from tests.sizing.reference.portfolio import UNITS, to_units
from tests.sizing.risk.days import FREE, audit, made_of, risk_day, sessions_of, summary, weights_of, with_frames
from tests.sizing.risk.drawn import NAMES, SESSIONS, DrawnRisk, days
from tests.sizing.risk.reference import Return, annual, returns_of_weights, variance
from tests.sizing.risk.test_risk_agrees_with_reference import size_as_selected

pytestmark = pytest.mark.slow

OFF = {"volatility_mode": "none", "correlation_mode": "none", "max_position_risk": None, "target_volatility": None}
RISK_COLUMNS = (
    *("volatility", "n_returns", "volatility_multiplier", "crowding", "crowding_multiplier", "moves_with"),
    *("position_cap", "risk_share"),
)
RISK_TOTALS = ("reference_volatility", "unscaled_volatility", "portfolio_volatility", "risk_scale", "n_sessions")
GOOD = ("whole", "whole", "gap", "copy", "young")
TRUE_TO = 1e-7

drawn_some = settings(
    max_examples=examples(24),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # drawn small; shrinking costs minutes
    suppress_health_check=list(HealthCheck),
)


def same(one: Rebalance, other: Rebalance) -> bool:
    return all(frame.equals(two) for frame, two in zip(one, other, strict=True))


def portfolios_of(drawn: DrawnRisk) -> Iterator[tuple[str, RebalancingLimits, dict[str, dict[str, Any]]]]:
    for name, limits in drawn.limits.items():
        yield name, limits, audit(drawn.result, name)


def is_held(drawn: DrawnRisk, name: str) -> bool:
    """Whether the day is held, as too few sessions are complete."""
    return size_as_selected(drawn, name).is_held


@drawn_some
@given(days(**OFF))
def test_1_off_is_the_same_bytes_with_returns_and_without(drawn: DrawnRisk) -> None:
    without = rebalance(with_frames(drawn.day(), returns=drawn.day().returns.clear(), sessions=()))
    assert same(drawn.result, without)
    assert drawn.result.risk_estimates.is_empty()
    assert all(
        drawn.result.sizing_audit[name].null_count() == drawn.result.sizing_audit.height for name in RISK_COLUMNS
    )
    assert all(drawn.result.sizing_summary[name].null_count() == len(drawn.limits) for name in RISK_TOTALS)


EQUAL = made_of(dict.fromkeys(NAMES, 0.25), {("t1", "t2"): 0.9, ("d1", "i1"): -0.5}, sessions=SESSIONS - 1)


@drawn_some
@given(days(**OFF), st.sampled_from((0.5, 1.0)))
def test_1_equal_volatilities_change_no_target(drawn: DrawnRisk, strength: float) -> None:
    observed = {name: {age: Return(value) for age, value in enumerate(series)} for name, series in EQUAL.items()}
    off = replace(drawn, observed=observed)
    on = off.of(
        volatility_mode="inverse", volatility_strength=strength, volatility_half_life_days=40, volatility_window_days=60
    )
    kept = ("portfolio_id", "asset", "target_weight", "post_trade_weight", "action")
    assert on.result.targets.select(kept).equals(off.result.targets.select(kept))


@drawn_some
@given(days())
def test_2_a_higher_volatility_never_gets_more(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        if not limits.reads_volatility or limits.residual_strategy == "safe_top_slice":
            continue
        sized = [row for row in rows.values() if row["drop_reason"] is None and row["pinned_weight"] is None]
        alike = ("score", "bucket", "is_held", "crowding")
        for low, high in permutations(sized, 2):
            if low["volatility"] <= high["volatility"] and all(low[one] == high[one] for one in alike):
                lower, higher = (row["stage2_weight"] + row["residual_weight"] for row in (low, high))
                assert higher <= lower + 1e-9, (name, low, high, drawn)


@drawn_some
@given(days(GOOD, max_position_risk=None, target_volatility=None, reference_volatility=None), st.floats(0.5, 1.0))
def test_3_a_factor_on_all_volatilities_changes_no_weight(drawn: DrawnRisk, factor: float) -> None:
    moved = {name: {age: Return(factor * one.value) for age, one in of.items()} for name, of in drawn.observed.items()}
    before, after = drawn.result.targets, replace(drawn, observed=moved).result.targets
    assert before["asset"].equals(after["asset"])
    apart = (before["target_weight"].cast(pl.Float64) - after["target_weight"].cast(pl.Float64)).abs().max()
    assert apart <= 3 * TRUE_TO, drawn  # a volatility of 0.03 is stored to 3e-7 of itself


@drawn_some
@given(days(), st.sampled_from(NAMES))
def test_4_a_name_more_changes_no_estimate_of_another(drawn: DrawnRisk, asset: str) -> None:
    scores = {name: score for name, score in drawn.scores.items() if name != asset}
    held = {key: weight for key, weight in drawn.held.items() if key[1] != asset}
    fewer = replace(drawn.without_returns(asset), scores=scores, held=held).result.risk_estimates
    more = drawn.result.risk_estimates.filter(pl.col("asset") != asset)
    assert fewer.sort(fewer.columns).equals(more.sort(more.columns))


@drawn_some
@given(days())
def test_5_no_position_has_more_risk_than_its_limit_as_stored(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        if limits.max_position_risk is not None and not is_held(drawn, name):
            most = to_units(limits.max_position_risk) * UNITS
            for row in rows.values():
                if row["pinned_weight"] is None:
                    assert int(row["target_weight"] * UNITS) * round(row["volatility"] * UNITS) <= most, (row, drawn)


@drawn_some
@given(days(correlation_mode="crowding"))
def test_6_the_targets_keep_the_target_volatility_or_it_is_not_attainable(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        if limits.target_volatility is None or is_held(drawn, name):
            continue
        row = summary(drawn.result, name)
        weights = {asset: float(one["target_weight"]) for asset, one in rows.items() if one["volatility"] is not None}
        moved = returns_of_weights(weights, drawn.observed, limits.volatility_window_days)
        recomputed = annual(variance(moved, limits.volatility_half_life_days)) if moved else None
        assert row["portfolio_volatility"] == pytest.approx(recomputed, abs=TRUE_TO), (name, drawn)
        assert row["risk_scale"] is None or 0 <= row["risk_scale"] <= 1
        if size_as_selected(drawn, name).is_attainable:
            assert (recomputed or 0) <= limits.target_volatility + TRUE_TO, (name, drawn)


@drawn_some
@given(days())
def test_7_risk_shares_add_up_and_so_do_the_weights(drawn: DrawnRisk) -> None:
    for name, limits, rows in portfolios_of(drawn):
        shares = [row["risk_share"] for row in rows.values() if row["risk_share"] is not None]
        if limits.reads_volatility and any(shares):
            assert sum(shares) == pytest.approx(1, abs=1e-6), (name, drawn)
        total = drawn.result.targets.filter(pl.col("portfolio_id") == name)["target_weight"].sum()
        assert total == Decimal(str(limits.target_total_allocation)), (name, drawn)


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.5, 1.0])
def test_8_copies_share_and_others_are_as_they_were(strength: float) -> None:
    volatilities = {"t1": 0.2, "t2": 0.3, "d1": 0.15, "i1": 0.4}
    alone = made_of(volatilities)
    limits = RebalancingLimits(
        **FREE, volatility_mode="inverse", correlation_mode="crowding", correlation_strength=strength,
        reference_volatility=0.25, target_total_allocation=1, max_single_position=1,
    )  # fmt: skip
    one = rebalance(risk_day(limits, alone))
    two = rebalance(risk_day(limits, alone | {"t3": alone["t1"]}))
    size = {name: q(row) for name, row in audit(one).items()}
    copied = {name: q(row) for name, row in audit(two).items()}
    assert copied["t1"] == copied["t3"]
    assert copied["t1"] + copied["t3"] == pytest.approx(2 ** (1 - strength) * size["t1"], abs=TRUE_TO)
    assert {name: copied[name] for name in ("t2", "d1", "i1")} == pytest.approx(
        {name: size[name] for name in ("t2", "d1", "i1")}, abs=TRUE_TO
    )
    weights = weights_of(two)
    assert weights["t1"] == pytest.approx(weights["t3"], abs=1.01e-8)


def q(row: dict[str, Any]) -> float:
    return row["volatility_multiplier"] * row["crowding_multiplier"]


@drawn_some
@given(days(), st.sampled_from(NAMES))
def test_9_without_its_prices_an_asset_is_neither_opened_nor_closed(drawn: DrawnRisk, asset: str) -> None:
    without = drawn.without_returns(asset)
    for name, limits, _ in portfolios_of(drawn):
        before, after = (by_asset(one.result.decisions, name).get(asset) for one in (drawn, without))
        if not limits.reads_volatility or after is None or is_held(without, name):
            continue
        weights = weights_of(without.result, name)
        if after["is_held"]:
            assert after["is_selected"] or (not before["is_selected"] and after["gate"] == before["gate"]), drawn
            assert not after["is_selected"] or weights[asset] > 0, (name, drawn)
        else:
            assert weights.get(asset, 0) == 0, (name, drawn)


@drawn_some
@given(days(GOOD), st.sampled_from(NAMES), st.integers(0, 40), st.sampled_from((2.0, 3.0, 0.5, 1.5)))
def test_10_a_split_with_its_factor_changes_nothing(drawn: DrawnRisk, asset: str, age: int, factor: float) -> None:
    whole, split = (prices_of(drawn, asset, age, by) for by in (1.0, factor))
    assume(asset in drawn.observed)
    before, after = (rebalance(with_prices(drawn, prices)) for prices in (whole, split))
    assert before.risk_estimates.drop("volatility").equals(after.risk_estimates.drop("volatility"))
    for one, two in zip(before.risk_estimates["volatility"], after.risk_estimates["volatility"], strict=True):
        assert one == pytest.approx(two, abs=TRUE_TO)
    apart = before.targets["target_weight"].cast(pl.Float64) - after.targets["target_weight"].cast(pl.Float64)
    assert apart.abs().max() <= TRUE_TO, drawn
    forgotten = rebalance(with_prices(drawn, split.with_columns(adjustment_factor=pl.lit(None, pl.Float64))))
    seen = drawn.observed[asset].get(age)
    change = (1 + seen.value) / factor if seen else 1.0
    jump = max(change, 1 / change) - 1
    rows = forgotten.risk_estimates.filter(asset=asset).filter(pl.col("max_plausible_return") < jump)
    assert set(rows["missing_reason"]) <= {"suspect_return"}, (rows, drawn)


def prices_of(drawn: DrawnRisk, split: str, age: int, by: float) -> pl.DataFrame:
    """Return closes from which the returns of the day follow; `split` splits at this age."""
    sessions, rows = sessions_of(SESSIONS), []
    for asset, of in drawn.observed.items():
        close = 100.0
        for back in reversed(range(SESSIONS)):
            is_split = asset == split and back == age
            close *= (1 + of[back].value if back in of else 1.01) / (by if is_split else 1.0)
            if back in of or back - 1 in of:
                rows.append((sessions[-1 - back], asset, close, by if is_split else None, None))
    return pl.DataFrame(rows, schema=PRICES.schema, orient="row")


def with_prices(drawn: DrawnRisk, prices: pl.DataFrame) -> Any:  # noqa: ANN401 - the inputs of a day
    sessions = sessions_of(SESSIONS)
    return with_frames(drawn.day(), returns=session_returns(prices, sessions))
