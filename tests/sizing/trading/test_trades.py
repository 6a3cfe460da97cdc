"""From weights to targets: actions, the rebalance band, the CASH row, the order of trades.

Without dynamic sizing every selected asset gets target_total_allocation / n, so each target is plain to see.
"""

from decimal import Decimal

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.days import AS_OF, WIDE, Ban, a_day, by_asset, limits, targets

COLUMNS = [
    "as_of_date",
    "portfolio_id",
    "asset",
    "bucket",
    "is_cash",
    "target_weight",
    "current_weight",
    "trade_weight",
    "post_trade_weight",
    "action",
    "trade_rank",
    "trade_reason",
    "trade_scale",
    "is_pinned",
    "is_score_stale",
    "target_reason",
]
TWO = {"t1": 0.9, "t2": 0.9}


def even(total: float, **changes: object) -> RebalancingLimits:
    """Limits that give each selected asset total / n."""
    return limits(**{**WIDE, "enable_dynamic_sizing": False, "target_total_allocation": total, **changes})


def traded(total: float, current: str, **changes: object) -> tuple[str, Decimal]:
    """Return action and trade of a holding of `current` whose target is half of `total`."""
    row = targets(a_day(even(total, **changes), scores=TWO, held={"t1": current}))["t1"]
    return row["action"], row["trade_weight"]


def test_targets_have_the_columns_of_their_table_in_order() -> None:
    assert rebalance(a_day(scores=TWO)).targets.columns == COLUMNS


# Actions ---------------------------------------------------------------------------------------------------


def test_a_new_name_is_opened_with_its_whole_weight() -> None:
    row = targets(a_day(even(0.9), scores=TWO))["t1"]
    assert (row["action"], row["current_weight"], row["trade_weight"]) == ("open", 0, Decimal("0.45"))


def test_a_holding_far_below_its_target_is_increased_by_the_difference() -> None:
    assert traded(0.9, "0.1") == ("increase", Decimal("0.35"))


def test_a_holding_far_above_its_target_is_decreased_by_the_difference() -> None:
    assert traded(0.2, "0.3") == ("decrease", Decimal("-0.2"))


def test_a_holding_that_leaves_is_closed_and_says_why() -> None:
    row = targets(a_day(scores={"t1": 0.1, "t2": 0.9}, held={"t1": "0.07"}))["t1"]
    assert (row["action"], row["target_weight"], row["trade_weight"]) == ("close", 0, Decimal("-0.07"))
    assert row["target_reason"] == "Holding, score 0.1, candidate rank 2: below min_score_threshold 0.6."


def test_a_holding_that_the_sizer_drops_is_closed_and_says_why() -> None:
    asked = limits(min_score_threshold=0.5)  # the lowest tier is .6
    row = targets(a_day(asked, scores={"t1": 0.55, "t2": 0.9}, held={"t1": "0.07"}))["t1"]
    assert (row["action"], row["trade_weight"]) == ("close", Decimal("-0.07"))
    assert "no_size" in row["target_reason"]


def test_a_new_name_that_the_sizer_drops_has_no_target() -> None:
    asked = limits(min_score_new_position=0.5, min_score_threshold=0.5)
    assert set(targets(a_day(asked, scores={"t1": 0.55, "t2": 0.9}))) == {"t2", "CASH"}


def test_a_candidate_that_was_not_selected_has_no_target() -> None:
    assert set(targets(a_day(scores={"t1": 0.1, "t2": 0.9}))) == {"t2", "CASH"}


def test_a_position_says_how_its_weight_came_about() -> None:
    assert targets(a_day(scores=TWO))["t1"]["target_reason"].startswith("Rank 1, score 0.9, max x1.5: raw ")


