"""Who is looked at, and with which score (architecture.md, Selection and diversification)."""

from typing import Any

import polars as pl
import pytest

from sizing.selection.universe import candidates
from tests.sizing.days import Ban, Rows, Score, Scores, a_day, by_asset, limits


def scored(*scores: Score, **changes: object) -> Rows:
    return by_asset(candidates(a_day(limits(**changes), scores=scores)))


def the_score(one: Score, **changes: object) -> tuple[float, bool]:
    row = scored(one, **changes)["t1"]
    return row["score"], row["has_partial_score"]


# Scores in parts -------------------------------------------------------------------------------------------


def test_both_parts_combine_by_their_weights() -> None:
    # .6 x .9 + .4 x .5 = .74
    assert the_score(Score("t1", technical=0.9, fundamental=0.5)) == (pytest.approx(0.74, abs=1e-12), False)


def test_weights_that_do_not_add_up_to_1_are_renormalised() -> None:
    # (.5 x .9 + .25 x .6) / .75 = .8
    score = the_score(
        Score("t1", technical=0.9, fundamental=0.6), technical_score_weight=0.5, fundamental_score_weight=0.25
    )
    assert score == (pytest.approx(0.8, abs=1e-12), False)


@pytest.mark.parametrize("part", ["technical", "fundamental"])
def test_one_part_alone_is_the_score_and_flagged(part: str) -> None:
    assert the_score(Score("t1", **{part: 0.7})) == (0.7, True)


def test_a_combined_score_wins_over_its_parts() -> None:
    assert the_score(Score("t1", 0.3, technical=0.9, fundamental=0.9)) == (0.3, False)


def test_a_combined_score_is_not_partial_because_a_part_is_missing() -> None:
    assert the_score(Score("t1", 0.3, technical=0.9)) == (0.3, False)


def test_a_part_of_weight_zero_is_left_out_and_not_missed() -> None:
    only_technical = {"technical_score_weight": 1, "fundamental_score_weight": 0}
    assert the_score(Score("t1", technical=0.7, fundamental=0.1), **only_technical) == (0.7, False)
    assert the_score(Score("t1", technical=0.7), **only_technical) == (0.7, False)


def test_a_part_of_weight_zero_alone_is_no_score() -> None:
    rows = scored(Score("t1", fundamental=0.9), technical_score_weight=1, fundamental_score_weight=0)
    assert rows == {}


def test_a_score_of_zero_is_a_score() -> None:
    assert the_score(Score("t1", technical=0.0, fundamental=0.0)) == (0.0, False)


def test_parts_that_are_both_at_the_threshold_reach_it() -> None:
    # .6 x .65 + .4 x .65 is .65, whatever the last bit of a float says
    assert the_score(Score("t1", technical=0.65, fundamental=0.65)) == (0.65, False)


def test_a_combined_score_is_compared_on_the_grid_too() -> None:
    assert the_score(Score("t1", 0.65 - 4e-13)) == (0.65, False)
    assert the_score(Score("t1", 0.65 - 6e-13)) == (0.649999999999, False)


def test_no_part_is_no_score() -> None:
    assert scored(Score("t1")) == {}


# The age of a score ----------------------------------------------------------------------------------------


def held(*scores: Score, **changes: object) -> dict[str, Any]:
    return by_asset(candidates(a_day(limits(**changes), scores=scores, held={"t1": 0.1})))["t1"]


@pytest.mark.parametrize("age", [0, 1, 3])
def test_the_last_score_of_a_holding_counts_for_max_score_age_days(age: int) -> None:
    row = held(Score("t1", 0.7, age=age))
    assert (row["score"], row["score_age_days"], row["is_score_stale"]) == (0.7, age, False)


def test_a_score_older_than_max_score_age_days_does_not_count() -> None:
    row = held(Score("t1", 0.7, age=4))
    assert (row["score"], row["score_age_days"], row["score_date"]) == (None, None, None)
    assert row["is_score_stale"]


def test_of_several_scores_the_newest_counts() -> None:
    row = held(Score("t1", 0.7, age=3), Score("t1", 0.8, age=1), Score("t1", 0.9, age=2))
    assert (row["score"], row["score_age_days"]) == (0.8, 1)


def test_a_row_of_today_without_any_part_does_not_hide_the_last_score() -> None:
    row = held(Score("t1", age=0), Score("t1", 0.8, age=1))
    assert (row["score"], row["score_age_days"]) == (0.8, 1)


