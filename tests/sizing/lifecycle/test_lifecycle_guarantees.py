"""What the lifecycle guarantees, on every published day of random histories.

The numbers are those of docs/lifecycle.md. BALLAST_FUZZ_HISTORIES sets the number of histories.
"""

import os
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.frames.day_inputs import DayInputs
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import Rebalance, rebalance
from tests.sizing.lifecycle.histories import DAYS, draw_history
from tests.sizing.lifecycle.history_walk import Step, Walk, to_units
from tests.sizing.lifecycle.reference import WEIGHT_UNITS, Case, exactly
from tests.sizing.lifecycle.reference_state import Life
from tests.sizing.lifecycle.states import DUST, file_frame

HISTORIES = int(os.environ.get("BALLAST_FUZZ_HISTORIES", "60"))
FIRST_SEED = 10**6
"""Histories that no other test walks."""

EXIT = 0.60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@cache
def walked() -> tuple[tuple[dict[str, Step], ...], tuple[DayInputs, ...]]:
    walk = Walk([draw_history(FIRST_SEED + number) for number in range(HISTORIES)])
    steps, inputs = [], []
    for day in walk:
        steps.append(day)
        inputs.append(walk.inputs)
    return tuple(steps), tuple(inputs)


def steps_by_portfolio() -> Iterator[tuple[str, list[Step]]]:
    steps, _ = walked()
    for name in sorted({name for day in steps for name in day}):
        yield name, [day[name] for day in steps if name in day]


def every_row() -> Iterator[tuple[Step, str, Mapping[str, Any]]]:
    """Return every decision with its step and asset."""
    for _, steps in steps_by_portfolio():
        for step in steps:
            for asset, row in step.decisions.items():
                yield step, asset, row


def is_core(case: Case, asset: str) -> bool:
    """Whether a core asset keeps its place: dust of what is gone has none."""
    core, is_gone = case.limits.core_assets.get(asset), asset in case.lives and not case.lives[asset].is_held
    return core is not None and case.date <= core.until and not is_gone


def is_in_lock(case: Case, asset: str) -> bool:
    life = case.life_of(asset)
    known = life is not None and life.opened is not None
    return known and case.day - life.opened < case.limits.min_holding_days


def score_of_today(row: Mapping[str, Any]) -> float | None:
    return row["score"] if row["score_age_days"] == 0 else None


def test_histories_are_not_idle() -> None:
    """What the guarantees speak of happens in these histories."""
    rows = list(every_row())
    gates = {row["gate"] for _, _, row in rows}
    kept = {row["kept_by"] for _, _, row in rows}
    assert gates >= {"grace_period_days", "max_holding_days", "reentry_cooldown_days", "max_round_trips"}
    assert kept >= {"no_trade", "score_missing", "core_assets", "min_holding_days", "grace_period_days"}


def test_2_a_locked_holding_closes_only_by_must_sell_or_exclusion() -> None:
    for step, asset, row in every_row():
        protected = is_core(step.case, asset) or is_in_lock(step.case, asset)
        if row["is_held"] and protected:
            assert row["gate"] in {None, "must_sell", "excluded"}, (step.case, asset)
        if row["is_held"] and row["is_locked"]:
            assert row["is_selected"]
            assert step.targets[asset]["target_weight"] > 0, (step.case, asset)
            assert step.targets[asset]["post_trade_weight"] > 0, (step.case, asset)


def test_3_nothing_opens_too_soon_or_too_often() -> None:
    for _, steps in steps_by_portfolio():
        for step in steps:
            limits, day = step.case.limits, step.case.day
            for asset in (one for one, life in step.after.items() if opens(step, one, life)):
                comes_back = limits.reentry_score is not None
                comes_back = comes_back and step.decisions[asset]["score"] >= limits.reentry_score
                ages = [day - one for one in step.after[asset].closed]
                in_window = sum(age <= limits.round_trip_window_days for age in ages)
                if not comes_back:
                    assert all(age > limits.reentry_cooldown_days or not limits.reentry_cooldown_days for age in ages)
                    assert limits.max_round_trips is None or in_window < limits.max_round_trips, (step.case, asset)


def opens(step: Step, asset: str, life: Life) -> bool:
    return life.is_held and life.opened == step.case.day and step.case.life_of(asset) is None


def test_4_in_grace_no_target_is_above_the_schedule() -> None:
    for step, asset, row in every_row():
        life, limits = step.case.life_of(asset), step.case.limits
        in_grace = row["grace_count"] is not None and not row["is_locked"] and score_of_today(row) is not None
        if not in_grace:
            continue
        current = step.case.book[asset]
        entry = current if life is None or life.entry_weight is None else life.entry_weight
        rate = max(exactly(limits.grace_decay_rate) ** row["grace_count"], exactly(limits.min_decay_factor))
        least = exactly(limits.min_position_size) * WEIGHT_UNITS if limits.enable_dynamic_sizing else Fraction(0)
        target = to_units(step.targets[asset]["target_weight"])
        assert target <= min(current, max(entry * rate, least) + 1), (step.case, asset)


def test_5_failing_scores_are_counted_and_missing_ones_are_not() -> None:
    """At most N failing scores keep a holding selected that is neither locked nor core."""
    for name, steps in steps_by_portfolio():
        failed: dict[str, int] = {}
        for step in steps:
            allowed = step.case.limits.grace_period_days
            for asset, row in step.decisions.items():
                life, score = step.case.life_of(asset), score_of_today(row)
                if life is None or not allowed or life.term == step.case.day:
                    failed.pop(asset, None)
                    continue
                if score is None:
                    assert row["grace_count"] == life.count, (name, step.case)
                elif score < EXIT:
                    failed[asset] = failed.get(asset, 0) + 1
                elif row["grace_count"] is None:
                    failed.pop(asset, None)
                if score is not None and score < EXIT and row["is_selected"] and not row["is_locked"]:
                    assert failed[asset] <= allowed, (name, asset, step.case)