# The rebalance band ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "current"),
    [
        (0.21, "0.1"),  # .105 - .1 = .005 = .05 x .1
        (0.735, "0.35"),  # .3675 - .35 = .0175 = .05 x .35
        (0.609, "0.29"),  # .3045 - .29 = .0145 = .05 x .29
    ],
)
def test_a_change_of_exactly_the_band_is_not_traded(total: float, current: str) -> None:
    assert traded(total, current) == ("hold", 0)


@pytest.mark.parametrize(("held", "action"), [("0.1", "hold"), ("0.10000001", "decrease")])
def test_a_sale_of_exactly_the_band_is_held_where_two_held_purchases_leave_the_money(held: str, action: str) -> None:
    scores = {"t1": 0.9, "t2": 0.9, "t3": 0.9}
    day = a_day(even(0.285), scores=scores, held={"t1": held, "t2": "0.0925", "t3": "0.0925"})
    assert [targets(day)[asset]["action"] for asset in scores] == [action, "hold", "hold"]


@pytest.mark.parametrize(
    ("total", "current", "action"), [(0.21000002, "0.1", "increase"), (0.18999998, "0.1", "decrease")]
)
def test_a_change_of_one_unit_more_than_the_band_is_traded(total: float, current: str, action: str) -> None:
    change = Decimal("0.00500001") * (1 if action == "increase" else -1)
    assert traded(total, current) == (action, change)


def test_a_hold_keeps_the_target_that_was_computed() -> None:
    row = targets(a_day(even(0.202), scores=TWO, held={"t1": "0.1"}))["t1"]
    assert (row["action"], row["target_weight"], row["trade_weight"]) == ("hold", Decimal("0.101"), 0)


def test_with_a_band_of_0_every_unit_is_traded() -> None:
    assert traded(0.20000002, "0.1", rebalance_band=0) == ("increase", Decimal("0.00000001"))
    assert traded(0.2, "0.1", rebalance_band=0) == ("hold", 0)


def test_the_widest_band_neither_keeps_what_leaves_nor_stops_what_is_new() -> None:
    rows = targets(a_day(even(0.4, rebalance_band=1), scores={**TWO, "t3": 0.1}, held={"t2": 0.2, "t3": 0.1}))
    assert {asset: row["action"] for asset, row in rows.items()} == {
        "t1": "open",
        "t2": "hold",
        "t3": "close",
        "CASH": "hold",
    }


def test_each_portfolio_has_its_own_band() -> None:
    both = {"P": even(0.22, rebalance_band=0.1), "Q": even(0.22)}
    day = a_day(both, scores=TWO, held={("P", "t1"): 0.1, ("Q", "t1"): 0.1})
    assert (targets(day, "P")["t1"]["action"], targets(day, "Q")["t1"]["action"]) == ("hold", "increase")


def test_a_number_in_a_sentence_is_rounded_alike_alone_and_in_company() -> None:
    limits_of = {"P": even(0.2), "Q": even(0.2)}
    held = {(name, "t1"): "0.10145" for name in limits_of}  # .00145 above the target, between two shown decimals
    together = targets(a_day(limits_of, scores=TWO, held=held), "P")["t1"]["target_reason"]
    alone = targets(a_day({"P": even(0.2)}, scores=TWO, held={("P", "t1"): "0.10145"}), "P")["t1"]["target_reason"]
    assert together == alone
    assert "the sale of 0.0014 is within rebalance_band 0.05" in alone


# Order -----------------------------------------------------------------------------------------------------


def test_sells_are_ranked_before_buys_the_larger_first_then_by_name() -> None:
    # four are selected, .225 each
    day = a_day(
        even(0.9),
        scores={"t1": 0.7, "t2": 0.9, "t3": 0.9, "t4": 0.9, "d1": 0.1, "d2": 0.1, "i1": 0.1},
        held={"t1": 0.3, "t2": 0.1, "t3": 0.225, "d1": 0.05, "d2": 0.075, "i1": 0.2},
    )
    ranks = {asset: row["trade_rank"] for asset, row in targets(day).items()}
    assert ranks == {"i1": 1, "d2": 2, "t1": 3, "d1": 4, "t4": 5, "t2": 6, "t3": None, "CASH": None}