def test_with_an_age_of_0_only_a_score_of_today_counts() -> None:
    assert held(Score("t1", 0.7, age=1), max_score_age_days=0)["is_score_stale"]
    assert held(Score("t1", 0.7, age=0), max_score_age_days=0)["score"] == 0.7


def test_each_portfolio_has_its_own_patience() -> None:
    both = {"P": limits(max_score_age_days=1), "Q": limits(max_score_age_days=2)}
    held_by_both = {("P", "t1"): 0.1, ("Q", "t1"): 0.1}
    rows = candidates(a_day(both, scores=[Score("t1", 0.7, age=2)], held=held_by_both))
    assert dict(rows.select("portfolio_id", "is_score_stale").rows()) == {"P": True, "Q": False}


def test_a_new_name_needs_a_score_of_today() -> None:
    assert set(scored(Score("t1", 0.9, age=1), Score("t2", 0.9))) == {"t2"}


# Who is there ----------------------------------------------------------------------------------------------


def test_candidates_come_by_portfolio_the_best_first_then_by_name_those_without_a_score_last() -> None:
    scores = [Score("t2", 0.8), Score("t1", 0.8), Score("d1", 0.9), Score("i1", 0.85, age=1)]
    rows = candidates(a_day(scores=scores, held={"i1": 0.1, "z1": 0.1, "a1": 0.1}))
    assert rows["asset"].to_list() == ["d1", "i1", "t1", "t2", "a1", "z1"]


def names(scores: Scores, **changes: object) -> set[tuple[str, str]]:
    both = {"P": limits(**changes), "Q": limits()}
    held = {("P", "t1"): 0.1, ("Q", "t2"): 0.1}
    return set(candidates(a_day(both, scores=scores, held=held)).select("portfolio_id", "asset").iter_rows())


def test_the_universe_is_what_is_held_and_what_is_scored() -> None:
    assert names({"t3": 0.1}) == {("P", "t1"), ("P", "t3"), ("Q", "t2"), ("Q", "t3")}


def test_each_portfolio_follows_its_own_model() -> None:
    scores = [Score("t3", 0.1, model="growth"), Score("t4", 0.1)]
    assert names(scores, model="growth") == {("P", "t1"), ("P", "t3"), ("Q", "t2"), ("Q", "t4")}


def test_one_asset_may_have_another_score_in_another_model() -> None:
    both = {"P": limits(model="growth"), "Q": limits()}
    rows = candidates(a_day(both, scores=[Score("t1", 0.9, model="growth"), Score("t1", 0.2)]))
    assert dict(rows.select("portfolio_id", "score").rows()) == {"P": 0.9, "Q": 0.2}


def test_score_weights_are_those_of_the_portfolio() -> None:
    both = {"P": limits(technical_score_weight=0), "Q": limits(fundamental_score_weight=0)}
    rows = candidates(a_day(both, scores=[Score("t1", technical=0.9, fundamental=0.2)]))
    assert dict(rows.select("portfolio_id", "score").rows()) == {"P": 0.2, "Q": 0.9}


def test_a_holding_is_there_without_any_score_at_all() -> None:
    row = by_asset(candidates(a_day(held={"t1": "0.125"})))["t1"]
    assert (row["is_held"], row["score"], row["is_score_stale"]) == (True, None, True)
    assert str(row["current_weight"]) == "0.12500000"


def test_holdings_of_a_portfolio_that_is_not_run_are_not_looked_at() -> None:
    rows = candidates(a_day({"Q": limits()}, held={("P", "t1"): 0.1, ("Q", "t2"): 0.1}))
    assert rows.select("portfolio_id", "asset").rows() == [("Q", "t2")]


def test_a_holding_that_the_asset_list_does_not_know_is_unclassified() -> None:
    day = a_day(scores={"t1": 0.9}, held={"t1": 0.1, "t2": 0.1}, buckets={"t1": None})
    rows = by_asset(candidates(day))
    assert (rows["t1"]["bucket"], rows["t2"]["bucket"]) == ("unclassified", "t")


