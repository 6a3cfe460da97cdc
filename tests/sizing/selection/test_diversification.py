"""Who gets a place: new names a day, the total, buckets, places kept for missing buckets."""

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.days import WIDE, Ban, a_day, broken, decisions, gates, limits, selected

NEW, TOTAL, BUCKET = "max_new_positions", "max_total_positions", "max_positions_per_bucket"
MISSING = "min_buckets_represented"


def places(**changes: object) -> RebalancingLimits:
    """Limits that stop nobody, but for the changes."""
    return limits(**{**WIDE, "min_buckets_represented": 0, **changes})


# New names a day -------------------------------------------------------------------------------------------


def test_at_most_max_new_positions_are_opened_the_best_first() -> None:
    day = a_day(places(max_new_positions=2), scores={"t1": 0.7, "d1": 0.9, "i1": 0.8}, held={})
    assert gates(day) == {"d1": None, "i1": None, "t1": NEW}


def test_holdings_take_no_place_of_a_new_name() -> None:
    day = a_day(places(max_new_positions=1), scores={"t1": 0.9, "t2": 0.8, "t3": 0.7}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": None, "t3": None}


def test_with_no_new_positions_allowed_none_is_opened() -> None:
    day = a_day(places(max_new_positions=0), scores={"t1": 0.7, "t2": 0.9}, held={"t1": 0.1})
    assert gates(day) == {"t1": None, "t2": NEW}


def test_of_new_names_with_equal_scores_the_first_by_name_is_opened() -> None:
    day = a_day(places(max_new_positions=1), scores={"t2": 0.9, "d3": 0.9, "i1": 0.9})
    assert selected(day) == {"d3"}


def test_a_name_that_fails_the_score_test_takes_no_place_of_a_new_name() -> None:
    day = a_day(places(max_new_positions=1), scores={"t1": 0.9, "t2": 0.8, "t3": 0.64}, bans=[Ban("t1", "no_buy")])
    assert gates(day) == {"t1": "no_buy", "t2": None, "t3": "below_min_score_new_position"}


# The total -------------------------------------------------------------------------------------------------


def test_holdings_above_the_total_close_from_the_lowest() -> None:
    held = {"t1": 0.1, "d1": 0.1, "i1": 0.1, "c1": 0.1}
    day = a_day(places(max_total_positions=2), scores={"t1": 0.7, "d1": 0.9, "i1": 0.8, "c1": 0.95}, held=held)
    assert gates(day) == {"c1": None, "d1": None, "i1": TOTAL, "t1": TOTAL}


def test_holdings_exactly_at_the_total_are_all_kept() -> None:
    day = a_day(places(max_total_positions=2), scores={"t1": 0.7, "d1": 0.9}, held={"t1": 0.1, "d1": 0.1})
    assert selected(day) == {"t1", "d1"}


def test_new_names_fill_what_holdings_leave_of_the_total() -> None:
    day = a_day(places(max_total_positions=2), scores={"t1": 0.61, "d1": 0.9, "i1": 0.95}, held={"t1": 0.1})
    assert gates(day) == {"t1": None, "i1": None, "d1": TOTAL}


def test_of_holdings_with_equal_scores_the_last_by_name_closes() -> None:
    day = a_day(places(max_total_positions=1), scores={"t1": 0.9, "d1": 0.9}, held={"t1": 0.1, "d1": 0.1})
    assert gates(day) == {"d1": None, "t1": TOTAL}


def test_a_holding_that_fails_its_score_test_leaves_its_place() -> None:
    day = a_day(places(max_total_positions=1), scores={"t1": 0.5, "d1": 0.7}, held={"t1": 0.1})
    assert gates(day) == {"t1": "below_min_score_threshold", "d1": None}


def test_a_pinned_holding_takes_a_place_before_a_better_one() -> None:
    day = a_day(places(max_total_positions=1), scores={"d1": 0.99}, held={"t1": 0.1, "d1": 0.1})
    assert gates(day) == {"t1": None, "d1": TOTAL}


def test_pinned_holdings_above_the_total_are_kept_and_nobody_joins_them() -> None:
    day = a_day(places(max_total_positions=1), scores={"d1": 0.99}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": None, "d1": TOTAL}
    assert broken(rebalance(day)) == set()


# Buckets ---------------------------------------------------------------------------------------------------


def test_a_bucket_takes_at_most_its_places_holdings_first() -> None:
    day = a_day(
        places(max_positions_per_bucket=2), scores={"t1": 0.61, "t2": 0.9, "t3": 0.95, "d1": 0.7}, held={"t1": 0.1}
    )
    assert gates(day) == {"t1": None, "t3": None, "t2": BUCKET, "d1": None}


def test_holdings_above_the_places_of_a_bucket_close_from_the_lowest() -> None:
    scores = {"t1": 0.7, "t2": 0.9, "t3": 0.8, "d1": 0.61}
    day = a_day(places(max_positions_per_bucket=2), scores=scores, held=dict.fromkeys(scores, 0.1))
    assert gates(day) == {"t1": BUCKET, "t2": None, "t3": None, "d1": None}


def test_with_overflow_holdings_are_spared_and_new_names_are_not() -> None:
    scores = {"t1": 0.7, "t2": 0.9, "t3": 0.8, "t4": 1.0}
    asked = places(max_positions_per_bucket=2, allow_bucket_overflow=True)
    day = a_day(asked, scores=scores, held={"t1": 0.1, "t2": 0.1, "t3": 0.1})
    assert gates(day) == {"t1": None, "t2": None, "t3": None, "t4": BUCKET}
    assert broken(rebalance(day)) == set()


def test_overflow_does_not_spare_holdings_from_the_total() -> None:
    scores = {"t1": 0.7, "t2": 0.9, "t3": 0.8}
    asked = places(max_positions_per_bucket=1, allow_bucket_overflow=True, max_total_positions=2)
    assert gates(a_day(asked, scores=scores, held=dict.fromkeys(scores, 0.1))) == {"t1": TOTAL, "t2": None, "t3": None}


def test_a_pinned_holding_takes_the_place_of_a_better_one_in_its_bucket() -> None:
    day = a_day(places(max_positions_per_bucket=1), scores={"t2": 0.99}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": BUCKET}


def test_only_assets_that_pass_the_score_test_take_places_of_a_bucket() -> None:
    scores = {"t1": 0.5, "t2": 0.64, "t3": 0.9, "t4": 0.7}
    day = a_day(places(max_positions_per_bucket=1), scores=scores, held={"t1": 0.1}, bans=[Ban("t3", "no_buy")])
    assert selected(day) == {"t4"}


def test_a_name_stopped_by_its_bucket_takes_no_place_of_a_new_name() -> None:
    asked = places(max_positions_per_bucket=1, max_new_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.8, "d1": 0.7})
    assert gates(day) == {"t1": None, "t2": BUCKET, "d1": None}


def test_a_holding_closed_for_its_bucket_leaves_its_place_in_the_total() -> None:
    asked = places(max_positions_per_bucket=1, max_total_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.8, "d1": 0.7}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": BUCKET, "d1": None}


def test_of_equal_scores_in_a_bucket_the_first_by_name_gets_the_place() -> None:
    assert selected(a_day(places(max_positions_per_bucket=1), scores={"t2": 0.9, "t1": 0.9})) == {"t1"}


def test_a_bucket_with_a_number_of_its_own_has_that_many_places() -> None:
    asked = places(max_positions_per_bucket=1, max_positions_by_bucket={"t": 2})
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.8, "t3": 0.7, "d1": 0.9, "d2": 0.8})
    assert gates(day) == {"t1": None, "t2": None, "t3": BUCKET, "d1": None, "d2": BUCKET}
    assert {row["gate_limit"] for row in decisions(day).values()} == {None, 1.0, 2.0}


