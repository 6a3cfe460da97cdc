"""One row for every candidate, with the gate as a code and the reason as a sentence that is true."""

import pytest

from sizing.pipeline import decide, rebalance, select_candidates
from tests.sizing.days import Ban, Score, a_day, decisions, gates, limits, reason

ONE_PLACE = {"max_total_positions": 1, "min_buckets_represented": 0}

COLUMNS = [
    "portfolio_id",
    "asset",
    "bucket",
    "score",
    "score_date",
    "score_age_days",
    "has_partial_score",
    "is_score_stale",
    "is_held",
    "current_weight",
    "restriction",
    "candidate_rank",
    "bucket_rank",
    "is_pinned",
    "is_reserved",
    "is_selected",
    "gate",
    "gate_limit",
    "entry_score",
    "rival",
    "decision_reason",
    "is_locked",
    "kept_by",
    "kept_from",
    "days_held",
    "grace_count",
    "gate_days_left",
]


def test_decisions_have_the_columns_of_their_table_in_order() -> None:
    day = a_day(scores={"t1": 0.9})
    assert rebalance(day).decisions.columns == COLUMNS


def test_decisions_come_by_portfolio_and_rank_those_without_a_score_last() -> None:
    day = a_day(
        {"P": limits(), "Q": limits()},
        scores={"t1": 0.7, "d1": 0.9, "i1": 0.1},
        held={("P", "b1"): 0.1, ("P", "a1"): 0.1},
    )
    rows = decide(select_candidates(day), day).select("portfolio_id", "asset").rows()
    assert ["".join(row) for row in rows] == ["Pd1", "Pt1", "Pi1", "Pa1", "Pb1", "Qd1", "Qt1", "Qi1"]


def test_every_candidate_has_one_row_kept_or_not() -> None:
    day = a_day(scores={"t1": 0.9, "t2": 0.1, "t3": 0.1}, held={"t3": 0.1, "t4": 0.1})
    assert set(decisions(day)) == {"t1", "t2", "t3", "t4"}


def test_a_decision_row_keeps_what_it_was_made_from() -> None:
    day = a_day(scores=[Score("t1", technical=0.7, age=2)], held={"t1": "0.1"}, bans=[Ban("t1", "no_buy")])
    row = decisions(day)["t1"]
    kept = ("bucket", "score", "score_age_days", "has_partial_score", "is_held", "restriction")
    assert [row[name] for name in kept] == ["t", 0.7, 2, True, True, "no_buy"]
    assert (str(row["current_weight"]), str(row["score_date"])) == ("0.10000000", "2026-11-18")


def test_a_day_without_any_candidate_has_no_decision() -> None:
    assert decisions(a_day()) == {}


# The sentences ---------------------------------------------------------------------------------------------


def test_a_new_name_is_selected() -> None:
    day = a_day(limits(min_buckets_represented=0), scores={"t1": 0.9})
    assert reason(day, "t1") == "New name, score 0.9, candidate rank 1: selected. It would leave below 0.65."


def test_a_holding_is_kept() -> None:
    day = a_day(limits(min_buckets_represented=0), scores={"t1": 0.9}, held={"t1": 0.1})
    assert reason(day, "t1") == "Holding, score 0.9, candidate rank 1: kept. It would leave below 0.6."


def test_a_kept_place_names_its_bucket() -> None:
    day = a_day(scores={"t1": 0.9, "d1": 0.7}, held={"t1": 0.1})
    assert (
        reason(day, "t1")
        == "Holding, score 0.9, candidate rank 1: kept, it stands for bucket t. It would leave below 0.6."
    )
    assert (
        reason(day, "d1")
        == "New name, score 0.7, candidate rank 2: selected for a place kept for bucket d. It would leave below 0.65."
    )


def test_a_pinned_holding_is_kept_at_its_weight_and_says_for_how_long_the_score_is_missing() -> None:
    day = a_day(limits(max_score_age_days=2), held={"t1": 0.1})
    assert reason(day, "t1") == (
        "Holding without a score: kept at its weight. No score within 2 trading days: never sold for missing data."
    )


