"""At which score a candidate would be selected, and in whose place: worked out by hand (docs/selection.md 4)."""

import pytest

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from tests.sizing.days import WIDE, Ban, a_day, decisions, limits, selected

JUST = 1e-12
Told = tuple[float | None, str | None]


def asked(**changes: object) -> RebalancingLimits:
    """Limits that stop nobody, but for the changes."""
    return limits(**{**WIDE, "min_buckets_represented": 0, **changes})


def above(score: float) -> float:
    """Return the next score on the grid."""
    return round(score + JUST, 12)


def told(day: DayInputs, asset: str) -> Told:
    row = decisions(day)[asset]
    return row["entry_score"], row["rival"]


# Where nobody is in the way --------------------------------------------------------------------------------


def test_below_a_threshold_the_entry_score_is_the_threshold() -> None:
    day = a_day(asked(), scores={"t1": 0.3, "t2": 0.3}, held={"t2": 0.1})
    assert told(day, "t1") == (0.65, None)
    assert told(day, "t2") == (0.6, None)


def test_a_selected_name_stays_down_to_its_threshold() -> None:
    day = a_day(asked(), scores={"t1": 0.9, "t2": 0.9}, held={"t2": 0.1})
    assert told(day, "t1") == (0.65, None)
    assert told(day, "t2") == (0.6, None)


def test_a_threshold_of_0_lets_every_score_in() -> None:
    day = a_day(asked(min_score_threshold=0, min_score_new_position=0), scores={"t1": 0.9}, held={"t1": 0.1})
    assert told(day, "t1") == (0.0, None)


# Where the score does not decide ---------------------------------------------------------------------------


def test_pinned_restricted_outside_and_unknown_names_have_no_entry_score() -> None:
    bans = [Ban("t1", "must_sell"), Ban("t2", "no_buy"), Ban("t3", "no_trade")]
    scores = dict.fromkeys(("t1", "t2", "t3", "d1", "u1"), 0.9)
    day = a_day(
        asked(exclude_buckets=("d",)), scores=scores, held={"t3": 0.1, "t4": 0.1}, bans=bans, buckets={"u1": None}
    )
    assert {asset: told(day, asset) for asset in decisions(day)} == dict.fromkeys([*scores, "t4"], (None, None))


def test_a_holding_under_no_buy_has_an_entry_score_like_any_other() -> None:
    day = a_day(asked(), scores={"t1": 0.9}, held={"t1": 0.1}, bans=[Ban("t1", "no_buy")])
    assert told(day, "t1") == (0.6, None)


@pytest.mark.parametrize("changes", [{"max_new_positions": 0}, {"max_total_positions": 1}])
def test_where_no_score_would_do_there_is_none(changes: dict[str, int]) -> None:
    day = a_day(asked(**changes), scores={"t1": 0.9}, held={"d1": 0.1})  # d1 is pinned: no score
    assert told(day, "t1") == (None, None)


def test_a_name_that_loses_a_tie_at_1_has_no_entry_score() -> None:
    day = a_day(asked(max_new_positions=1), scores={"d1": 1.0, "t1": 0.9})
    assert told(day, "t1") == (None, None)
    assert told(a_day(asked(max_new_positions=1), scores={"t1": 1.0, "d1": 0.9}), "d1") == (1.0, "t1")


# New names among each other --------------------------------------------------------------------------------


def test_a_waiting_name_must_beat_the_last_that_entered_by_name_or_by_a_hair() -> None:
    day = a_day(asked(max_new_positions=2), scores={"c1": 0.9, "i1": 0.8, "d1": 0.7, "t1": 0.7, "z1": 0.1})
    assert told(day, "d1") == (0.8, "i1")  # d1 sorts before i1
    assert told(day, "t1") == (above(0.8), "i1")
    assert told(day, "z1") == (above(0.8), "i1")


def test_who_entered_leaves_where_the_next_would_come() -> None:
    day = a_day(asked(max_new_positions=2), scores={"c1": 0.9, "i1": 0.8, "d1": 0.7})
    assert told(day, "c1") == (0.7, "d1")  # c1 sorts before d1: at .7 it still stays
    assert told(day, "i1") == (above(0.7), "d1")


def test_in_a_full_bucket_the_last_of_the_bucket_is_the_rival() -> None:
    day = a_day(asked(max_positions_per_bucket=1), scores={"t1": 0.9, "t2": 0.8, "d1": 0.7})
    assert told(day, "t2") == (above(0.9), "t1")
    assert told(day, "t1") == (0.8, "t2")
    assert told(day, "d1") == (0.65, None)


def test_a_bucket_filled_by_holdings_has_no_place_for_any_score() -> None:
    day = a_day(asked(max_positions_per_bucket=1), scores={"t1": 0.7, "t2": 0.8}, held={"t1": 0.1})
    assert told(day, "t2") == (None, None)


# Holdings --------------------------------------------------------------------------------------------------


