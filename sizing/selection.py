"""Who qualifies: restrictions first, then the portfolio's own universe, then the score.

A holding is kept while score >= min_score_threshold; a new name needs score >= min_score_new_position. A holding
whose score is missing or too old is pinned, never sold because data is missing.
"""

import polars as pl

from sizing.inputs import UNCLASSIFIED, DayInputs
from sizing.limit_columns import LimitSchema, limit_frame

MUST_SELL = "must_sell"
NO_TRADE = "no_trade"
NO_BUY = "no_buy"
EXCLUDED = "excluded"
BELOW_EXIT = "below_min_score_threshold"
BELOW_ENTRY = "below_min_score_new_position"
NO_BUCKET = "no_bucket"

_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "min_score_threshold": pl.Float64,
    "min_score_new_position": pl.Float64,
}


def qualify(candidates: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Find the first rule that stops each candidate, if any.

    *Requires* what `universe.candidates` gives. *Adds* `candidate_rank` and `bucket_rank` (by score, then name;
    null without a score), `is_pinned`, `selection_gate` (null: it qualifies).
    """
    limited = candidates.join(limit_frame(inputs.limits, _SCHEMA), on="portfolio_id", how="left", maintain_order="left")
    is_held, restriction = pl.col("is_held"), pl.col("restriction").fill_null("")
    is_frozen = is_held & (pl.col("is_score_stale") | (restriction == NO_TRADE))
    is_sold = (restriction == MUST_SELL) | (pl.col("is_excluded") & (restriction != NO_TRADE))
    return (
        limited.with_columns(
            candidate_rank=_rank("portfolio_id"),
            bucket_rank=_rank("portfolio_id", "bucket"),
            is_pinned=is_frozen & ~(is_held & is_sold),
        )
        .with_columns(
            selection_gate=pl.when(restriction == MUST_SELL)
            .then(pl.lit(MUST_SELL))
            .when(~is_held & (restriction == NO_TRADE))
            .then(pl.lit(NO_TRADE))
            .when(~is_held & (restriction == NO_BUY))
            .then(pl.lit(NO_BUY))
            .when(pl.col("is_excluded") & ~pl.col("is_pinned"))
            .then(pl.lit(EXCLUDED))
            .when(~is_held & (pl.col("bucket") == UNCLASSIFIED))
            .then(pl.lit(NO_BUCKET))
            .when(is_held & ~pl.col("is_pinned") & (pl.col("score") < pl.col("min_score_threshold")))
            .then(pl.lit(BELOW_EXIT))
            .when(~is_held & (pl.col("score") < pl.col("min_score_new_position")))
            .then(pl.lit(BELOW_ENTRY))
        )
        .drop("min_score_threshold", "min_score_new_position")
    )


def _rank(*group: str) -> pl.Expr:
    """Rank by score, then name; without a score there is no rank."""
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int32)
    by_score = [pl.col("score").is_null(), -pl.col("score"), pl.col("asset")]
    return pl.when(pl.col("score").is_not_null()).then(place.over(*group, order_by=by_score))
