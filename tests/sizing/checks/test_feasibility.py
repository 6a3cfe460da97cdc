"""Limits that can never be met are said, with true numbers and a fix that works (docs/sizing.md 7)."""

import re
from itertools import combinations_with_replacement

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing import RebalancingLimits, size_portfolios
from sizing.checks.feasibility import find_infeasible
from tests.helpers.examples import examples
from tests.sizing.days import limits


def only(**changes: object) -> str:
    """Return the one sentence that these limits deserve."""
    found = find_infeasible(limits(**changes))
    assert len(found) == 1, found
    return found[0]


def cash_of(asked: RebalancingLimits, n: int, n_buckets: int = 1) -> float:
    """Size n assets of score 1, spread evenly over buckets, and give the cash."""
    rows = [("P", f"a{number:03}", f"b{number % n_buckets}", 1.0, False) for number in range(n)]
    frame = pl.DataFrame(rows, schema=["portfolio_id", "asset", "bucket", "score", "is_held"], orient="row")
    return float(size_portfolios(frame, asked).portfolios["cash_weight"].item())


def test_the_defaults_meet_no_objection() -> None:
    assert find_infeasible(limits()) == ()


def test_too_few_positions_for_the_total_are_said_with_the_count_that_would_do() -> None:
    # 10 x .05 = .50; .95 / .05 = 19
    assert only(max_single_position=0.05) == (
        "max_total_positions 10 x max_single_position 0.05 = 0.50 < target_total_allocation 0.95: "
        "the rest is cash; max_total_positions 19 would do"
    )


def test_positions_that_reach_the_total_exactly_are_enough() -> None:
    assert find_infeasible(limits(max_single_position=0.095)) == ()  # 10 x .095 = .95


def test_the_count_that_would_do_is_the_least_that_leaves_no_cash() -> None:
    asked = {"max_single_position": 0.05, "max_residual_per_asset": 1, "max_residual_multiple": None}
    assert find_infeasible(limits(**asked, max_total_positions=19)) == ()
    assert cash_of(limits(**asked), 19) == 0
    assert cash_of(limits(**asked), 18) == 0.05


def test_without_dynamic_sizing_there_is_no_cap_to_object_to() -> None:
    assert find_infeasible(limits(max_single_position=0.05, enable_dynamic_sizing=False)) == ()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        # .95 / 2 = .475
        (("a", "b"), "2 buckets x 0.40 = 0.80 < target_total_allocation 0.95: the rest is cash; {} 0.475 would do"),
        (("a",), "1 bucket x 0.40 = 0.40 < target_total_allocation 0.95: the rest is cash; {} 0.95 would do"),
    ],
)
def test_a_universe_of_too_few_buckets_is_said_with_the_width_that_would_do(named: tuple[str, ...], said: str) -> None:
    asked = {"include_buckets": named, "enable_bucket_diversification": True, "min_buckets_represented": 1}
    asked |= {"max_positions_per_bucket": 10, "max_single_position": 0.2, "min_position_size": 0}
    assert only(**asked) == said.format("max_allocation_per_bucket")


def test_buckets_are_as_many_as_are_scored_so_the_least_number_of_them_is_no_objection() -> None:
    asked = {"enable_bucket_diversification": True, "max_residual_per_asset": 1, "max_residual_multiple": None}
    for n_buckets in (0, 1, 2, 5):
        assert find_infeasible(limits(**asked, min_buckets_represented=n_buckets)) == ()
    assert cash_of(limits(**asked), 9, n_buckets=3) == 0
    narrow = limits(enable_bucket_diversification=True, max_allocation_per_bucket=0.3, min_buckets_represented=1)
    assert find_infeasible(narrow) == ()


def test_buckets_too_narrow_for_every_count_of_positions_are_said() -> None:
    # 10 x .08 = .80; .95 / 10 = .095
    assert only(enable_bucket_diversification=True, max_allocation_per_bucket=0.08) == (
        "10 buckets x 0.08 = 0.80 < target_total_allocation 0.95: the rest is cash; max_allocation_per_bucket 0.095 "
        "would do"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"enable_bucket_diversification": False},
        {"min_buckets_represented": 0},
        {"enable_dynamic_sizing": False},
        {"max_allocation_per_bucket": 0.475},  # 2 x .475 = .95
    ],
)
def test_buckets_meet_no_objection_where_they_bind_nothing(changes: dict[str, object]) -> None:
    assert find_infeasible(limits(**{"enable_bucket_diversification": True, **changes})) == ()