def test_a_holding_closed_for_the_total_must_beat_the_last_that_stayed() -> None:
    held = {"t1": 0.1, "d1": 0.1, "i1": 0.1}
    day = a_day(asked(max_total_positions=2), scores={"t1": 0.9, "d1": 0.8, "i1": 0.7}, held=held)
    assert told(day, "i1") == (above(0.8), "d1")
    assert told(day, "t1") == (above(0.7), "i1")
    assert told(day, "d1") == (0.7, "i1")


def test_a_holding_below_the_threshold_of_a_full_portfolio_would_need_more_than_the_threshold() -> None:
    day = a_day(asked(max_total_positions=1), scores={"t1": 0.8, "d1": 0.1}, held={"t1": 0.1, "d1": 0.1})
    assert told(day, "d1") == (0.8, "t1")


def test_a_new_name_takes_the_place_of_a_holding_that_falls_below_its_threshold() -> None:
    day = a_day(asked(max_total_positions=1), scores={"t1": 0.7, "d1": 0.9}, held={"t1": 0.1})
    assert told(day, "t1") == (0.6, "d1")
    assert told(day, "d1") == (None, None)


# Buckets that must be represented --------------------------------------------------------------------------


def test_a_name_of_a_missing_bucket_must_beat_the_one_that_stands_for_another() -> None:
    both = asked(min_buckets_represented=2, max_new_positions=1)
    day = a_day(both, scores={"t1": 0.9, "d1": 0.8, "i1": 0.7}, held={"t1": 0.1})
    assert told(day, "i1") == (above(0.8), "d1")
    assert told(day, "d1") == (0.7, "i1")


def test_a_holding_that_closed_for_a_missing_bucket_must_beat_the_last_that_stayed() -> None:
    both = asked(min_buckets_represented=2, max_total_positions=2)
    day = a_day(both, scores={"t1": 0.9, "t2": 0.8, "d1": 0.7}, held={"t1": 0.1, "t2": 0.1})
    assert told(day, "t2") == (above(0.9), "t1")  # then it is t2 that stands for t
    assert told(day, "d1") == (0.65, "t2")  # without d there is nothing to sell t2 for


# The replacement rounds -----------------------------------------------------------------------------------------------


def test_with_a_margin_a_waiting_name_must_beat_the_weakest_holding_by_it() -> None:
    day = a_day(
        asked(max_total_positions=2, replacement_margin=0.1),
        scores={"t1": 0.7, "d1": 0.9, "i1": 0.79},
        held={"t1": 0.1, "d1": 0.1},
    )
    assert told(day, "i1") == (0.8, "t1")
    assert told(day, "t1") == (above(0.69), "i1")  # at .69 the lead of i1 is .1
    assert told(day, "d1") == (above(0.69), "i1")


def test_without_a_lead_to_win_a_name_that_wins_has_none_to_lose() -> None:
    day = a_day(asked(max_total_positions=1, replacement_margin=0.1), scores={"t1": 0.7, "i1": 0.9}, held={"t1": 0.1})
    assert told(day, "i1") == (0.8, "t1")  # below, t1 would come back
    assert told(day, "t1") == (above(0.8), "i1")


def test_with_a_margin_of_0_a_name_must_score_more_and_a_holding_as_much() -> None:
    day = a_day(asked(max_total_positions=1, replacement_margin=0), scores={"t1": 0.7, "i1": 0.7}, held={"t1": 0.1})
    assert told(day, "i1") == (above(0.7), "t1")
    assert told(day, "t1") == (0.7, "i1")


def test_in_a_full_bucket_the_weakest_holding_of_it_is_the_rival() -> None:
    day = a_day(
        asked(max_positions_per_bucket=1, replacement_margin=0.1),
        scores={"t1": 0.8, "t2": 0.85, "d1": 0.61},
        held={"t1": 0.1, "d1": 0.1},
    )
    assert told(day, "t2") == (0.9, "t1")


# Whoever else is there -------------------------------------------------------------------------------------


def test_an_entry_score_is_exact() -> None:
    one = asked(max_new_positions=2, max_total_positions=3, replacement_margin=0.05)
    scores = {"t1": 0.61, "t2": 0.68, "d1": 0.7, "d2": 0.71, "i1": 0.9, "c1": 0.93}
    held = {"t1": 0.1, "t2": 0.1, "d1": 0.1}
    for asset in scores:
        entry, _ = told(a_day(one, scores=scores, held=held), asset)
        assert entry is not None
        assert asset in selected(a_day(one, scores=scores | {asset: entry}, held=held))
        assert asset not in selected(a_day(one, scores=scores | {asset: entry - JUST}, held=held))


def test_each_portfolio_has_its_own_entry_scores() -> None:
    both = {"P": asked(max_new_positions=1), "Q": asked(min_score_new_position=0.75)}
    day = a_day(both, scores={"t1": 0.9, "d1": 0.7})
    assert [decisions(day, name)["d1"]["entry_score"] for name in both] == [0.9, 0.75]
