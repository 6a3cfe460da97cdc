"""Who qualifies: restrictions, the portfolio's own universe, the name's past, then the score (docs/selection.md 2).

A holding is kept while score >= min_score_threshold; a new name needs score >= min_score_new_position. A holding
whose score is missing or too old is pinned, never sold because data is missing. The past: lifecycle/rules.py.
"""

import polars as pl

from sizing.frames.day_inputs import UNCLASSIFIED, DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.plans import run_plan
from sizing.frames.score_units import score_units
from sizing.lifecycle.rules import add_lifecycle
from sizing.risk.volatility import add_volatility
from sizing.selection.gates import Gate, gate

_LIMITS = ("min_score_threshold", "min_score_new_position", "allow_unclassified")


def qualify(candidates: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Find the first rule that stops each candidate, if any.

    *Requires* what `universe.candidates` returns. *Adds* `candidate_rank` and `bucket_rank` (by score, then name;
    null without a score), `selection_gate` (null: it qualifies), and what `add_lifecycle` adds.
    """
    return (
        candidates.join(_limits(inputs), on="portfolio_key", how="left", maintain_order="left")
        .pipe(add_volatility, inputs)
        .pipe(add_lifecycle, inputs)
        .lazy()
        .with_columns(
            candidate_rank=_rank("portfolio_key"),
            bucket_rank=_rank("bucket_key"),
            is_unknown=pl.col("bucket") == UNCLASSIFIED,
        )
        .with_columns(selection_gate=_first_gate())
        .drop("exit_units", "entry_units", "allow_unclassified", "is_unknown")
        .pipe(run_plan)
    )


def _limits(inputs: DayInputs) -> pl.DataFrame:
    return (
        limit_frame(inputs.limits, _LIMITS)
        .with_row_index("portfolio_key")
        .select(
            pl.col("portfolio_key").set_sorted(),
            "allow_unclassified",
            exit_units=score_units("min_score_threshold"),
            entry_units=score_units("min_score_new_position"),
        )
    )


def _first_gate() -> pl.Expr:
    is_held, restriction = pl.col("is_held"), pl.col("restriction")
    return (
        pl.when(restriction == Gate.MUST_SELL)
        .then(gate(Gate.MUST_SELL))
        .when(~is_held & (restriction == Gate.NO_TRADE))
        .then(gate(Gate.NO_TRADE))
        .when(~is_held & (restriction == Gate.NO_BUY))
        .then(gate(Gate.NO_BUY))
        .when("is_locked")
        .then(None)
        .when("is_excluded")
        .then(gate(Gate.EXCLUDED))
        .when(~is_held & pl.col("is_unknown") & ~pl.col("allow_unclassified"))
        .then(gate(Gate.NO_BUCKET))
        .when("is_in_cooldown")
        .then(gate(Gate.IN_COOLDOWN))
        .when("has_round_trips")
        .then(gate(Gate.ROUND_TRIPS))
        .when("is_term_over")
        .then(gate(Gate.TERM_OVER))
        .when("is_grace_over")
        .then(gate(Gate.GRACE_OVER))
        .when("is_in_grace")
        .then(None)
        .when(is_held & (pl.col("score_units") < pl.col("exit_units")))
        .then(gate(Gate.BELOW_EXIT))
        .when(~is_held & (pl.col("score_units") < pl.col("entry_units")))
        .then(gate(Gate.BELOW_ENTRY))
        .when(~is_held & pl.col("lacks_volatility"))
        .then(gate(Gate.NO_VOLATILITY))
    )


def _rank(group: str) -> pl.Expr:
    """Count the rows, which come best first; without a score there is no rank."""
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(group)
    return pl.when(pl.col("score_units").is_not_null()).then(rank)