def test_buckets_with_limits_of_their_own_are_counted_with_these() -> None:
    asked = limits(
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.1,
        max_allocation_by_bucket={"b0": 1.0},
        max_residual_per_asset=1,
        max_residual_multiple=None,
    )
    assert cash_of(asked, 14, n_buckets=2) == 0  # b0: 6 x .15 = .90, b1: .05 at least
    assert find_infeasible(asked) == ()


def test_more_positions_than_the_minimum_size_allows_are_said() -> None:
    # .95 / .1 = 9.5
    assert only(min_position_size=0.1) == (
        "target_total_allocation 0.95 holds 9 positions of min_position_size 0.1 < max_total_positions 10: "
        "the lowest are dropped; max_total_positions 9 would say so"
    )
    assert find_infeasible(limits(min_position_size=0.1, max_total_positions=9)) == ()


def test_as_many_positions_as_the_minimum_size_allows_meet_no_objection() -> None:
    assert find_infeasible(limits(min_position_size=0.095)) == ()  # .95 / .095 = 10


def test_a_threshold_below_the_lowest_tier_is_said_with_the_score_to_raise_it_to() -> None:
    assert only(min_score_threshold=0.5) == (
        "min_score_threshold 0.5 is below the lowest tier 0.6: such assets would be selected and then sized to "
        "nothing; raise it to 0.6 or add a tier"
    )
    assert find_infeasible(limits(min_score_threshold=0.6)) == ()


def test_the_other_fix_is_a_tier_more() -> None:
    tiers = (*limits().score_tiers, (0.5, "faint", 0.5))
    assert find_infeasible(limits(min_score_threshold=0.5, score_tiers=tiers)) == ()


def test_a_tier_without_a_size_is_no_tier() -> None:
    tiers = ((0.7, "base", 1.0), (0.6, "light", 0.0))
    assert "below the lowest tier 0.7" in only(score_tiers=tiers)


@pytest.mark.parametrize("mode", ["equal_weight", "score_weighted"])
def test_tiers_matter_to_adaptive_sizing_alone(mode: str) -> None:
    assert find_infeasible(limits(min_score_threshold=0.5, sizing_mode=mode)) == ()


def test_tiers_that_size_nothing_are_said() -> None:
    assert only(score_tiers=[(0.6, "none", 0)]) == (
        "every tier of score_tiers has multiplier 0: nothing would ever be sized; give one a multiplier"
    )


def test_an_entry_below_the_exit_is_said_with_both_scores() -> None:
    assert only(min_score_threshold=0.7) == (
        "min_score_new_position 0.65 is below min_score_threshold 0.7: a name would be opened one day and closed "
        "the next; raise it to at least 0.7"
    )
    assert find_infeasible(limits(min_score_threshold=0.7, min_score_new_position=0.7)) == ()


def test_a_low_entry_is_not_called_a_low_exit() -> None:
    found = find_infeasible(limits(min_score_threshold=0.6, min_score_new_position=0.5))
    assert found
    assert not any("min_score_threshold 0.5" in sentence for sentence in found)


# The universe ----------------------------------------------------------------------------------------------


def test_what_is_both_included_and_excluded_is_said() -> None:
    roomy = {"include_assets": (*"abcdefghij",), "exclude_assets": ("b", "a", "z")}
    assert only(**roomy) == (
        "include_assets and exclude_assets both name a, b: excluding wins, never held; take it from one of them"
    )
    both = {"include_buckets": ("t", "d", "i"), "exclude_buckets": ("i",)}
    assert only(**both) == (
        "include_buckets and exclude_buckets both name i: excluding wins, never held; take it from one of them"
    )


def test_of_many_that_are_both_included_and_excluded_ten_are_shown() -> None:
    letters = tuple("abcdefghijklm")
    found = find_infeasible(limits(include_assets=letters, exclude_assets=letters))
    assert "both name a, b, c, d, e, f, g, h, i, j and 3 more:" in found[0]


def test_including_what_has_no_bucket_is_said_unless_it_may_enter() -> None:
    asked = {"include_buckets": ("t", "d", "unclassified")}
    assert only(**asked) == (
        "include_buckets names unclassified, but allow_unclassified is false: no new name enters from there; "
        "set it to true or take the bucket out"
    )
    assert find_infeasible(limits(**asked, allow_unclassified=True)) == ()


