"""The circuit breaker: more than max_missing_score_share of holdings, or of the last universe, without a score."""

from collections.abc import Mapping

import pytest

from sizing.selection.score_coverage import find_missing_scores
from tests.sizing.days import Score, a_day, limits


def names(count: int, letter: str = "t") -> list[str]:
    return [f"{letter}{number:03}" for number in range(count)]


def held(n: int, n_missing: int, share: float = 0.2) -> tuple[str, ...]:
    """Hold n assets, of which the first n_missing have no score today."""
    scores = dict.fromkeys(names(n)[n_missing:], 0.9)
    return find_missing_scores(
        a_day(limits(max_missing_score_share=share), scores=scores, held=dict.fromkeys(names(n), 0.01))
    )


def universe(
    yesterday: Mapping[str, int], today: Mapping[str, int], share: float = 0.2, **changes: object
) -> tuple[str, ...]:
    scores = [Score(asset, 0.9, age=age) for asset, age in yesterday.items()]
    scores += [Score(asset, 0.9, age=age) for asset, age in today.items()]
    return find_missing_scores(a_day(limits(max_missing_score_share=share, **changes), scores=scores))


# Holdings --------------------------------------------------------------------------------------------------


def test_all_scores_there_are_no_objection() -> None:
    assert held(5, 0) == ()


def test_exactly_the_share_of_holdings_missing_is_no_objection() -> None:
    assert held(5, 1) == ()  # 1 of 5 is .2


def test_one_more_holding_than_the_share_is_said_with_numbers_and_names() -> None:
    assert held(5, 2) == ("P: no score today for 2 of 5 holdings, more than max_missing_score_share 0.2 (t000, t001)",)


@pytest.mark.parametrize(("n", "n_missing", "share"), [(50, 29, 0.58), (10, 3, 0.3), (10, 7, 0.7), (100, 57, 0.57)])
def test_exactly_the_share_is_no_objection_whatever_the_last_bit_of_a_float_says(
    n: int, n_missing: int, share: float
) -> None:
    assert held(n, n_missing, share) == ()
    assert len(held(n, n_missing + 1, share)) == 1


def test_a_share_of_0_allows_none_to_be_missing_and_a_share_of_1_all() -> None:
    assert len(held(10, 1, 0)) == 1
    assert held(10, 10, 1) == ()


def test_a_score_of_yesterday_is_no_score_of_today() -> None:
    day = a_day(scores=[Score("t1", 0.9, age=1)], held={"t1": 0.1})
    assert find_missing_scores(day)[0].startswith("P: no score today for 1 of 1 holdings")


def test_of_many_missing_names_five_are_shown() -> None:
    assert held(20, 8)[0].endswith("(t000, t001, t002, t003, t004)")


def test_half_a_score_is_a_score() -> None:
    assert find_missing_scores(a_day(scores=[Score("t1", technical=0.5)], held={"t1": 0.1})) == ()


def test_a_score_of_another_model_is_no_score() -> None:
    day = a_day(limits(model="growth"), scores=[Score("t1", 0.9)], held={"t1": 0.1})
    assert len(find_missing_scores(day)) == 1


# The last universe -----------------------------------------------------------------------------------------


def test_exactly_the_share_of_the_last_universe_missing_is_no_objection() -> None:
    yesterday = dict.fromkeys(names(5), 1)
    assert universe(yesterday, dict.fromkeys(names(5)[1:], 0)) == ()


def test_more_than_the_share_of_the_last_universe_is_said_with_numbers_and_names() -> None:
    yesterday = dict.fromkeys(names(5), 1)
    assert universe(yesterday, dict.fromkeys(names(5)[2:], 0)) == (
        "P: no score today for 2 of 5 names of the last universe, more than max_missing_score_share 0.2 (t000, t001)",
    )


def test_the_last_universe_is_that_of_the_last_day_with_scores() -> None:
    older = {**dict.fromkeys(names(5), 2), **dict.fromkeys(names(5, "d"), 3)}
    assert universe(older, dict.fromkeys(names(5), 0)) == ()
    assert len(universe(older, dict.fromkeys(names(5, "d"), 0))) == 1


def test_new_names_of_today_do_not_make_up_for_missing_ones() -> None:
    today = dict.fromkeys(names(50, "d"), 0)
    assert universe(dict.fromkeys(names(5), 1), today)[0].startswith(
        "P: no score today for 5 of 5 names of the last universe"
    )


def test_a_first_day_has_no_universe_to_miss() -> None:
    assert universe({}, {"t1": 0}) == ()


def test_a_day_without_any_score_is_said() -> None:
    assert universe(dict.fromkeys(names(3), 1), {})[0].startswith(
        "P: no score today for 3 of 3 names of the last universe"
    )


def test_what_the_portfolio_leaves_out_is_no_part_of_its_universe() -> None:
    yesterday = {**dict.fromkeys(names(5), 1), **dict.fromkeys(names(5, "d"), 1)}
    today = dict.fromkeys(names(5), 0)
    assert len(universe(yesterday, today)) == 1
    assert universe(yesterday, today, exclude_assets=tuple(names(5, "d"))) == ()
    assert universe(yesterday, today, exclude_buckets=("d",)) == ()
    assert universe(yesterday, today, include_buckets=("t",)) == ()
    assert universe(yesterday, today, include_assets=tuple(names(5))) == ()


# Portfolios ------------------------------------------------------------------------------------------------


def test_each_portfolio_is_looked_at_by_its_own_share_model_and_holdings() -> None:
    asked = {"P": limits(max_missing_score_share=0.5), "Q": limits(), "R": limits(model="growth")}
    day = a_day(
        asked,
        scores=[Score("t1", 0.9), Score("t2", 0.9, model="growth")],
        held={("P", "t1"): 0.1, ("P", "t2"): 0.1, ("Q", "t1"): 0.1, ("Q", "t2"): 0.1, ("R", "t2"): 0.1},
    )
    assert find_missing_scores(day) == (
        "Q: no score today for 1 of 2 holdings, more than max_missing_score_share 0.2 (t2)",
    )


def test_holdings_and_universe_are_said_each() -> None:
    day = a_day(scores=[Score("t1", 0.9, age=1)], held={"t1": 0.1})
    assert [text.partition(",")[0] for text in find_missing_scores(day)] == [
        "P: no score today for 1 of 1 holdings",
        "P: no score today for 1 of 1 names of the last universe",
    ]
