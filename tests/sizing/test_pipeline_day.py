"""What holds of a whole day, whatever the limits: proved on small random drawn_days, and a few days by hand.

What holds of the selection alone is in tests/properties/test_selection_guarantees.py.
"""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import decide, rebalance, select_candidates, settle, size_decisions
from tests.helpers.examples import examples
from tests.sizing.days import a_day, broken, limits
from tests.sizing.drawn_days import DrawnDay, drawn_days

AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking, which takes minutes: a failure tells of the one portfolio instead."""

chosen_only = settings(
    max_examples=examples(12), deadline=None, derandomize=True, phases=AS_DRAWN, suppress_health_check=list(HealthCheck)
)
whole_day = settings(chosen_only, max_examples=4)


# Places ----------------------------------------------------------------------------------------------------


@given(drawn_days())
@chosen_only
def test_new_names_have_a_score_of_today_at_the_threshold_and_no_restriction(drawn: DrawnDay) -> None:
    day = drawn.day()
    new = decide(select_candidates(day), day).filter(pl.col("is_selected") & ~pl.col("is_held"))
    for row in new.iter_rows(named=True):
        assert row["score_age_days"] == 0
        assert row["score"] >= drawn.limits[row["portfolio_id"]].min_score_new_position
        assert row["restriction"] is None


# Holdings --------------------------------------------------------------------------------------------------


@given(drawn_days())
@whole_day
def test_a_holding_is_sold_out_only_for_a_reason_that_is_not_missing_data(drawn: DrawnDay) -> None:
    result = drawn.run()
    without_score = result.decisions.filter(pl.col("is_held") & pl.col("score").is_null() & ~pl.col("is_selected"))
    assert set(without_score["gate"]) <= {"must_sell", "excluded"}


@given(drawn_days())
@whole_day
def test_trades_lead_from_what_is_held_to_the_target_or_not_at_all(drawn: DrawnDay) -> None:
    for row in drawn.run().targets.filter(~pl.col("is_cash")).iter_rows(named=True):
        change = row["target_weight"] - row["current_weight"]
        assert row["trade_weight"] == (0 if row["action"] == "hold" else change)
        assert (row["trade_rank"] is None) == (row["trade_weight"] == 0)


# What does not matter --------------------------------------------------------------------------------------


def shuffled(day: DayInputs, seed: int) -> DayInputs:
    mixed = [
        frame.sample(fraction=1, shuffle=True, seed=seed)
        for frame in (day.scores, day.assets, day.holdings, day.restrictions)
    ]
    return DayInputs(day.as_of_date, dict(reversed(day.limits.items())), *mixed)


@pytest.mark.slow
@given(drawn_days(), st.integers(0, 1000))
@whole_day
def test_the_order_of_rows_does_not_matter(drawn: DrawnDay, seed: int) -> None:
    for one, other in zip(drawn.run(), rebalance(shuffled(drawn.day(), seed)), strict=True):
        assert_frame_equal(one, other, check_exact=True)


@given(drawn_days())
@whole_day
def test_other_portfolios_do_not_matter(drawn: DrawnDay) -> None:
    for one, other in zip(drawn.alone("P05").run(), drawn.run(), strict=True):
        own = other.filter(pl.col("portfolio_id") == "P05") if "portfolio_id" in other.columns else other
        assert_frame_equal(one, own, check_exact=True)


def test_the_way_out_of_cash_reads_the_same_whoever_else_is_in_the_frame() -> None:
    # one position: c would have to be T, .95
    for portfolios in (["P"], ["P", "Q"], ["P", "Q", "R"]):
        result = rebalance(a_day(dict.fromkeys(portfolios, limits()), scores={"t1": 0.65}))
        told = result.sizing_summary.filter(pl.col("portfolio_id") == "P")["relaxation"].item()
        assert told == "max_single_position 0.15 -> 0.95 would place it all"


# Sums and checks -------------------------------------------------------------------------------------------


@given(drawn_days())
@whole_day
def test_targets_and_cash_make_the_total_to_the_unit(drawn: DrawnDay) -> None:
    sums = drawn.run().targets.group_by("portfolio_id").agg(pl.col("target_weight").sum())
    wanted = {name: Decimal(str(own.target_total_allocation)) for name, own in drawn.limits.items()}
    assert dict(sums.rows()) == wanted


@pytest.mark.slow
@given(drawn_days())
@settings(whole_day, max_examples=examples(10))
def test_every_constraint_holds(drawn: DrawnDay) -> None:
    found = broken(drawn.run())
    assert found == set(), "\n".join(
        f"{name}: {drawn.describe(portfolio_id)}" for portfolio_id, name in sorted(found)[:2]
    )


# A day by hand ---------------------------------------------------------------------------------------------

SCORES = {"t1": 0.92, "t2": 0.85, "d1": 0.7, "d2": 0.55, "i1": 0.78, "i2": 0.66, "c1": 0.64}
HELD = {"t1": 0.1, "d1": 0.15, "d2": 0.08, "x1": 0.05}


def test_a_day_goes_from_scores_to_trades_as_worked_out_by_hand() -> None:
    # Kept: t1, d1; x1 frozen at .05; d2 closes; new t2, i1, i2 by score (3 a day); c1 is below .65.
    # Equal weights: .95 - .05 = .90 over five: .18 each, above the cap of .15; cash .95 - .05 - 5 x .15 = .15.
    result = rebalance(a_day(limits(sizing_mode="equal_weight"), scores=SCORES, held=HELD))
    rows = result.targets.select("asset", "action", "target_weight", "trade_weight", "trade_rank").rows()
    assert rows == [
        ("d1", "hold", Decimal("0.15"), Decimal(0), None),
        ("i1", "open", Decimal("0.15"), Decimal("0.15"), 2),
        ("i2", "open", Decimal("0.15"), Decimal("0.15"), 3),
        ("t1", "increase", Decimal("0.15"), Decimal("0.05"), 5),
        ("t2", "open", Decimal("0.15"), Decimal("0.15"), 4),
        ("x1", "hold", Decimal("0.05"), Decimal(0), None),
        ("d2", "close", Decimal(0), Decimal("-0.08"), 1),
        ("CASH", "hold", Decimal("0.15"), Decimal("-0.42"), None),
    ]
    assert broken(result) == set()


def test_a_day_in_steps_is_the_day_at_once() -> None:
    day = a_day(scores=SCORES, held=HELD)
    decided = decide(select_candidates(day), day)
    for one, other in zip(settle(decided, size_decisions(decided, day), day), rebalance(day), strict=True):
        assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("held", [HELD, {}])
def test_the_day_after_with_the_same_scores_trades_nothing(held: dict[str, float]) -> None:
    asked = limits(sizing_mode="equal_weight", max_new_positions=10)
    first = rebalance(a_day(asked, scores=SCORES, held=held)).targets.filter(~pl.col("is_cash"))
    then = dict(first.filter(pl.col("target_weight") > 0).select("asset", "target_weight").rows())
    after = rebalance(a_day(asked, scores=SCORES, held=then)).targets
    assert set(after["action"]) == {"hold"}