def test_fewer_buckets_than_must_be_represented_are_said() -> None:
    assert only(include_buckets=("t",), max_positions_by_bucket={"t": 10}) == (
        "include_buckets leaves 1 bucket < min_buckets_represented 2: so many can never be held; "
        "min_buckets_represented 1 would do"
    )


def test_a_universe_without_room_for_the_total_is_said() -> None:
    # 1 + 4 positions of .15 are .75; .95 / .15 = 6.3
    asked = {"include_buckets": ("t", "d"), "max_positions_by_bucket": {"t": 1}}
    assert only(**asked) == (
        "the universe has room for 5 positions x max_single_position 0.15 = 0.75 < target_total_allocation 0.95: "
        "the rest is cash; 7 positions would do"
    )
    assert find_infeasible(limits(**asked, include_assets=("i1", "i2"))) == ()


def test_a_margin_without_new_names_is_said() -> None:
    assert only(replacement_margin=0.1, max_new_positions=0) == (
        "replacement_margin 0.1 with max_new_positions 0: no holding is ever replaced; max_new_positions 1 would do"
    )


# What the sentences say must be true -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"max_total_positions": 8, "max_single_position": 0.1187},  # .9496
        {
            "enable_bucket_diversification": True,
            "max_allocation_per_bucket": 0.4749,  # .9498
            "include_buckets": ("a", "b"),
        },
        {
            "max_total_positions": 1,
            "min_buckets_represented": 1,
            "max_single_position": 0.99999998,
            "target_total_allocation": 0.99999999,
        },
    ],
)
def test_no_sentence_says_that_a_number_is_less_than_itself(changes: dict[str, object]) -> None:
    match = re.search(r"= ([\d.]+) < target_total_allocation ([\d.]+):", only(**changes))
    assert match
    assert float(match[1]) < float(match[2])


def test_limits_without_end_are_looked_at_at_once() -> None:
    endless = limits(
        max_total_positions=2**31 - 1,
        max_single_position=1e-8,
        min_position_size=0,
        max_allocation_per_bucket=1e-8,
        enable_bucket_diversification=True,
    )
    assert find_infeasible(endless) == ()


def test_a_count_that_would_do_is_not_rejected_by_the_next_sentence() -> None:
    # m = c = .15: 6 positions are .90 and a seventh has no room; no count of positions would do
    asked = {"min_position_size": 0.15, "max_single_position": 0.15}
    assert cash_of(limits(**asked), 7) == 0.05
    assert not any(
        "max_total_positions 7 would do" in text for text in find_infeasible(limits(**asked, max_total_positions=5))
    )


def test_a_minimum_size_that_can_never_fill_the_total_is_said() -> None:
    # 6 x .15 = .90 < .95, whatever max_total_positions is
    asked = limits(min_position_size=0.15, max_single_position=0.15, max_total_positions=6)
    assert cash_of(asked, 6) == 0.05
    assert find_infeasible(asked)


def test_a_minimum_size_above_the_total_is_said_with_a_fix_that_works() -> None:
    sentence = only(target_total_allocation=0.01)
    assert "max_total_positions" not in sentence.rpartition(";")[2]  # no count of positions would help: T < m


def test_a_bucket_below_the_minimum_size_is_said_whatever_the_number_of_buckets() -> None:
    asked = {"enable_bucket_diversification": True, "max_allocation_per_bucket": 0.01, "min_buckets_represented": 0}
    assert cash_of(limits(**asked), 10, n_buckets=10) == 0.95
    assert find_infeasible(limits(**asked))


def test_more_buckets_than_positions_are_said() -> None:
    assert find_infeasible(limits(min_buckets_represented=11, max_total_positions=10))


def test_a_count_of_buckets_that_would_do_is_not_above_the_count_of_positions() -> None:
    # 19 buckets of .05 would make .95, with 10 positions there are at most 10 buckets
    found = find_infeasible(limits(enable_bucket_diversification=True, max_allocation_per_bucket=0.05))
    assert found
    assert not any("min_buckets_represented 19 would do" in sentence for sentence in found)


