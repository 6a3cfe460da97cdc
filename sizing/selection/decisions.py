"""A decision for every candidate: the gate, the limit, the counterfactual, and one sentence made from them."""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.frames.score_units import as_score
from sizing.selection.decision_text import has_notes, notes, verdict
from sizing.selection.gates import GATES, SCORE_GATES, SLOT_GATES, Gate, gate
from sizing.selection.lifecycle_text import has_past, past_notes

DECISION_COLUMNS = (
    *("portfolio_id", "asset", "bucket"),
    *("score", "score_date", "score_age_days", "has_partial_score", "is_score_stale"),
    *("is_held", "current_weight", "restriction"),
    *("candidate_rank", "bucket_rank", "is_pinned", "is_reserved", "is_selected"),
    *("gate", "gate_limit", "entry_score", "rival", "decision_reason"),
    *("is_locked", "kept_by", "kept_from", "days_held", "grace_count", "gate_days_left"),
)
"""A decision, one row per portfolio and candidate, in this order."""

FOR_SIZING = ("kept_weight", "starts_term", "volatility", "n_returns")
"""What sizing needs to know beside a decision: the weight of a pinned holding, who is judged like a new name, and the
volatility."""

_LIMITS = (
    *("min_score_threshold", "min_score_new_position", "max_total_positions", "max_new_positions"),
    *("min_buckets_represented", "replacement_margin", "grace_period_days", "max_holding_days"),
    *("reentry_cooldown_days", "max_round_trips", "round_trip_window_days"),
)
_LIMIT_OF_GATE = {
    Gate.IN_COOLDOWN: "reentry_cooldown_days",
    Gate.ROUND_TRIPS: "max_round_trips",
    Gate.TERM_OVER: "max_holding_days",
    Gate.GRACE_OVER: "grace_period_days",
    Gate.BELOW_EXIT: "min_score_threshold",
    Gate.BELOW_ENTRY: "min_score_new_position",
    Gate.BUCKET_FULL: "bucket_limit",
    Gate.TOTAL_FULL: "max_total_positions",
    Gate.NEW_FULL: "max_new_positions",
    Gate.MIN_BUCKETS: "min_buckets_represented",
    Gate.REPLACED: "replacement_margin",
}
_WORDED = (
    *("wording", "portfolio_id", "bucket", "bucket_limit"),
    *("is_held", "is_pinned", "is_locked", "is_reserved", "open_units"),
    *("gate", "question", "entry_units", "rival"),
)
_CASES = 512
"""More than there are gates, held or not, pinned or not, locked or not, reserved or not."""


def explain_decisions(diversified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the decisions, by portfolio and rank.

    *Requires* what `diversify` returns. *Adds* `gate_limit, entry_score, decision_reason`; beside
    DECISION_COLUMNS it keeps FOR_SIZING.
    """
    rows = diversified.with_columns(wording=_wording())
    texts = _case_texts(rows.select(_WORDED).unique("wording", keep="first"), inputs)
    return (
        rows.join(texts, on="wording", how="left", maintain_order="left")
        .hstack([_notes(diversified, inputs)])
        .with_columns(
            gate=pl.col("gate").cast(pl.String),
            entry_score=as_score("entry_units"),
            decision_reason=pl.concat_str(_opening(), "verdict", "notes"),
        )
        .select(*DECISION_COLUMNS, *FOR_SIZING)
    )


def _wording() -> pl.Expr:
    """Return one number for all rows that share one text: one case of one question, or of one bucket."""
    code = pl.col("gate").to_physical().cast(pl.Int64).fill_null(len(GATES))
    flags = pl.sum_horizontal(
        pl.col("is_held").cast(pl.Int64),
        pl.col("is_pinned").cast(pl.Int64) * 2,
        pl.col("is_reserved").cast(pl.Int64) * 4,
        pl.col("is_locked").cast(pl.Int64) * 8,
    )
    case = code * 16 + flags
    by_bucket = -(2**62) + pl.col("bucket_key") * _CASES
    return pl.coalesce(pl.col("question") * _CASES, by_bucket) + case


def _case_texts(cases: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return `wording, gate_limit, verdict` of each case."""
    limit = pl.coalesce(
        pl.when(pl.col("gate") == gate(code)).then(pl.col(name).cast(pl.Float64))
        for code, name in _LIMIT_OF_GATE.items()
    )
    score_decides = pl.col("gate").is_in(pl.Series([*SCORE_GATES, *SLOT_GATES], dtype=pl.Enum(GATES)).implode())
    limits = limit_frame(inputs.limits, _LIMITS)
    return cases.join(limits, on="portfolio_id", how="left").select(
        "wording",
        gate_limit=limit,
        verdict=verdict(is_hopeless=score_decides & pl.col("question").is_null() & inputs.has_entry_scores),
    )


def _opening() -> pl.Expr:
    score, rank = pl.col("score").cast(pl.String), pl.col("candidate_rank").cast(pl.String)
    return pl.concat_str(
        pl.when("is_held").then(pl.lit("Holding")).otherwise(pl.lit("New name")),
        pl.coalesce(
            pl.concat_str(pl.lit(", score "), score, pl.lit(", candidate rank "), rank), pl.lit(" without a score")
        ),
        pl.lit(": "),
    )


def _notes(rows: pl.DataFrame, inputs: DayInputs) -> pl.Series:
    """Write the notes of the few rows that have any. *Returns* `notes`, empty for the others."""
    ages = limit_frame(inputs.limits, ["max_score_age_days"])
    few = rows.with_row_index("number").filter(has_notes() | has_past())
    noted = (
        few.join(ages, on="portfolio_id", how="left", maintain_order="left")
        .join(past_notes(few.filter(has_past()), inputs), on="number", how="left", maintain_order="left")
        .select("number", notes=pl.concat_str("past", notes(), ignore_nulls=True))
    )
    every = rows.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("number"))
    return every.join(noted, on="number", how="left", maintain_order="left")["notes"].fill_null("")