def test_a_restriction_gives_its_reason() -> None:
    day = a_day(scores={"t1": 0.7}, held={"t1": 0.1}, bans=[Ban("t1", "no_trade", reason="merger talks")])
    assert reason(day, "t1") == (
        "Holding, score 0.7, candidate rank 1: kept at its weight. Restriction no_trade: merger talks."
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [("must_sell", "may not be held"), ("no_trade", "may not be traded"), ("no_buy", "may not be bought")],
)
def test_a_restricted_new_name_says_so(kind: str, words: str) -> None:
    day = a_day(scores={"t1": 0.9}, bans=[Ban("t1", kind)])
    assert gates(day) == {"t1": kind}
    assert reason(day, "t1") == f"New name, score 0.9, candidate rank 1: {words}. Restriction {kind}: no reason given."


def test_a_holding_that_must_be_sold_says_so() -> None:
    day = a_day(scores={"t1": 0.9}, held={"t1": 0.1}, bans=[Ban("t1", "must_sell", reason="fraud")])
    assert reason(day, "t1") == "Holding, score 0.9, candidate rank 1: must be sold. Restriction must_sell: fraud."


def test_an_excluded_asset_says_so() -> None:
    day = a_day(limits(exclude_buckets=("t",)), scores={"t1": 0.9})
    assert gates(day) == {"t1": "excluded"}
    assert reason(day, "t1") == "New name, score 0.9, candidate rank 1: left out by the portfolio's universe."


def test_a_holding_below_its_threshold_says_at_which_score_it_would_have_stayed() -> None:
    day = a_day(limits(min_score_threshold=0.55), scores={"t1": 0.5}, held={"t1": 0.1})
    assert gates(day) == {"t1": "below_min_score_threshold"}
    assert reason(day, "t1") == "Holding, score 0.5, candidate rank 1: below min_score_threshold 0.55."


def test_a_new_name_below_its_threshold_says_at_which_score_it_would_have_entered() -> None:
    day = a_day(limits(min_score_new_position=0.75), scores={"t1": 0.7})
    assert gates(day) == {"t1": "below_min_score_new_position"}
    assert reason(day, "t1") == "New name, score 0.7, candidate rank 1: below min_score_new_position 0.75."


def test_a_full_bucket_is_named_with_its_places() -> None:
    day = a_day(limits(max_positions_per_bucket=1), scores={"t1": 0.9, "t2": 0.8})
    assert gates(day)["t2"] == "max_positions_per_bucket"
    assert reason(day, "t2").startswith(
        "New name, score 0.8, candidate rank 2: no place in bucket t, at most 1 positions"
    )


def test_a_full_portfolio_says_its_places() -> None:
    day = a_day(limits(**ONE_PLACE), scores={"t1": 0.9, "t2": 0.8}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day)["t2"] == "max_total_positions"
    assert reason(day, "t2").startswith("Holding, score 0.8, candidate rank 2: no place, at most 1 positions in all")


def test_a_name_too_many_for_a_day_says_how_many_are_opened() -> None:
    day = a_day(limits(max_new_positions=1), scores={"t1": 0.9, "t2": 0.8})
    assert gates(day)["t2"] == "max_new_positions"
    assert reason(day, "t2").startswith("New name, score 0.8, candidate rank 2: no place, at most 1 new names a day")


def test_a_replaced_holding_says_that_it_is() -> None:
    day = a_day(limits(**ONE_PLACE, replacement_margin=0.1), scores={"t1": 0.7, "d1": 0.9}, held={"t1": 0.1})
    assert gates(day)["t1"] == "replaced"
    assert reason(day, "t1").startswith(
        "Holding, score 0.7, candidate rank 2: replaced by a new name that scores at least 0.1 more"
    )


def test_without_a_margin_a_replaced_holding_is_reported_of_no_number() -> None:
    day = a_day(limits(**ONE_PLACE, replacement_margin=0), scores={"t1": 0.7, "d1": 0.9}, held={"t1": 0.1})
    assert gates(day)["t1"] == "replaced"
    assert reason(day, "t1").startswith(
        "Holding, score 0.7, candidate rank 2: replaced by a new name that scores more. It would stay at "
    )


def test_a_holding_that_makes_room_for_a_bucket_says_so() -> None:
    day = a_day(limits(max_total_positions=2), scores={"t1": 0.9, "t2": 0.8, "d1": 0.7}, held={"t1": 0.1, "t2": 0.1})
    assert gates(day)["t2"] == "min_buckets_represented"
    assert reason(day, "t2").startswith(
        "Holding, score 0.8, candidate rank 2: its place goes to a missing bucket, 2 must be represented."
    )


def test_an_old_score_says_its_day() -> None:
    day = a_day(limits(min_buckets_represented=0), scores=[Score("t1", 0.9, age=2)], held={"t1": 0.1})
    assert (
        reason(day, "t1")
        == "Holding, score 0.9, candidate rank 1: kept. It would leave below 0.6. The score is from 2026-11-18."
    )