def test_where_more_positions_would_fall_below_the_minimum_a_wider_cap_would_do() -> None:
    # 3 x .3 = .9; a fourth of at least .3 does not fit into .95; .95 / 3 = .31667, rounded up
    asked = {"min_position_size": 0.3, "max_single_position": 0.3, "max_total_positions": 3}
    assert only(**asked).endswith("the rest is cash; max_single_position 0.3167 would do")
    # .9 / 3 = .3, to float noise
    exact = {"min_position_size": 0.25, "max_single_position": 0.25, "max_total_positions": 3}
    assert only(target_total_allocation=0.9, **exact).endswith("the rest is cash; max_single_position 0.3 would do")


def test_positions_of_the_minimum_that_fill_the_total_exactly_would_do() -> None:
    # 9 x .09 = .81; ten of .09 are .9, to the last unit
    asked = {"target_total_allocation": 0.9, "min_position_size": 0.09, "max_single_position": 0.09}
    assert only(**asked, max_total_positions=9).endswith("the rest is cash; max_total_positions 10 would do")


def test_a_minimum_of_all_holds_nothing_and_no_minimum_is_no_objection() -> None:
    found = find_infeasible(limits(min_position_size=1, max_single_position=1))
    assert any(sentence.startswith("min_position_size 1 > target_total_allocation 0.95: nothing") for sentence in found)
    assert find_infeasible(limits(min_position_size=0)) == ()


def test_buckets_that_fill_the_total_exactly_with_as_many_positions_would_do() -> None:
    # 4 x .2 = .8, one position in each
    asked = {"target_total_allocation": 0.8, "max_allocation_per_bucket": 0.2, "max_single_position": 0.2}
    assert find_infeasible(limits(**asked, max_total_positions=4, enable_bucket_diversification=True)) == ()


def test_where_there_are_fewer_positions_than_buckets_needed_wider_buckets_would_do() -> None:
    # .95 / .1 are ten buckets and there are five positions; .95 / 5 = .19
    asked = {"max_allocation_per_bucket": 0.1, "max_single_position": 0.2, "max_total_positions": 5}
    told = only(**asked, enable_bucket_diversification=True)
    assert told.endswith("the rest is cash; max_allocation_per_bucket 0.19 would do")


def test_a_wider_bucket_of_its_own_is_counted_among_the_widest() -> None:
    # 3 x .15 + .05, then 6 x .06
    own = {"max_allocation_per_bucket": 0.06, "max_allocation_by_bucket": {"x": 0.5}}
    told = only(**own, enable_bucket_diversification=True)
    assert told.startswith("10 positions in the widest buckets = 0.87 < ")


def test_a_bucket_below_the_minimum_holds_no_position() -> None:
    asked = {"min_position_size": 0.1, "max_allocation_per_bucket": 0.09, "max_total_positions": 9}
    found = find_infeasible(limits(enable_bucket_diversification=True, **asked))
    assert any(one.startswith("max_allocation_per_bucket 0.09 < min_position_size 0.1: ") for one in found)
    assert find_infeasible(limits(**asked)) == ()  # without bucket limits it does not count


def test_a_bucket_of_just_the_minimum_holds_its_one_position() -> None:
    asked = limits(
        min_position_size=0.1, max_allocation_per_bucket=0.1, enable_bucket_diversification=True, max_total_positions=9
    )
    assert not any("no bucket can hold" in sentence for sentence in find_infeasible(asked))


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        # 4 places: x holds two of .25, and .95 - .5 = 2 x .225
        (
            {
                "max_allocation_per_bucket": 0.2,
                "max_allocation_by_bucket": {"x": 0.5},
                "max_total_positions": 4,
                "max_single_position": 0.25,
            },
            "max_allocation_per_bucket 0.225",
        ),
        # x and y are all there is
        (
            {
                "include_buckets": ("x", "y"),
                "max_allocation_by_bucket": {"x": 0.5, "y": 0.3},
                "max_single_position": 0.3,
            },
            "wider limits in max_allocation_by_bucket",
        ),
        # y alone has no limit of its own: .95 - .5
        (
            {"include_buckets": ("x", "y"), "max_allocation_by_bucket": {"x": 0.5}, "max_single_position": 0.3},
            "max_allocation_per_bucket 0.45",
        ),
    ],
)
def test_limits_of_single_buckets_count_in_the_nearest_fix(changes: dict[str, object], fix: str) -> None:
    assert only(**changes, enable_bucket_diversification=True).endswith(f"the rest is cash; {fix} would do")


