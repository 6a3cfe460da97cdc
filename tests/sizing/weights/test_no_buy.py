"""A holding that may not be bought is sized like any other, and never grows (docs/selection.md 2)."""

from decimal import Decimal

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.days import WIDE, Ban, a_day, broken, by_asset, decisions, limits, targets

NO_BUY = [Ban("t1", "no_buy")]


def even(total: float, **changes: object) -> RebalancingLimits:
    """Limits that give each selected asset total / n."""
    return limits(**{**WIDE, "enable_dynamic_sizing": False, "target_total_allocation": total, **changes})


def test_a_holding_that_would_grow_stays_and_the_others_share_the_rest() -> None:
    # .9 / 3 = .3 each; t1 stays at .1, the others get .4
    day = a_day(even(0.9), scores={"t1": 0.9, "t2": 0.9, "t3": 0.9}, held={"t1": "0.1"}, bans=NO_BUY)
    rows = targets(day)
    assert [rows[asset]["target_weight"] for asset in ("t1", "t2", "t3")] == [
        Decimal("0.1"),
        Decimal("0.4"),
        Decimal("0.4"),
    ]
    assert (rows["t1"]["action"], rows["t1"]["trade_weight"], rows["t1"]["is_pinned"]) == ("hold", 0, True)


def test_a_holding_that_would_shrink_shrinks() -> None:
    row = targets(a_day(even(0.9), scores={"t1": 0.9, "t2": 0.9}, held={"t1": "0.6"}, bans=NO_BUY))["t1"]
    assert (row["action"], row["target_weight"], row["is_pinned"]) == ("decrease", Decimal("0.45"), False)


def test_a_holding_that_closes_closes() -> None:
    row = targets(a_day(scores={"t1": 0.1}, held={"t1": "0.1"}, bans=NO_BUY))["t1"]
    assert (row["action"], row["target_weight"]) == ("close", 0)


def test_the_weight_of_one_held_back_does_not_go_to_another_that_may_not_be_bought() -> None:
    # .9 / 3 = .3 each: t1 (.1) would grow, t2 (.5) shrinks to .3 and stays there; t3 gets the rest
    bans = [Ban("t1", "no_buy"), Ban("t2", "no_buy")]
    day = a_day(even(0.9), scores={"t1": 0.9, "t2": 0.9, "t3": 0.9}, held={"t1": "0.1", "t2": "0.5"}, bans=bans)
    weights = {asset: row["target_weight"] for asset, row in targets(day).items()}
    assert weights == {"t1": Decimal("0.1"), "t2": Decimal("0.3"), "t3": Decimal("0.5"), "CASH": 0}


def test_other_portfolios_and_their_rows_stay_as_they_were() -> None:
    both = {"P": even(0.9), "Q": even(0.9), "R": even(0.6)}
    held = {(name, "t1"): "0.1" for name in both}
    scores = {"t1": 0.9, "t2": 0.9, "t3": 0.9}
    with_ban = rebalance(a_day(both, scores=scores, held=held, bans=[Ban("t1", "no_buy", "Q")]))
    without = rebalance(a_day(both, scores=scores, held=held))
    for name in ("P", "R"):
        assert by_asset(with_ban.targets, name) == by_asset(without.targets, name)
    assert with_ban.sizing_audit["portfolio_id"].to_list() == without.sizing_audit["portfolio_id"].to_list()
    assert with_ban.sizing_summary["portfolio_id"].to_list() == ["P", "Q", "R"]


def test_it_says_what_it_would_have_got_and_why_it_did_not() -> None:
    day = a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t1": "0.1"}, bans=NO_BUY)
    told = targets(day)["t1"]["target_reason"]
    assert told.startswith("Rank 1, score 0.9, max x1.53: raw ")
    assert told.endswith("target 0.15000000. Restriction no_buy: not bought, pinned at 0.10000000.")
    assert not decisions(day)["t1"]["is_pinned"]  # its weight was decided by the sizing, not before


@pytest.mark.parametrize("current", ["0.00000001", "0.00000003", "0.019", "0.03333333"])
@pytest.mark.parametrize("total", [0.95, 0.1, 0.33333333, 0.10000001])
def test_it_does_not_grow_by_a_single_unit(current: str, total: float) -> None:
    asked = limits(
        target_total_allocation=total,
        min_position_size=0,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.04,
        residual_strategy="proportional",
        rebalance_band=0,
        max_new_positions=9,
        min_buckets_represented=0,
    )
    scores = {"t1": 0.9, "t2": 0.88, "t3": 0.7, "d1": 0.8, "d2": 0.93, "d3": 0.75, "i1": 0.66}
    result = rebalance(a_day(asked, scores=scores, held={"t1": current}, bans=NO_BUY))
    assert by_asset(result.targets)["t1"]["target_weight"] <= Decimal(current)
    assert broken(result) == set()


def test_a_held_back_holding_below_the_minimum_size_is_no_broken_minimum() -> None:
    result = rebalance(a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t1": "0.01"}, bans=NO_BUY))
    assert by_asset(result.targets)["t1"]["target_weight"] == Decimal("0.01")
    assert broken(result) == set()
