"""Replacement rounds: which holding a new name may meet, and in which order new names win (docs/selection.md 3.5)."""

from sizing.pipeline import rebalance
from tests.sizing.days import a_day, broken, decisions, gates, selected
from tests.sizing.test_diversification_replacement import replacing

TOTAL, BUCKET, REPLACED = "max_total_positions", "max_positions_per_bucket", "replaced"


def test_a_name_of_a_full_bucket_replaces_the_weakest_of_its_own() -> None:
    day = a_day(
        replacing(max_positions_per_bucket=2, max_total_positions=3),
        scores={"t1": 0.7, "t2": 0.75, "d1": 0.61, "t3": 0.9},
        held={"t1": 0.1, "t2": 0.1, "d1": 0.1},
    )
    assert gates(day) == {"t1": REPLACED, "t2": None, "t3": None, "d1": None}
    assert broken(rebalance(day)) == set()


def test_a_name_of_a_full_bucket_replaces_its_own_where_the_portfolio_has_places_left() -> None:
    day = a_day(
        replacing(max_positions_per_bucket=1, max_total_positions=9), scores={"t1": 0.7, "t2": 0.9}, held={"t1": 0.1}
    )
    assert gates(day) == {"t1": REPLACED, "t2": None}


def test_a_name_of_a_bucket_with_places_meets_the_weakest_of_all() -> None:
    day = a_day(
        replacing(max_positions_per_bucket=2),
        scores={"t1": 0.7, "d1": 0.65, "t2": 0.9},
        held={"t1": 0.1, "d1": 0.1},
    )
    assert gates(day) == {"t1": None, "d1": REPLACED, "t2": None}


def test_a_name_of_a_bucket_above_its_limit_replaces_nobody() -> None:
    asked = replacing(max_positions_per_bucket=1, allow_bucket_overflow=True)
    day = a_day(asked, scores={"t1": 0.7, "t2": 0.71, "t3": 0.99}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day) == {"t1": None, "t2": None, "t3": BUCKET}


def test_a_bucket_that_lost_a_holding_has_a_place_for_its_next_name() -> None:
    # i1 (.90) beats t1, the weakest of all: t has a free position, and t2 meets the weakest of who is left, c1
    asked = replacing(max_positions_per_bucket=1, max_total_positions=3, max_new_positions=2)
    held = {"t1": 0.1, "d1": 0.1, "c1": 0.1}
    day = a_day(asked, scores={"t1": 0.61, "t2": 0.74, "d1": 0.64, "c1": 0.63, "i1": 0.9}, held=held)
    assert gates(day) == {"t1": REPLACED, "t2": None, "d1": None, "c1": REPLACED, "i1": None}


def test_a_bucket_that_lost_none_has_no_place_for_its_next_name() -> None:
    # as before, but the weakest of all is c1: t stays full, and t2 (.74) meets t1 (.65) in vain
    asked = replacing(max_positions_per_bucket=1, max_total_positions=3, max_new_positions=2)
    held = {"t1": 0.1, "d1": 0.1, "c1": 0.1}
    day = a_day(asked, scores={"t1": 0.65, "t2": 0.74, "d1": 0.66, "c1": 0.64, "i1": 0.9}, held=held)
    assert gates(day) == {"t1": None, "t2": BUCKET, "d1": None, "c1": REPLACED, "i1": None}


def test_a_better_name_that_cannot_win_lets_a_weaker_one_try() -> None:
    # t3 (.90) meets t1 (.85) in vain; d2 (.80) meets d1 (.65)
    day = a_day(
        replacing(max_positions_per_bucket=1),
        scores={"t1": 0.85, "t3": 0.9, "d1": 0.65, "d2": 0.8},
        held={"t1": 0.1, "d1": 0.1},
    )
    assert gates(day) == {"t1": None, "t3": BUCKET, "d1": REPLACED, "d2": None}


def test_who_stands_for_a_bucket_is_not_replaced_by_a_name_of_its_own() -> None:
    asked = replacing(min_buckets_represented=2, max_positions_per_bucket=1)
    day = a_day(asked, scores={"t1": 0.61, "t2": 0.99, "d1": 0.61}, held={"t1": 0.1, "d1": 0.1})
    assert gates(day) == {"t1": None, "t2": BUCKET, "d1": None}


def test_a_name_that_was_too_many_for_the_day_replaces_nobody() -> None:
    asked = replacing(max_total_positions=3, max_new_positions=1)
    day = a_day(asked, scores={"t1": 0.6, "d1": 0.6, "i1": 0.9, "c1": 0.99}, held={"t1": 0.1, "d1": 0.1})
    assert selected(day) == {"t1", "d1", "c1"}


def test_each_portfolio_holds_its_own_replacement() -> None:
    three = {"P": replacing(0.1), "Q": replacing(None), "R": replacing(0.3)}
    held = {(name, asset): 0.1 for name in three for asset in ("t1", "d1")}
    day = a_day(three, scores={"t1": 0.65, "d1": 0.7, "i1": 0.9}, held=held)
    assert [selected(day, name) for name in three] == [{"d1", "i1"}, {"t1", "d1"}, {"t1", "d1"}]


def test_the_margin_is_the_limit_of_who_was_replaced() -> None:
    row = decisions(a_day(replacing(), scores={"t1": 0.65, "d1": 0.9, "i1": 0.8}, held={"t1": 0.1, "d1": 0.1}))["t1"]
    assert (row["gate"], row["gate_limit"]) == (REPLACED, 0.1)
