"""One task a stage of the rules. Each calls its rule and logs one line with counts."""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, SizedPortfolios, decide, select_candidates, settle, size_decisions
from sizing.selection.score_coverage import find_missing_scores
from tasks.stages import run_logger, stage


@stage("circuit breaker")
def break_circuit(inputs: DayInputs) -> tuple[str, ...]:
    """Return which scores are missing beyond max_missing_score_share; then the run is held."""
    missing = find_missing_scores(inputs)
    run_logger().info("circuit breaker: %d objections", len(missing))
    return missing


@stage("universe and selection")
def select(inputs: DayInputs) -> pl.DataFrame:
    """Find every candidate and who of them qualifies."""
    qualified = select_candidates(inputs)
    run_logger().info(
        "selection: %d candidates, %d held, %d qualify",
        qualified.height,
        qualified["is_held"].sum(),
        qualified["selection_gate"].null_count(),
    )
    return qualified


@stage("diversification")
def diversify(qualified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Assign slots to the qualified, and a decision to every candidate."""
    decisions = decide(qualified, inputs)
    selected = decisions.filter("is_selected")
    run_logger().info(
        "diversification: %d selected, %d of them new, %d pinned",
        selected.height,
        (~selected["is_held"]).sum(),
        selected["is_pinned"].sum(),
    )
    return decisions


@stage("two-stage sizing")
def size(decisions: pl.DataFrame, inputs: DayInputs) -> SizedPortfolios:
    """Size the selected assets of every portfolio."""
    sized = size_decisions(decisions, inputs)
    summary = sized.portfolios
    run_logger().info(
        "sizing: %d sized, %d dropped, %d capped in stage 1 and %d in stage 2, cash in %d of %d portfolios",
        summary["n_sized"].sum(),
        summary["n_dropped"].sum(),
        summary["stage1_capped_count"].sum(),
        summary["stage2_capped_count"].sum(),
        (summary["cash_weight"] > 0).sum(),
        summary.height,
    )
    return sized


@stage("checks")
def check(decisions: pl.DataFrame, sized: SizedPortfolios, inputs: DayInputs) -> Rebalance:
    """Turn positions into targets and compare every limit with them."""
    result = settle(decisions, sized, inputs)
    checks = result.constraint_checks
    run_logger().info(
        "checks: %d constraints, %d binding, %d broken",
        checks.height,
        checks["is_binding"].sum(),
        (~checks["is_ok"]).sum(),
    )
    return result