def test_a_number_of_its_own_closes_holdings_and_binds_one_portfolio_alone() -> None:
    both = {"P": places(max_positions_by_bucket={"t": 1}), "Q": places()}
    held = {(name, asset): 0.1 for name in both for asset in ("t1", "t2")}
    day = a_day(both, scores={"t1": 0.9, "t2": 0.8}, held=held)
    assert (gates(day, "P"), selected(day, "Q")) == ({"t1": None, "t2": BUCKET}, {"t1", "t2"})


# Places kept for missing buckets ---------------------------------------------------------------------------


def test_a_missing_bucket_gets_a_place_before_better_names_of_a_bucket_that_is_there() -> None:
    asked = places(min_buckets_represented=2, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.95, "d1": 0.66}, held={"t1": 0.1})
    assert gates(day) == {"t1": None, "d1": None, "t2": NEW}


def test_of_the_missing_buckets_those_with_the_best_names_get_the_places() -> None:
    asked = places(min_buckets_represented=3, max_new_positions=2)
    scores = {"t1": 0.9, "t2": 0.95, "d1": 0.7, "d2": 0.69, "i1": 0.68, "c1": 0.71}
    day = a_day(asked, scores=scores, held={"t1": 0.1})
    assert selected(day) == {"t1", "c1", "d1"}


def test_a_kept_place_goes_to_the_best_name_of_the_bucket_that_qualifies() -> None:
    asked = places(min_buckets_represented=2, max_new_positions=1)
    day = a_day(
        asked,
        scores={"t1": 0.9, "t2": 0.95, "d1": 0.8, "d2": 0.7},
        held={"t1": 0.1},
        bans=[Ban("d1", "no_buy")],
    )
    assert selected(day) == {"t1", "d2"}