def test_targets_come_by_portfolio_positions_by_weight_then_name_then_cash() -> None:
    both = {"P": limits(), "Q": limits()}
    day = a_day(both, scores={"t1": 0.7, "t2": 0.9, "d1": 0.9, "i1": 0.1}, held={("P", "i1"): 0.1})
    rows = rebalance(day).targets.select("portfolio_id", "asset").rows()
    # .15 each, the cap: equal weights by name
    assert ["".join(row) for row in rows] == ["Pd1", "Pt1", "Pt2", "Pi1", "PCASH", "Qd1", "Qt1", "Qt2", "QCASH"]


# Cash ------------------------------------------------------------------------------------------------------


def test_cash_pays_for_the_trades_and_has_no_rank_reason_or_scale() -> None:
    row = targets(a_day(scores={"t1": 0.9}))["CASH"]  # .95 - .15
    weights = [row[f"{name}_weight"] for name in ("current", "target", "trade", "post_trade")]
    assert weights == [Decimal("0.95"), Decimal("0.8"), Decimal("-0.15"), Decimal("0.8")]
    assert (row["trade_reason"], row["trade_scale"]) == (None, None)
    assert (row["is_cash"], row["bucket"], row["action"], row["trade_rank"]) == (True, None, "hold", None)
    assert (row["is_pinned"], row["is_score_stale"], row["as_of_date"]) == (False, False, AS_OF)


def test_cash_says_what_left_it_over_and_what_would_place_it() -> None:
    row = targets(a_day(scores={"t1": 0.9, "t2": 0.8, "t3": 0.7}))["CASH"]  # docs/sizing.md 8, three names, and cash
    assert row["target_weight"] == Decimal("0.5")
    assert row["target_reason"] == (
        "The caps left 0.5 over, safe_top_slice placed it but for this cash. "
        "max_single_position 0.15 -> 0.3167 would place it all."
    )


def test_without_anything_over_cash_is_zero_and_says_so() -> None:
    row = targets(a_day(even(0.9), scores=TWO))["CASH"]
    assert (row["target_weight"], row["target_reason"]) == (0, "The positions make up target_total_allocation.")


def test_a_portfolio_with_nothing_is_all_cash() -> None:
    rows = targets(a_day(limits(target_total_allocation=0.9)))
    assert {asset: row["target_weight"] for asset, row in rows.items()} == {"CASH": Decimal("0.9")}


@pytest.mark.parametrize(("max_turnover", "mandatory"), [(0.1, Decimal(0)), (None, None)])
def test_a_portfolio_with_nothing_tells_its_mandatory_turnover_where_turnover_is_limited(
    max_turnover: float | None, mandatory: Decimal | None
) -> None:
    summary = rebalance(a_day(limits(max_turnover=max_turnover))).trade_summary
    assert summary["mandatory_turnover"].to_list() == [mandatory]


# Flags -----------------------------------------------------------------------------------------------------


def test_targets_flag_what_is_pinned_and_what_has_no_score() -> None:
    day = a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t2": 0.1, "t3": 0.1}, bans=[Ban("t2", "no_trade")])
    flags = {asset: (row["is_pinned"], row["is_score_stale"]) for asset, row in targets(day).items()}
    assert flags == {"t1": (False, False), "t2": (True, False), "t3": (True, True), "CASH": (False, False)}


def test_every_selected_position_is_in_the_audit_with_the_weight_of_its_target() -> None:
    result = rebalance(a_day(scores={"t1": 0.9, "t2": 0.7}, held={"t2": 0.1, "t3": 0.1}))
    audit = {asset: row["target_weight"] for asset, row in by_asset(result.sizing_audit).items()}
    found = {asset: row["target_weight"] for asset, row in by_asset(result.targets).items() if asset != "CASH"}
    assert audit == found
