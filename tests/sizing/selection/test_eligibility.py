"""Who qualifies: restrictions first, then the universe, then the score."""

from decimal import Decimal

import pytest

from sizing.pipeline import rebalance
from tests.sizing.days import WIDE, Ban, Score, a_day, broken, by_asset, decisions, gates, limits, selected, targets

OPEN = {**WIDE, "min_buckets_represented": 0}


# Thresholds ------------------------------------------------------------------------------------------------


def test_a_holding_exactly_at_its_threshold_is_kept_and_one_below_is_closed() -> None:
    day = a_day(scores={"t1": 0.6, "t2": 0.5999}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": "below_min_score_threshold"}


def test_a_new_name_exactly_at_its_threshold_is_opened_and_one_below_is_not() -> None:
    assert gates(a_day(scores={"t1": 0.65, "t2": 0.6499})) == {"t1": None, "t2": "below_min_score_new_position"}


def test_parts_that_make_exactly_the_threshold_open_a_position() -> None:
    assert gates(a_day(scores=[Score("t1", technical=0.65, fundamental=0.65)])) == {"t1": None}


def test_a_holding_between_the_thresholds_is_kept_where_a_new_name_is_not_opened() -> None:
    day = a_day(scores={"t1": 0.62, "t2": 0.62}, held={"t1": 0.1})
    assert gates(day) == {"t1": None, "t2": "below_min_score_new_position"}


def test_a_holding_is_closed_on_its_last_score_while_that_counts() -> None:
    day = a_day(scores=[Score("t1", 0.3, age=3)], held={"t1": 0.1})
    assert gates(day) == {"t1": "below_min_score_threshold"}


# Scores that are missing -----------------------------------------------------------------------------------


def test_a_holding_without_a_score_is_pinned_flagged_and_never_sold() -> None:
    day = a_day(scores=[Score("t1", 0.1, age=4), Score("t2", 0.9)], held={"t1": "0.07", "t2": "0.1"})
    row = decisions(day)["t1"]
    assert (row["gate"], row["is_pinned"], row["is_score_stale"]) == (None, True, True)
    target = targets(day)["t1"]
    assert (target["target_weight"], target["trade_weight"], target["action"]) == (Decimal("0.07"), 0, "hold")
    assert (target["is_pinned"], target["is_score_stale"]) == (True, True)


def test_a_frozen_holding_is_scaled_by_the_cap_and_by_its_bucket() -> None:
    # .30 -> c .15; then .15 + .15 + .10 in a bucket of .20: half of each
    asked = limits(enable_bucket_diversification=True, max_allocation_per_bucket=0.2)
    rows = targets(a_day(asked, held={"t1": 0.3, "t2": 0.15, "t3": 0.1}))
    frozen = {asset: row["target_weight"] for asset, row in rows.items() if asset != "CASH"}
    assert frozen == {"t1": Decimal("0.075"), "t2": Decimal("0.075"), "t3": Decimal("0.05")}


def test_frozen_holdings_above_the_total_are_scaled_together() -> None:
    rows = targets(a_day(limits(target_total_allocation=0.2), held={"t1": 0.15, "t2": 0.15, "t3": 0.1}))
    assert [rows[asset]["target_weight"] for asset in ("t1", "t2", "t3", "CASH")] == [
        Decimal("0.075"),
        Decimal("0.075"),
        Decimal("0.05"),
        0,
    ]


def test_a_frozen_holding_above_the_whole_portfolio_is_cut_to_the_cap() -> None:
    assert targets(a_day(held={"t1": "1.2"}))["t1"]["target_weight"] == Decimal("0.15")


def test_a_pinned_holding_has_no_rank_without_a_score() -> None:
    rows = decisions(a_day(scores={"t2": 0.9}, held={"t1": 0.1}))
    assert (rows["t1"]["candidate_rank"], rows["t1"]["bucket_rank"]) == (None, None)
    assert (rows["t2"]["candidate_rank"], rows["t2"]["bucket_rank"]) == (1, 1)


# Restrictions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scores", [{"t1": 1.0}, {"t1": 0.0}, {}])
def test_must_sell_closes_a_holding_whatever_its_score(scores: dict[str, float]) -> None:
    day = a_day(scores=scores, held={"t1": 0.1}, bans=[Ban("t1", "must_sell")])
    assert gates(day) == {"t1": "must_sell"}
    assert not decisions(day)["t1"]["is_pinned"]
    row = targets(day)["t1"]
    assert (row["target_weight"], row["trade_weight"], row["action"]) == (0, Decimal("-0.1"), "close")


def test_must_sell_keeps_a_new_name_out() -> None:
    assert gates(a_day(scores={"t1": 1.0}, bans=[Ban("t1", "must_sell")])) == {"t1": "must_sell"}


def test_no_buy_stops_a_new_name_and_keeps_a_holding() -> None:
    bans = [Ban("t1", "no_buy"), Ban("t2", "no_buy")]
    day = a_day(scores={"t1": 0.9, "t2": 0.9}, held={"t2": 0.1}, bans=bans)
    assert gates(day) == {"t1": "no_buy", "t2": None}
    assert not decisions(day)["t2"]["is_pinned"]


def test_no_buy_does_not_keep_a_holding_below_its_threshold() -> None:
    day = a_day(scores={"t1": 0.1}, held={"t1": 0.1}, bans=[Ban("t1", "no_buy")])
    assert gates(day) == {"t1": "below_min_score_threshold"}


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_no_trade_pins_a_holding_at_its_weight_whatever_its_score(score: float) -> None:
    day = a_day(scores={"t1": score, "t2": 0.9}, held={"t1": 0.12}, bans=[Ban("t1", "no_trade")])
    assert gates(day) == {"t1": None, "t2": None}
    row = targets(day)["t1"]
    assert (row["target_weight"], row["action"], row["is_pinned"]) == (Decimal("0.12"), "hold", True)
    assert not row["is_score_stale"]


def test_no_trade_keeps_a_new_name_out() -> None:
    assert gates(a_day(scores={"t1": 1.0}, bans=[Ban("t1", "no_trade")])) == {"t1": "no_trade"}


def test_a_restriction_of_another_portfolio_does_not_matter() -> None:
    both = {"P": limits(), "Q": limits()}
    day = a_day(both, scores={"t1": 0.9}, bans=[Ban("t1", "must_sell", "Q")])
    assert (gates(day, "P"), gates(day, "Q")) == ({"t1": None}, {"t1": "must_sell"})


# Exclusions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"exclude_buckets": ("t",)}, {"exclude_assets": ("t1", "t2", "t3")}])
def test_what_the_config_leaves_out_is_neither_opened_nor_kept(changes: dict[str, tuple[str, ...]]) -> None:
    day = a_day(limits(**changes), scores={"t1": 0.9, "t2": 0.9, "d1": 0.9}, held={"t2": 0.1, "t3": 0.1})
    assert gates(day) == {"t1": "excluded", "t2": "excluded", "t3": "excluded", "d1": None}
    assert targets(day)["t3"]["action"] == "close"


def test_an_excluded_holding_that_may_not_be_traded_is_pinned_all_the_same() -> None:
    day = a_day(limits(exclude_assets=("t1",)), scores={"t1": 0.9}, held={"t1": 0.1}, bans=[Ban("t1", "no_trade")])
    assert gates(day) == {"t1": None}
    assert targets(day)["t1"]["action"] == "hold"


def test_restrictions_come_before_exclusions() -> None:
    bans = [Ban("t1", "must_sell"), Ban("t2", "no_buy")]
    day = a_day(limits(exclude_buckets=("t",)), scores={"t1": 0.9, "t2": 0.9}, held={"t1": 0.1}, bans=bans)
    assert gates(day) == {"t1": "must_sell", "t2": "no_buy"}


def test_unclassified_holdings_can_be_left_out_by_that_name() -> None:
    asked = limits(exclude_buckets=("unclassified",))
    assert gates(a_day(asked, scores={"t1": 0.9}, held={"t1": 0.1}, buckets={"t1": None})) == {"t1": "excluded"}


def test_a_holding_outside_of_what_the_config_includes_is_closed_with_or_without_a_score() -> None:
    day = a_day(limits(include_buckets=("d",)), scores={"t1": 0.9, "d1": 0.9}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": "excluded", "t2": "excluded", "d1": None}


# Unknown buckets -------------------------------------------------------------------------------------------

UNKNOWN = {"u1": None, "u2": None}


def test_a_new_name_that_the_asset_list_does_not_know_stays_out_and_a_holding_stays() -> None:
    day = a_day(limits(**OPEN), scores={"u1": 0.9, "u2": 0.9}, held={"u2": 0.1}, buckets=UNKNOWN)
    assert gates(day) == {"u1": "no_bucket", "u2": None}


def test_where_the_config_allows_it_a_new_name_enters_without_a_bucket() -> None:
    day = a_day(limits(**OPEN, allow_unclassified=True), scores={"u1": 0.9, "u2": 0.5}, buckets=UNKNOWN)
    assert gates(day) == {"u1": None, "u2": "below_min_score_new_position"}


def test_names_without_a_bucket_share_one() -> None:
    asked = limits(**{**OPEN, "max_positions_per_bucket": 1}, allow_unclassified=True)
    assert selected(a_day(asked, scores={"u1": 0.9, "u2": 0.8}, buckets=UNKNOWN)) == {"u1"}


def test_a_name_below_its_threshold_without_a_bucket_is_stopped_by_the_bucket_first() -> None:
    assert gates(a_day(scores={"u1": 0.1}, buckets=UNKNOWN)) == {"u1": "no_bucket"}


# Ranks -----------------------------------------------------------------------------------------------------


def test_candidates_are_ranked_by_score_then_name_in_all_and_in_their_bucket() -> None:
    day = a_day(limits(**OPEN), scores={"t2": 0.8, "t1": 0.8, "d1": 0.9, "d2": 0.1}, held={"d2": 0.1})
    ranks = {asset: (row["candidate_rank"], row["bucket_rank"]) for asset, row in decisions(day).items()}
    assert ranks == {"d1": (1, 1), "t1": (2, 1), "t2": (3, 2), "d2": (4, 2)}


# Holdings with nothing in them ------------------------------------------------------------------------------


def test_a_holding_of_weight_zero_breaks_no_constraint() -> None:
    # a dust position that rounds to 0.00000000 is still held: it takes no place of a new name
    result = rebalance(a_day(limits(max_new_positions=0), scores={"t1": 0.9}, held={"t1": 0}))
    assert by_asset(result.targets)["t1"]["target_weight"] == Decimal("0.15")
    assert broken(result) == set()


def test_selected_is_exactly_what_no_gate_stopped() -> None:
    day = a_day(scores={"t1": 0.9, "t2": 0.1, "t3": 0.7}, held={"t3": 0.1, "t4": 0.1})
    assert selected(day) == {"t1", "t3", "t4"}