def test_a_holding_that_is_closed_does_not_represent_its_bucket() -> None:
    asked = places(min_buckets_represented=2, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.95, "d1": 0.1, "d2": 0.7}, held={"t1": 0.1, "d1": 0.1})
    assert selected(day) == {"t1", "d2"}


def test_a_pinned_holding_represents_its_bucket() -> None:
    asked = places(min_buckets_represented=2, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.95, "i1": 0.7}, held={"t1": 0.1, "d1": 0.1})
    assert selected(day) == {"t1", "d1", "t2"}


def test_with_buckets_enough_no_place_is_kept() -> None:
    asked = places(min_buckets_represented=2, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.9, "t2": 0.95, "i1": 0.7}, held={"t1": 0.1, "d1": 0.1})
    assert selected(day) == {"t1", "d1", "t2"}


def test_a_missing_bucket_takes_the_place_of_the_weakest_holding_where_all_are_taken() -> None:
    asked = places(min_buckets_represented=2, max_total_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.95, "d1": 0.65}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t2": None, "t1": MISSING, "d1": None}
    assert broken(rebalance(day)) == set()


def test_holdings_above_the_total_beyond_what_a_missing_bucket_took_close_for_the_total() -> None:
    asked = places(min_buckets_represented=2, max_total_positions=2)
    scores = {"t1": 0.9, "t2": 0.8, "t3": 0.7, "d1": 0.65}
    day = a_day(asked, scores=scores, held={"t1": 0.1, "t2": 0.1, "t3": 0.1})
    assert gates(day) == {"t1": None, "t2": MISSING, "t3": TOTAL, "d1": None}


def test_a_bucket_that_is_held_counts_before_one_with_better_new_names() -> None:
    # t and d are held: both are represented, and i stays outside
    asked = places(min_buckets_represented=2, max_total_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "d1": 0.61, "i1": 0.99}, held={"t1": 0.1, "d1": 0.1})
    assert gates(day) == {"t1": None, "d1": None, "i1": TOTAL}


def test_the_best_of_a_bucket_keeps_its_place_before_better_holdings_of_another() -> None:
    asked = places(min_buckets_represented=2, max_total_positions=2)
    day = a_day(asked, scores={"t1": 0.9, "t2": 0.8, "d1": 0.61}, held={"t1": 0.1, "t2": 0.1, "d1": 0.1})
    assert gates(day) == {"t1": None, "t2": TOTAL, "d1": None}


def test_the_bucket_of_a_pinned_holding_counts_first_and_needs_nobody_else() -> None:
    # two places: the pinned t1 stands for t, so the other place is for a second bucket, and t2 closes for it
    asked = places(min_buckets_represented=2, max_total_positions=2)
    day = a_day(asked, scores={"t2": 0.9, "d1": 0.7}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": MISSING, "d1": None}
    assert not decisions(day)["t1"]["is_reserved"]


def test_no_more_missing_buckets_are_served_than_new_names_may_enter() -> None:
    asked = places(min_buckets_represented=3, max_new_positions=1, max_total_positions=3)
    scores = {"t1": 0.9, "t2": 0.8, "t3": 0.7, "d1": 0.69, "i1": 0.68}
    day = a_day(asked, scores=scores, held={"t1": 0.1, "t2": 0.1, "t3": 0.1})
    assert gates(day) == {"t1": None, "t2": None, "t3": MISSING, "d1": None, "i1": TOTAL}


def test_who_stands_for_a_bucket_is_marked_holding_or_new() -> None:
    asked = places(min_buckets_represented=2)
    rows = decisions(a_day(asked, scores={"t1": 0.9, "t2": 0.95, "d1": 0.8, "d2": 0.7}, held={"t1": 0.1}))
    assert {asset for asset, row in rows.items() if row["is_reserved"]} == {"t1", "d1"}


def test_a_bucket_that_nobody_qualifies_for_is_not_attained_and_nothing_is_invented() -> None:
    day = a_day(places(min_buckets_represented=2), scores={"t1": 0.9, "t2": 0.8, "d1": 0.64})
    result = rebalance(day)
    assert selected(day) == {"t1", "t2"}
    assert set(result.targets["asset"]) == {"t1", "t2", "CASH"}
    assert broken(result) == set()


def test_one_bucket_alone_in_the_universe_is_filled_all_the_same() -> None:
    assert selected(a_day(places(min_buckets_represented=3), scores={"t1": 0.9, "t2": 0.8})) == {"t1", "t2"}


def test_each_portfolio_fills_its_own_places() -> None:
    both = {"P": places(max_new_positions=1), "Q": places(max_new_positions=2)}
    day = a_day(both, scores={"t1": 0.9, "t2": 0.8, "t3": 0.7}, held={("Q", "t3"): 0.1})
    assert (selected(day, "P"), selected(day, "Q")) == ({"t1"}, {"t1", "t2", "t3"})
