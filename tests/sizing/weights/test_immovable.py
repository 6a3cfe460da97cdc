"""A holding under no_trade is not traded, whatever the limits say; the others share what it leaves."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits, rebalance, size_portfolios
from tests.helpers.examples import examples
from tests.sizing.days import WIDE, Ban, Score, a_day, broken, by_asset, checks, limits, targets

SELECTED = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "score": pl.Float64,
    "is_held": pl.Boolean,
    "pinned_weight": pl.Float64,
    "is_immovable": pl.Boolean,
}
UNIT = Decimal("0.00000001")


def weights(asked: RebalancingLimits, *rows: tuple[str, float | None, bool]) -> dict[str, Decimal]:
    """Size one portfolio: asset (its first letter is its bucket), pinned weight, immovable."""
    frame = pl.DataFrame(
        [("P", asset, asset[0], 0.9, pin is not None, pin, fixed) for asset, pin, fixed in rows], SELECTED, orient="row"
    )
    sized = size_portfolios(frame, asked)
    return dict(sized.positions.select("asset", "target_weight").iter_rows()) | {
        "CASH": sized.portfolios["cash_weight"].item()
    }


def test_it_stays_above_the_cap_and_the_others_share_the_rest() -> None:
    sized = weights(limits(max_single_position=0.15), ("a1", 0.18, True), ("a2", None, False), ("b1", 0.2, False))
    assert sized == {
        key: Decimal(value) for key, value in {"a1": "0.18", "a2": "0.15", "b1": "0.15", "CASH": "0.47"}.items()
    }


def test_other_pins_share_what_it_leaves_of_the_bucket() -> None:
    asked = limits(enable_bucket_diversification=True, max_allocation_per_bucket=0.3, max_single_position=0.2)
    sized = weights(asked, ("a1", 0.24, True), ("a2", 0.1, False), ("a3", 0.02, False), ("b1", None, False))
    assert sized["a1"] == Decimal("0.24")
    assert sized["a2"] + sized["a3"] == Decimal("0.06")
    assert sized["a2"] == 5 * sized["a3"]
    assert sized["b1"] == Decimal("0.2")


def test_alone_above_the_total_it_leaves_nothing_and_cash_below_zero() -> None:
    asked = limits(target_total_allocation=0.5)
    sized = weights(asked, ("a1", 0.4, True), ("b1", 0.3, True), ("a2", 0.1, False), ("c1", None, False))
    assert sized == {
        key: Decimal(value) for key, value in {"a1": "0.4", "b1": "0.3", "a2": "0", "c1": "0", "CASH": "-0.2"}.items()
    }


def test_no_leftover_unit_goes_there() -> None:
    asked = limits(target_total_allocation=1, max_single_position=1, min_position_size=0, **WIDE)
    sized = weights(asked, ("a1", 0.1, True), *((f"b{number}", None, False) for number in range(7)))
    assert sized["a1"] == Decimal("0.1")
    assert sum(sized.values()) == 1
    assert max(sized[f"b{number}"] for number in range(7)) - sized["b6"] == UNIT


def test_a_whole_day_trades_nothing_of_it_and_says_what_breaks_the_limit() -> None:
    day = a_day(limits(), scores={"t1": 0.9, "t2": 0.9}, held={"t1": "0.18"}, bans=[Ban("t1", "no_trade")])
    row = targets(day)["t1"]
    assert (row["target_weight"], row["trade_weight"], row["trade_reason"]) == (Decimal("0.18"), 0, "no_trade")
    result = rebalance(day)
    assert broken(result) == set()
    for basis in ("target", "post_trade"):
        check = checks(result, basis=basis)["max_single_position"]
        assert (check["value"], check["is_ok"], check["reason"]) == (0.18, True, "broken by no_trade")


@pytest.mark.parametrize("restriction", ["no_trade", "must_sell"])
def test_must_sell_is_more_severe(restriction: str) -> None:
    bans = [Ban("t1", "no_trade"), Ban("t1", restriction)]
    row = targets(a_day(limits(), scores={"t1": 0.9}, held={"t1": "0.18"}, bans=bans))["t1"]
    assert row["post_trade_weight"] == (Decimal("0.18") if restriction == "no_trade" else 0)


@settings(max_examples=examples(15), deadline=None)
@given(
    held=st.lists(st.integers(1, 30_000_000), min_size=3, max_size=6),
    fixed=st.lists(st.booleans(), min_size=6, max_size=6),
    asked=st.builds(
        limits,
        target_total_allocation=st.sampled_from((0.95, 0.4, 1.0, 0.1)),
        enable_dynamic_sizing=st.booleans(),
        enable_bucket_diversification=st.booleans(),
        max_allocation_per_bucket=st.sampled_from((0.4, 0.2)),
        max_turnover=st.sampled_from((None, 0.05)),
        rebalance_band=st.sampled_from((0.05, 0.5)),
    ),
)
def test_it_is_never_traded_and_every_day_can_be_published(
    held: list[int], fixed: list[bool], asked: RebalancingLimits
) -> None:
    names = [f"{'tdc'[number % 3]}{number}" for number in range(len(held))]
    day = a_day(
        asked,
        scores=dict.fromkeys([*names, "t9", "d9"], 0.8),
        held={name: str(weight * UNIT) for name, weight in zip(names, held, strict=True)},
        bans=[Ban(name, "no_trade") for name, is_fixed in zip(names, fixed, strict=False) if is_fixed],
    )
    result = rebalance(day)
    rows = by_asset(result.targets)
    for name, is_fixed in zip(names, fixed, strict=False):
        assert (
            not is_fixed
            or rows[name]["target_weight"] == rows[name]["post_trade_weight"] == rows[name]["current_weight"]
        )
    assert broken(result) == set()
    total = Decimal(str(asked.target_total_allocation))
    for column in ("current_weight", "target_weight", "post_trade_weight"):
        assert result.targets[column].sum() == total
    assert result.targets["trade_weight"].sum() == 0


def test_a_locked_holding_keeps_a_unit_where_immovable_ones_fill_the_bucket() -> None:
    day = a_day(
        RebalancingLimits(enable_bucket_diversification=True, max_allocation_per_bucket=0.4, max_single_position=0.3),
        scores=[Score("t1", 0.9), Score("t2", 0.9), Score("d1", 0.9)],
        held={"t1": 0.25, "t2": 0.25, "t3": 0.1},
        bans=[Ban("t1", "no_trade"), Ban("t2", "no_trade")],
    )
    result = rebalance(day)
    targets = by_asset(result.targets)
    assert targets["t3"]["target_weight"] == Decimal("0.00000001")
    assert targets["t3"]["post_trade_weight"] > 0
    assert result.constraint_checks["is_ok"].all()