def test_what_the_config_leaves_out_is_marked_by_bucket_and_by_asset() -> None:
    asked = limits(exclude_buckets=("t",), exclude_assets=("d1",))
    rows = by_asset(candidates(a_day(asked, scores={"t1": 0.9, "d1": 0.9, "d2": 0.9})))
    assert {asset: row["is_excluded"] for asset, row in rows.items()} == {"t1": True, "d1": True, "d2": False}


def test_exclusions_are_those_of_the_portfolio() -> None:
    both = {"P": limits(exclude_assets=("t1",)), "Q": limits()}
    rows = candidates(a_day(both, scores={"t1": 0.9}))
    assert dict(rows.select("portfolio_id", "is_excluded").rows()) == {"P": True, "Q": False}


INCLUDED = {"t1": 0.9, "t2": 0.9, "d1": 0.9, "i1": 0.9}


@pytest.mark.parametrize(
    ("changes", "inside"),
    [
        ({"include_buckets": ("t",)}, {"t1", "t2"}),
        ({"include_assets": ("t1", "d1")}, {"t1", "d1"}),
        ({"include_buckets": ("t",), "include_assets": ("d1",)}, {"t1", "t2", "d1"}),
        ({"include_buckets": ("t",), "exclude_assets": ("t2",)}, {"t1"}),
        ({"include_assets": ("t1", "d1"), "exclude_buckets": ("t",)}, {"d1"}),
        ({"include_assets": ("t1",), "exclude_assets": ("t1",)}, set()),
        ({"include_buckets": ("nothing like it",)}, set()),
    ],
)
def test_what_either_list_includes_belongs_and_what_is_excluded_leaves_it(
    changes: dict[str, tuple[str, ...]], inside: set[str]
) -> None:
    rows = by_asset(candidates(a_day(limits(**changes), scores=INCLUDED)))
    assert {asset for asset, row in rows.items() if not row["is_excluded"]} == inside


def test_a_holding_without_a_score_is_outside_where_the_config_does_not_include_it() -> None:
    row = by_asset(candidates(a_day(limits(include_buckets=("d",)), held={"t1": 0.1})))["t1"]
    assert row["is_excluded"]


# Restrictions ----------------------------------------------------------------------------------------------


def restricted(*bans: Ban) -> dict[str, str | None]:
    day = a_day({"P": limits(), "Q": limits()}, scores={"t1": 0.9}, bans=bans)
    return dict(candidates(day).select("portfolio_id", "restriction").rows())


def test_a_restriction_without_a_portfolio_binds_all() -> None:
    assert restricted(Ban("t1", "no_buy")) == {"P": "no_buy", "Q": "no_buy"}


def test_a_restriction_of_one_portfolio_binds_it_alone() -> None:
    assert restricted(Ban("t1", "no_buy", "Q")) == {"P": None, "Q": "no_buy"}


@pytest.mark.parametrize(
    ("kinds", "counts"),
    [
        (("no_buy", "no_trade"), "no_trade"),
        (("no_buy", "must_sell"), "must_sell"),
        (("no_trade", "must_sell"), "must_sell"),
    ],
)
@pytest.mark.parametrize("portfolios", [("Q", None), (None, "Q"), ("Q", "Q")])
def test_of_several_restrictions_the_most_severe_counts(
    kinds: tuple[str, str], counts: str, portfolios: tuple[str | None, str | None]
) -> None:
    bans = [Ban("t1", kind, portfolio) for kind, portfolio in zip(kinds, portfolios, strict=True)]
    assert restricted(*bans)["Q"] == counts
    assert restricted(*reversed(bans))["Q"] == counts


def test_a_restriction_that_comes_twice_binds_once() -> None:
    day = a_day(scores={"t1": 0.9}, bans=[Ban("t1", "no_buy", reason="b"), Ban("t1", "no_buy", "P", reason="a")])
    assert candidates(day).select("restriction", "restriction_reason").rows() == [("no_buy", "a")]


def test_a_restriction_with_a_reason_is_reported_rather_than_one_without() -> None:
    day = a_day(scores={"t1": 0.9}, bans=[Ban("t1", "no_buy"), Ban("t1", "no_buy", "P", reason="court order")])
    assert candidates(day)["restriction_reason"].to_list() == ["court order"]


def test_a_restriction_on_an_asset_that_nobody_looks_at_adds_no_candidate() -> None:
    day = a_day(scores={"t1": 0.9}, bans=[Ban("t2", "must_sell")])
    assert candidates(day).filter(pl.col("asset") == "t2").is_empty()