@pytest.mark.slow
@settings(max_examples=examples(30), deadline=None)
@given(
    n_places=st.integers(1, 4),
    max_single_position=st.sampled_from([0.15, 0.2, 0.3, 0.5, 1.0]),
    max_allocation_per_bucket=st.sampled_from([0.05, 0.1, 0.19, 0.2, 0.4, 1.0]),
    max_allocation_by_bucket=st.sampled_from([{}, {"b0": 0.1}, {"b0": 0.3}, {"b0": 0.5}, {"b0": 0.95}]),
    max_positions_per_bucket=st.integers(1, 3),
    min_position_size=st.sampled_from([0.0, 0.05]),
)
def test_buckets_are_objected_to_where_no_day_is_without_cash(n_places: int, **drawn: object) -> None:
    asked = limits(
        enable_bucket_diversification=True,
        max_total_positions=n_places,
        min_buckets_represented=1,
        max_residual_per_asset=1,
        max_residual_multiple=None,
        **drawn,
    )
    days = combinations_with_replacement(range(n_places + 1), n_places)
    full = [one for one in days if max(map(one.count, one)) <= asked.max_positions_per_bucket]
    rows = [
        (f"P{day}", f"a{place}", f"b{bucket}", 1.0, False)
        for day, buckets in enumerate(full)
        for place, bucket in enumerate(buckets)
    ]
    frame = pl.DataFrame(rows, schema=["portfolio_id", "asset", "bucket", "score", "is_held"], orient="row")
    least_cash = float(size_portfolios(frame, asked).portfolios["cash_weight"].min())  # type: ignore[arg-type]
    found = find_infeasible(asked)
    assert any("< target_total_allocation" in one for one in found) == (least_cash > 0)
    for reach in re.findall(r"bucket.* = ([\d.]+) < target_total_allocation", " ".join(found)):
        assert float(reach) == pytest.approx(0.95 - least_cash, abs=1e-7)


def test_a_bucket_that_can_hold_no_position_by_its_own_limit_is_named() -> None:
    own = {"max_allocation_by_bucket": {"x": 0.01, "y": 0.3}, "min_buckets_represented": 3}
    asked = {"enable_bucket_diversification": True, "min_position_size": 0.02, **own}
    assert only(**asked) == (
        "max_allocation_by_bucket has 1 below min_position_size 0.02: x 0.01: no position fits there; raise each to at "
        "least 0.02"
    )
    assert find_infeasible(limits(**asked | {"enable_bucket_diversification": False})) == ()
    assert find_infeasible(limits(**asked | {"max_allocation_by_bucket": {"x": 0.02}})) == ()


def test_positions_that_the_minimum_size_limits_are_not_called_max_total_positions() -> None:
    # .95 / .14 = 6.8: six positions of at most .15
    found = find_infeasible(limits(max_single_position=0.15, min_position_size=0.14))
    assert any(sentence.startswith("6 positions x max_single_position 0.15 = 0.90 < ") for sentence in found)


@pytest.mark.parametrize(
    ("least", "most", "numbers"),
    [
        (0.03, 0.1, ["0.03", "0.1", "0.03", "0"]),
        (0.03, 0.03, ["0.03", "0.03", "0.03", "0"]),
        (0.03, 0.02, ["0.03", "0.02", "0.02"]),
    ],
)
def test_a_minimum_of_trades_with_a_turnover_limit_is_warned_about(
    least: float, most: float, numbers: list[str]
) -> None:
    sentence = only(min_trade_weight=least, max_turnover=most)
    assert re.findall(r"\d+(?:\.\d+)?", sentence) == numbers


@pytest.mark.parametrize("asked", [{"min_trade_weight": 0.03}, {"max_turnover": 0.1}, {}])
def test_either_of_them_alone_is_not(asked: dict[str, float]) -> None:
    assert find_infeasible(limits(**asked)) == ()


@pytest.mark.parametrize(
    ("changes", "n_objections"), [({}, 1), ({"reentry_cooldown_days": 1}, 0), ({"max_holding_action": "review"}, 0)]
)
def test_a_term_that_closes_without_a_cooldown_is_warned_about(changes: dict[str, object], n_objections: int) -> None:
    limits = RebalancingLimits(**({"max_holding_days": 60, "max_holding_action": "close"} | changes))
    assert len(find_infeasible(limits)) == n_objections
