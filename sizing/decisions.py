"""Why each candidate is in or not, in one sentence made from the columns of its decision."""

import polars as pl

from sizing.diversification import BUCKET_FULL, NEW_FULL, REPLACED, TOTAL_FULL
from sizing.inputs import DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.selection import BELOW_ENTRY, BELOW_EXIT, EXCLUDED, MUST_SELL, NO_BUCKET, NO_BUY, NO_TRADE

DECISION_COLUMNS = (
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
    "is_selected",
    "gate",
    "decision_reason",
)
"""A decision, one row per portfolio and candidate, in this order."""

_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "min_score_threshold": pl.Float64,
    "min_score_new_position": pl.Float64,
    "max_positions_per_bucket": pl.Int32,
    "max_total_positions": pl.Int32,
    "max_new_positions": pl.Int32,
    "max_score_age_days": pl.Int32,
}


def explain_decisions(diversified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Give the decisions, by portfolio and rank. *Requires* what `diversify` gives. *Adds* `decision_reason`."""
    limits = limit_frame(inputs.limits, _SCHEMA)
    return (
        diversified.join(limits, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(decision_reason=pl.concat_str(_opening(), _verdict(), _restriction(), _score_notes()))
        .sort("portfolio_id", "candidate_rank", "asset", nulls_last=True)
        .select(DECISION_COLUMNS)
    )


def _opening() -> pl.Expr:
    who = pl.when("is_held").then(pl.lit("Holding")).otherwise(pl.lit("New name"))
    score = (
        pl.when(pl.col("score").is_null())
        .then(pl.lit(" without a score"))
        .otherwise(pl.format(", score {}, rank {}", "score", "candidate_rank"))
    )
    return pl.concat_str(who, score, pl.lit(": "))


def _verdict() -> pl.Expr:
    gate = pl.col("gate")
    sentences = {
        MUST_SELL: pl.lit("must be sold."),
        NO_TRADE: pl.lit("may not be traded."),
        NO_BUY: pl.lit("may not be bought."),
        NO_BUCKET: pl.lit("the asset list does not know its bucket."),
        EXCLUDED: pl.lit("left out by the portfolio's universe."),
        BELOW_EXIT: pl.format("below min_score_threshold {}.", "min_score_threshold"),
        BELOW_ENTRY: pl.format("below min_score_new_position {}.", "min_score_new_position"),
        BUCKET_FULL: pl.format("no place in bucket {}, at most {} positions.", "bucket", "max_positions_per_bucket"),
        TOTAL_FULL: pl.format("no place, at most {} positions in all.", "max_total_positions"),
        NEW_FULL: pl.format("no place, at most {} new names a day.", "max_new_positions"),
        REPLACED: pl.lit("replaced by a new name that leads by the replacement margin."),
    }
    verdict = (
        pl.when("is_pinned")
        .then(pl.lit("kept at its weight."))
        .when("is_reserved")
        .then(pl.format("selected for a place kept for bucket {}.", "bucket"))
    )
    for code, sentence in sentences.items():
        verdict = verdict.when(gate == code).then(sentence)
    return verdict.when("is_held").then(pl.lit("kept.")).otherwise(pl.lit("selected."))


def _restriction() -> pl.Expr:
    stated = pl.format(" Restriction {}: {}.", "restriction", pl.col("restriction_reason").fill_null("no reason given"))
    return pl.when(pl.col("restriction").is_not_null()).then(stated).otherwise(pl.lit(""))


def _score_notes() -> pl.Expr:
    stale = pl.format(" No score within {} trading days: never sold for missing data.", "max_score_age_days")
    old = pl.format(" The score is from {}.", "score_date")
    partial = pl.lit(" Only one part of the score came.")
    return pl.concat_str(
        pl.when(pl.col("is_score_stale") & pl.col("is_pinned"))
        .then(stale)
        .when(pl.col("score_age_days") > 0)
        .then(old)
        .otherwise(pl.lit("")),
        pl.when("has_partial_score").then(partial).otherwise(pl.lit("")),
    )
