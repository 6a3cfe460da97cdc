"""With replacement_margin set, a new name may take the place of the lowest holding that it beats by it."""

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.days import WIDE, a_day, broken, decisions, gates, limits, selected


def replacing(margin: float | None = 0.1, **changes: object) -> RebalancingLimits:
    """Limits with two places, that stop nobody else, but for the changes."""
    own = {"replacement_margin": margin, "max_total_positions": 2, "min_buckets_represented": 0}
    return limits(**{**WIDE, **own, **changes})


HELD = {"t1": 0.1, "d1": 0.1}


@pytest.mark.parametrize(("score", "replaces"), [(0.75, True), (0.7499, False), (0.76, True)])
def test_a_new_name_replaces_the_lowest_holding_from_the_margin_on(score: float, replaces: bool) -> None:  # noqa: FBT001
    day = a_day(replacing(), scores={"t1": 0.65, "d1": 0.9, "i1": score}, held=HELD)
    stays = {"t1": None, "d1": None, "i1": "max_total_positions"}
    assert gates(day) == ({"t1": "replaced", "d1": None, "i1": None} if replaces else stays)


@pytest.mark.parametrize("holding", [0.61, 0.62, 0.63, 0.66, 0.69, 0.7, 0.71, 0.78])
def test_exactly_the_margin_is_enough_whatever_the_last_bit_of_a_float_says(holding: float) -> None:
    day = a_day(replacing(), scores={"t1": holding, "d1": 0.9, "i1": round(holding + 0.1, 2)}, held=HELD)
    assert selected(day) == {"d1", "i1"}


def test_without_a_margin_nobody_is_replaced() -> None:
    day = a_day(replacing(None), scores={"t1": 0.6, "d1": 0.6, "i1": 1.0}, held=HELD)
    assert selected(day) == {"t1", "d1"}


def test_a_place_that_is_free_is_taken_before_anybody_is_replaced() -> None:
    day = a_day(replacing(max_total_positions=3), scores={"t1": 0.6, "d1": 0.6, "i1": 1.0}, held=HELD)
    assert selected(day) == {"t1", "d1", "i1"}


def test_the_best_challenger_meets_the_lowest_holding_and_the_next_the_next() -> None:
    # .80 against .65, .79 against .70 (.09 short), in pairs: the second does not get the place of the first
    day = a_day(replacing(), scores={"t1": 0.65, "d1": 0.7, "i1": 0.79, "c1": 0.8}, held=HELD)
    assert gates(day) == {"t1": "replaced", "d1": None, "c1": None, "i1": "max_total_positions"}


def test_several_holdings_can_be_replaced_on_one_day() -> None:
    day = a_day(replacing(), scores={"t1": 0.65, "d1": 0.7, "i1": 0.8, "c1": 0.95}, held=HELD)
    assert selected(day) == {"i1", "c1"}


def test_a_replacement_counts_as_a_new_position_of_the_day() -> None:
    scores = {"t1": 0.65, "d1": 0.7, "i1": 0.9, "c1": 0.95}
    assert selected(a_day(replacing(max_new_positions=1), scores=scores, held=HELD)) == {"d1", "c1"}
    assert selected(a_day(replacing(max_new_positions=0), scores=scores, held=HELD)) == {"t1", "d1"}


def test_new_names_that_got_a_free_place_are_counted_before_replacements() -> None:
    scores = {"t1": 0.65, "d1": 0.7, "i1": 0.9, "c1": 0.95}
    day = a_day(replacing(max_total_positions=3, max_new_positions=1), scores=scores, held=HELD)
    assert selected(day) == {"t1", "d1", "c1"}


def test_a_pinned_holding_is_never_replaced() -> None:
    day = a_day(replacing(), scores={"d1": 0.7, "i1": 0.9, "c1": 0.95}, held=HELD)
    assert gates(day) == {"t1": None, "d1": "replaced", "c1": None, "i1": "max_total_positions"}


def test_a_name_that_has_no_place_in_its_bucket_replaces_nobody_of_another() -> None:
    asked = replacing(max_positions_per_bucket=1)
    day = a_day(asked, scores={"t1": 0.95, "d1": 0.6, "t2": 0.9}, held=HELD)
    assert gates(day) == {"t1": None, "d1": None, "t2": "max_positions_per_bucket"}


def test_of_equal_holdings_the_last_by_name_is_replaced_by_the_first_challenger_by_name() -> None:
    day = a_day(replacing(), scores={"t1": 0.65, "d1": 0.65, "i1": 0.76, "c1": 0.76}, held=HELD)
    one = a_day(replacing(max_new_positions=1), scores={"t1": 0.65, "d1": 0.65, "i1": 0.76, "c1": 0.76}, held=HELD)
    assert selected(day) == {"i1", "c1"}
    assert selected(one) == {"d1", "c1"}


def test_an_equal_score_beats_nobody_with_a_margin_of_0() -> None:
    day = a_day(replacing(0), scores={"t1": 0.7, "d1": 0.7, "i1": 0.7}, held=HELD)
    assert selected(day) == {"t1", "d1"}


def test_a_replacement_does_not_take_the_last_position_of_a_bucket_that_must_be_there() -> None:
    # selling t1 for d2 would leave bucket d alone, and t2 outside: two buckets were asked for and could be had
    asked = replacing(min_buckets_represented=2)
    day = a_day(asked, scores={"t1": 0.61, "d1": 0.8, "d2": 0.9, "t2": 0.7}, held=HELD)
    buckets = {row["bucket"] for row in decisions(day).values() if row["is_selected"]}
    assert buckets == {"t", "d"}
    assert broken(rebalance(day)) == set()