def test_half_a_score_says_so() -> None:
    day = a_day(limits(min_buckets_represented=0), scores=[Score("t1", technical=0.9)])
    assert reason(day, "t1").endswith(": selected. It would leave below 0.65. Only one part of the score came.")


def test_no_sentence_is_missing() -> None:
    scores = {"t1": 0.9, "t2": 0.8, "t3": 0.7, "d1": 0.9, "i1": 0.1}
    day = a_day(limits(max_positions_per_bucket=1), scores=scores, held={"d1": 0.1, "c1": 0.1})
    assert all(row["decision_reason"].endswith(".") for row in decisions(day).values())
    assert len(decisions(day)) == 6


def test_the_words_give_the_score_to_enter_at_and_whose_place_it_would_be() -> None:
    asked = limits(max_new_positions=1, min_buckets_represented=0)
    day = a_day(asked, scores={"t1": 0.81234, "d1": 0.7, "i1": 0.5})
    assert reason(day, "d1") == (
        "New name, score 0.7, candidate rank 2: no place, at most 1 new names a day. "
        "It would enter at 0.81234, in the place of t1."
    )
    assert reason(day, "i1") == (
        "New name, score 0.5, candidate rank 3: below min_score_new_position 0.65. "
        "It would enter at 0.81234, in the place of t1."
    )


def test_the_words_give_a_hair_more_where_an_equal_score_would_lose_by_name() -> None:
    day = a_day(limits(max_new_positions=1, min_buckets_represented=0), scores={"d1": 0.8, "t1": 0.7})
    assert reason(day, "t1").endswith("It would enter at 0.800000000001, in the place of d1.")


def test_the_words_of_who_is_selected_give_the_score_to_leave_at_and_who_would_come() -> None:
    day = a_day(limits(max_new_positions=1, min_buckets_represented=0), scores={"d1": 0.8, "t1": 0.7})
    assert (
        reason(day, "d1") == "New name, score 0.8, candidate rank 1: selected. It would leave below 0.7, t1 would come."
    )


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.775640000001, "0.775640000001"),
        (0.77564, "0.77564"),
        (0.812349999999, "0.812349999999"),
        (0.7, "0.7"),
        (1.0, "1"),
        (0.000000000001, "0.000000000001"),
        (0.01, "0.01"),
    ],
)
def test_the_words_give_the_entry_score_with_all_its_decimals(score: float, words: str) -> None:
    asked = limits(**ONE_PLACE, min_score_threshold=0, min_score_new_position=0)
    day = a_day(asked, scores={"d1": 1.0, "t1": score}, held={"d1": 0.1, "t1": 0.1})
    assert decisions(day)["d1"]["entry_score"] == score
    assert reason(day, "d1").endswith(f" kept. It would leave below {words}, t1 would come.")


@pytest.mark.parametrize("threshold", [0.61, 0.612345678901])
def test_a_selected_name_without_a_rival_says_its_threshold(threshold: float) -> None:
    asked = limits(min_buckets_represented=0, min_score_threshold=threshold)
    day = a_day(asked, scores={"t1": 0.9}, held={"t1": 0.1})
    assert reason(day, "t1").endswith(f": kept. It would leave below {threshold}.")


def test_a_selected_name_that_every_score_keeps_in_has_none_to_leave_below() -> None:
    asked = limits(min_buckets_represented=0, min_score_threshold=0)
    day = a_day(asked, scores={"t1": 0.9}, held={"t1": 0.1})
    assert reason(day, "t1").endswith(": kept.")


def test_the_words_say_where_no_score_would_do() -> None:
    day = a_day(limits(max_new_positions=0), scores={"t1": 0.9})
    assert reason(day, "t1").endswith("at most 0 new names a day. No score would do.")


# What the sentences say must be true, and enough -----------------------------------------------------------


def test_a_holding_that_is_sold_without_a_score_is_not_said_to_be_never_sold() -> None:
    day = a_day(held={"t1": 0.1}, bans=[Ban("t1", "must_sell")])
    assert gates(day) == {"t1": "must_sell"}
    assert "never sold" not in reason(day, "t1")


def test_a_score_just_below_a_threshold_is_not_shown_as_the_threshold() -> None:
    day = a_day(scores={"t1": 0.64999})
    assert gates(day) == {"t1": "below_min_score_new_position"}
    assert "score 0.65," not in reason(day, "t1")
