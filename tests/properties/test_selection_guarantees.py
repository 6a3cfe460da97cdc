"""The guarantees of docs/selection.md 5, each a property seen from outside: days go in, decisions come out.

Guarantee 8, the slow loop, is test_selection_agrees_with_reference.py.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import decide, rebalance, select_candidates
from sizing.selection.score_coverage import missing_scores
from tests.properties.selection_days import N_DAYS, SelectionDay, drawn_days
from tests.sizing.reference.selection import UNITS

AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # a failure tells of the one portfolio instead
PLACES = {
    None,
    "max_positions_per_bucket",
    "max_total_positions",
    "max_new_positions",
    "min_buckets_represented",
    "replaced",
}
"""Gates of what had qualified."""

Row = dict[str, Any]
Rows = dict[str, dict[str, Row]]  # by portfolio and asset

properties = settings(
    max_examples=N_DAYS, deadline=None, derandomize=True, phases=AS_DRAWN, suppress_health_check=list(HealthCheck)
)
few = settings(properties, max_examples=max(1, N_DAYS * 5 // 8))


def decide_day(drawn: SelectionDay) -> Rows:
    day = drawn.day()
    found: Rows = {name: {} for name in drawn.limits}
    for row in decide(select_candidates(day), day).iter_rows(named=True):
        assert row["asset"] not in found[row["portfolio_id"]], "two decisions for one candidate"
        found[row["portfolio_id"]][row["asset"]] = row
    return found


decided = cache(decide_day)


def selected(rows: dict[str, Row]) -> set[str]:
    return {asset for asset, row in rows.items() if row["is_selected"]}


def check_each(drawn: SelectionDay, holds: Callable[[RebalancingLimits, list[Row]], None]) -> None:
    """Ask a property of every portfolio; the one that breaks it is told."""
    for portfolio_id, rows in decided(drawn).items():
        try:
            holds(drawn.limits[portfolio_id], list(rows.values()))
        except AssertionError as error:
            pytest.fail(f"{portfolio_id}: {error}\n{drawn.describe(portfolio_id)}")


# Guarantee 1: counts ---------------------------------------------------------------------------------------


@given(drawn_days())
@properties
def test_there_are_never_more_positions_than_the_total_unless_more_are_locked(drawn: SelectionDay) -> None:
    def holds(limits: RebalancingLimits, rows: list[Row]) -> None:
        locked = [row for row in rows if row["is_locked"]]
        chosen = [row for row in rows if row["is_selected"]]
        assert len(chosen) <= max(limits.max_total_positions, len(locked))

    check_each(drawn, holds)


@given(drawn_days())
@properties
def test_there_are_never_more_new_names_than_a_day_may_open(drawn: SelectionDay) -> None:
    def holds(limits: RebalancingLimits, rows: list[Row]) -> None:
        assert sum(row["is_selected"] and not row["is_held"] for row in rows) <= limits.max_new_positions

    check_each(drawn, holds)


def is_within_its_bucket(chosen: list[Row], bucket: str, limits: RebalancingLimits) -> bool:
    """Report whether a bucket keeps its limit, or is above it by locked and spared holdings alone."""
    there = [row for row in chosen if row["bucket"] == bucket]
    if len(there) <= limits.max_positions_by_bucket.get(bucket, limits.max_positions_per_bucket):
        return True
    are_old = all(row["is_held"] for row in there)
    return are_old and (limits.allow_bucket_overflow or all(row["is_locked"] for row in there))


@given(drawn_days())
@properties
def test_no_bucket_is_above_its_limit_unless_by_locked_or_spared_holdings_alone(drawn: SelectionDay) -> None:
    def holds(limits: RebalancingLimits, rows: list[Row]) -> None:
        chosen = [row for row in rows if row["is_selected"]]
        for bucket in {row["bucket"] for row in chosen}:
            assert is_within_its_bucket(chosen, bucket, limits), bucket

    check_each(drawn, holds)


# Guarantee 2: nobody is forgotten --------------------------------------------------------------------------


@given(drawn_days())
@few
def test_every_holding_and_every_asset_scored_today_has_one_decision(drawn: SelectionDay) -> None:
    found = decided(drawn)
    for portfolio_id, limits in drawn.limits.items():
        held = {asset for name, asset in drawn.held if name == portfolio_id}
        today = {one.asset for one in drawn.scores if one.model == limits.model and one.age == 0 and one.score}
        any_row_today = {one.asset for one in drawn.scores if one.model == limits.model and one.age == 0}
        assert held | today <= set(found[portfolio_id]) <= held | any_row_today, drawn.describe(portfolio_id)


@given(drawn_days())
@few
def test_every_holding_has_a_decision_and_a_target(drawn: SelectionDay) -> None:
    result = rebalance(drawn.day())
    for frame in (result.decisions, result.targets):
        told = Counter(frame.select("portfolio_id", "asset").iter_rows())
        assert {told[key] for key in drawn.held} <= {1}


@given(drawn_days())
@few
def test_what_is_selected_has_no_gate_and_what_is_not_has_one(drawn: SelectionDay) -> None:
    def holds(_: RebalancingLimits, rows: list[Row]) -> None:
        for row in rows:
            assert row["is_selected"] == (row["gate"] is None), row
            assert row["gate_limit"] is None or row["gate"] is not None, row
            assert row["is_selected"] or not (row["is_locked"] or row["is_reserved"]), row

    check_each(drawn, holds)


@given(drawn_days())
@few
def test_a_holding_under_no_buy_never_grows(drawn: SelectionDay) -> None:
    result = rebalance(drawn.day())
    bound = result.decisions.filter("is_held", restriction="no_buy").select("portfolio_id", "asset")
    for row in result.targets.join(bound, on=("portfolio_id", "asset")).iter_rows(named=True):
        assert row["target_weight"] <= row["current_weight"], f"{row}\n{drawn.describe(row['portfolio_id'])}"


# Guarantee 3: a higher score never hurts -------------------------------------------------------------------


def units(score: float) -> int:
    return round(score * UNITS)


def scored(drawn: SelectionDay) -> Iterator[tuple[str, str, Row]]:
    """Yield what has a score that counts. Under a grace period an older one is no observation of a holding."""
    for portfolio_id, rows in decided(drawn).items():
        has_grace = drawn.limits[portfolio_id].grace_period_days > 0
        for asset, row in rows.items():
            if row["score"] is not None and not (has_grace and row["is_held"] and row["score_age_days"]):
                yield portfolio_id, asset, row


def rerun(drawn: SelectionDay, changes: list[tuple[str, str, int]]) -> Iterator[tuple[str, str, dict[str, Row]]]:
    """Decide again for each change, all in one run; give portfolio, asset and the decisions with the changed score."""
    copies = decide_day(drawn.with_scores(changes))
    for number, (portfolio_id, asset, score) in enumerate(changes):
        rows = copies[str(number)]
        assert units(rows[asset]["score"]) == score, "the copy does not have the score that was asked for"
        yield portfolio_id, asset, rows


@given(drawn_days(portfolios=8), st.integers(0, 2**32))
@properties
def test_raising_a_score_never_costs_an_asset_its_place(drawn: SelectionDay, seed: int) -> None:
    rng = Random(seed)

    def higher(score: int) -> int:
        steps = (1, UNITS // 100, UNITS // 20, UNITS // 20 + 1, UNITS // 5, UNITS)
        return min(UNITS, score + rng.choice(steps))

    changes = [(name, asset, higher(units(row["score"]))) for name, asset, row in scored(drawn) if row["is_selected"]]
    for portfolio_id, asset, rows in rerun(drawn, changes):
        score = rows[asset]["score"]
        assert asset in selected(rows), f"{asset} falls out with {score}\n{drawn.describe(portfolio_id)}"


# Guarantee 4: what does not matter -------------------------------------------------------------------------


@given(drawn_days(), st.integers(0, 1000))
@few
def test_the_order_of_rows_does_not_matter(drawn: SelectionDay, seed: int) -> None:
    day = drawn.day()
    frames = (day.scores, day.assets, day.holdings, day.restrictions)
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in frames]
    states = day.states.sample(fraction=1, shuffle=True, seed=seed)
    other = DayInputs(day.as_of_date, dict(reversed(day.limits.items())), *mixed, states=states)
    one, two = (decide(select_candidates(each), each) for each in (day, other))
    assert_frame_equal(one, two, check_exact=True)


@given(drawn_days())
@few
def test_other_portfolios_do_not_matter(drawn: SelectionDay) -> None:
    together = decided(drawn)
    for portfolio_id in list(drawn.limits)[::10]:
        assert decide_day(drawn.alone(portfolio_id))[portfolio_id] == together[portfolio_id], drawn.describe(
            portfolio_id
        )


# Guarantee 5: no scores, no change -------------------------------------------------------------------------


@given(drawn_days(portfolios=8), st.sampled_from((0.0, 0.2, 0.9)))
@few
def test_a_portfolio_with_holdings_and_without_any_score_today_is_held(drawn: SelectionDay, share: float) -> None:
    yesterday = tuple(replace(one, age=one.age + 1) for one in drawn.scores)
    changed = {
        name: limits.model_copy(update={"max_missing_score_share": share}) for name, limits in drawn.limits.items()
    }
    objected = set(missing_scores(replace(drawn, limits=changed, scores=yesterday).day())["portfolio_id"])
    for portfolio_id in {name for name, _ in drawn.held}:
        assert portfolio_id in objected, drawn.describe(portfolio_id)


# Guarantee 6: as many buckets as can be had ----------------------------------------------------------------


def is_within(choice: list[Row], locked: list[Row], limits: RebalancingLimits) -> bool:
    if choice and len(choice) + len(locked) > limits.max_total_positions:
        return False
    if sum(not row["is_held"] for row in choice) > limits.max_new_positions:
        return False
    return all(is_within_its_bucket(locked + choice, row["bucket"], limits) for row in choice)


def choices(free: list[Row], limits: RebalancingLimits) -> Iterable[list[Row]]:
    most = min(len(free), limits.max_total_positions)
    return (list(choice) for count in range(most + 1) for choice in combinations(free, count))


@given(drawn_days(portfolios=8))
@properties
def test_buckets_are_missing_only_where_no_choice_within_the_limits_has_more(drawn: SelectionDay) -> None:
    def holds(limits: RebalancingLimits, rows: list[Row]) -> None:
        locked = [row for row in rows if row["is_locked"]]
        free = [row for row in rows if row["gate"] in PLACES and not row["is_locked"]]
        got = len({row["bucket"] for row in rows if row["is_selected"]})
        if got < limits.min_buckets_represented:
            within = (choice for choice in choices(free, limits) if is_within(choice, locked, limits))
            most = max(len({row["bucket"] for row in locked + choice}) for choice in within)
            assert got == most, f"{got} buckets, {most} could be had"

    check_each(drawn, holds)


@given(drawn_days())
@few
def test_a_missed_minimum_of_buckets_breaks_nothing_and_says_why(drawn: SelectionDay) -> None:
    checks = rebalance(drawn.day()).constraint_checks
    for row in checks.filter(constraint_name="min_buckets_represented").iter_rows(named=True):
        assert row["is_ok"], row
        assert (row["reason"] is None) == (row["slack"] >= 0), row


# Guarantee 7: the counterfactual is exact ------------------------------------------------------------------


def is_decided_by_its_score(row: Row) -> bool:
    return not row["is_locked"] and row["gate"] not in {"must_sell", "no_trade", "no_buy", "excluded", "no_bucket"}


@given(drawn_days(portfolios=8))
@properties
def test_at_its_entry_score_a_candidate_is_selected_and_a_grid_step_below_it_is_not(drawn: SelectionDay) -> None:
    told = [each for each in scored(drawn) if each[2]["entry_score"] is not None]
    at = [(name, asset, units(row["entry_score"])) for name, asset, row in told]
    below = [(name, asset, score - 1) for name, asset, score in at if score > 0]
    for number, (portfolio_id, asset, rows) in enumerate(rerun(drawn, at + below)):
        is_at = number < len(at)
        assert (asset in selected(rows)) == is_at, (
            f"{asset} at {rows[asset]['score']!r}\n{drawn.describe(portfolio_id)}"
        )


@given(drawn_days(portfolios=8))
@properties
def test_a_candidate_without_an_entry_score_is_not_selected_with_the_highest_score(drawn: SelectionDay) -> None:
    without = [
        (name, asset, UNITS)
        for name, asset, row in scored(drawn)
        if row["entry_score"] is None and is_decided_by_its_score(row)
    ]
    for portfolio_id, asset, rows in rerun(drawn, without):
        assert asset not in selected(rows), f"{asset}\n{drawn.describe(portfolio_id)}"


@given(drawn_days())
@few
def test_where_the_score_does_not_decide_there_is_no_entry_score_and_no_rival(drawn: SelectionDay) -> None:
    def holds(_: RebalancingLimits, rows: list[Row]) -> None:
        for row in rows:
            if row["score"] is None or not is_decided_by_its_score(row):
                assert (row["entry_score"], row["rival"]) == (None, None), row

    check_each(drawn, holds)


@given(drawn_days(portfolios=8))
@properties
def test_a_rival_leaves_where_the_candidate_enters_and_comes_where_it_falls_out(drawn: SelectionDay) -> None:
    found = decided(drawn)
    told = [each for each in scored(drawn) if each[2]["entry_score"]]
    # just below its entry score for what is selected, at it for what is not
    changes = [(name, asset, units(row["entry_score"]) - row["is_selected"]) for name, asset, row in told]
    for portfolio_id, asset, rows in rerun(drawn, changes):
        ranks = {name: row["candidate_rank"] for name, row in found[portfolio_id].items()}
        before, after = selected(found[portfolio_id]), selected(rows)
        came, left = sorted(after - before, key=ranks.get), sorted(before - after, key=ranks.get)
        rival = (came[0] if came else None) if asset in before else (left[-1] if left else None)
        assert found[portfolio_id][asset]["rival"] == rival, f"{asset}: {came} {left}\n{drawn.describe(portfolio_id)}"