def test_7_never_more_are_selected_than_the_total_unless_locked() -> None:
    for name, steps in steps_by_portfolio():
        for step in steps:
            selected = [row for row in step.decisions.values() if row["is_selected"]]
            locked = sum(row["is_locked"] for row in selected)
            assert len(selected) <= max(step.case.limits.max_total_positions, locked), (name, step.case)


def test_10_a_day_without_publication_changes_no_state() -> None:
    """Between two published days nothing moves but what a file shows; grace counts the scores of published days."""
    for name, steps in steps_by_portfolio():
        for before, step in pairwise(steps):
            if not step.is_from_file:
                assert step.case.lives == before.after, (name, step.case)
            for asset, life in step.after.items():
                earlier = step.case.life_of(asset)
                if earlier is not None and earlier.count is not None and life.count is not None:
                    assert life.count - earlier.count in {0, 1}, (name, step.case)


def test_10_states_without_a_file_are_as_they_were() -> None:
    _, inputs = walked()
    for day in inputs:
        states = day.states.sort("portfolio_id", "asset")
        corrected = correct_states(states, day.holdings, file_frame({}), DUST)
        assert corrected.equals(states.select(corrected.columns))


days = st.integers(0, DAYS - 1)


def same(one: Rebalance, other: Rebalance) -> bool:
    """Whether two results have the same rows, in their order."""
    return all(frame.equals(two) for frame, two in zip(one, other, strict=True))


def changed(day: DayInputs, **frames: object) -> DayInputs:
    return DayInputs(**{**day.frames._asdict(), **frames})


@settings(deadline=None, max_examples=4)
@given(days, st.integers(0, 10**6))
def test_12_the_order_of_rows_does_not_matter(number: int, seed: int) -> None:
    day = walked()[1][number]
    frames = ("scores", "assets", "holdings", "restrictions", "states")
    shuffled = {name: getattr(day, name).sample(fraction=1, shuffle=True, seed=seed) for name in frames}
    backwards = dict(reversed(day.limits.items()))
    assert same(rebalance(changed(day, **shuffled, limits=backwards)), rebalance(day))


@settings(deadline=None, max_examples=4)
@given(days, st.data())
def test_12_other_portfolios_do_not_matter(number: int, data: st.DataObject) -> None:
    day = walked()[1][number]
    name = data.draw(st.sampled_from(sorted(day.limits)))
    is_own = pl.col("portfolio_id") == name
    own = {one: getattr(day, one).filter(is_own) for one in ("holdings", "restrictions", "states")}
    alone = rebalance(changed(day, **own, limits={name: day.limits[name]}))
    together = rebalance(day)
    of_portfolios = (frame.filter(is_own) for frame in together if "portfolio_id" in frame.columns)
    assert same(alone, Rebalance(*of_portfolios, together.risk_estimates))


@settings(deadline=None, max_examples=4)
@given(days)
def test_12_names_do_not_matter(number: int) -> None:
    """Other names in the same order, as ties go by name: every portfolio and every asset is called otherwise."""
    day = walked()[1][number]
    renamed = {
        name: getattr(day, name).with_columns(
            (pl.lit("x") + pl.col(column) + "é").alias(column)
            for column in ("portfolio_id", "asset")
            if column in getattr(day, name).columns
        )
        for name in ("scores", "assets", "holdings", "restrictions", "states")
    }
    limits = {
        f"x{name}é": one.model_copy(
            update={
                "core_assets": {f"x{asset}é": core for asset, core in one.core_assets.items()},
                "exclude_assets": tuple(f"x{asset}é" for asset in one.exclude_assets),
            }
        )
        for name, one in day.limits.items()
    }
    result, other = rebalance(day), rebalance(changed(day, **renamed, limits=limits))
    assert strip_names(other.lifecycle).equals(result.lifecycle)
    told = ["decision_reason", "target_reason", "trade_reason", "rival"]
    for before, after in ((result.decisions, other.decisions), (result.targets, other.targets)):
        assert strip_names(after).drop(told, strict=False).equals(before.drop(told, strict=False))


def strip_names(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).str.strip_prefix("x").str.strip_suffix("é") for name in ("portfolio_id", "asset")
    )


@settings(deadline=None, max_examples=6)
@given(days, st.sampled_from(("t1", "t2", "d1", "i1")), st.sampled_from((0.02, 0.1, 0.4)))
def test_6_a_higher_score_never_costs_a_place(number: int, asset: str, more: float) -> None:
    day = walked()[1][number]
    is_today = (pl.col("score_age_days") == 0) & (pl.col("asset") == asset)
    raised = pl.when(is_today).then((pl.col("score") + more).clip(upper_bound=1.0)).otherwise("score")
    higher = rebalance(changed(day, scores=day.scores.with_columns(score=raised))).decisions
    before = rebalance(day).decisions
    selected = pl.col("is_selected") & (pl.col("asset") == asset)
    lost = before.filter(selected & (pl.col("score_age_days") == 0)).join(
        higher.filter(selected), on=["portfolio_id", "asset"], how="anti"
    )
    assert lost.is_empty(), lost.to_dicts()[0]
