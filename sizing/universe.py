"""Who is looked at: every asset that a portfolio holds, and every asset that its model scored today.

A holding is always evaluated: none is lost because it has no score today.
"""

from collections.abc import Mapping

import polars as pl

from sizing.frames import STORED_WEIGHT
from sizing.inputs import UNCLASSIFIED, DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.limits import RebalancingLimits

_SCORE_DECIMALS = 12
"""A combined score is rounded here, so that 0.6 x 0.65 + 0.4 x 0.65 reaches a threshold of 0.65."""

_SEVERITY = {"must_sell": 0, "no_trade": 1, "no_buy": 2}
"""Where several restrictions meet one asset, the most severe counts."""


def candidates(inputs: DayInputs) -> pl.DataFrame:
    """Give one row per portfolio and candidate, by portfolio and asset.

    *Adds* `bucket, score, score_date, score_age_days, has_partial_score, is_score_stale, is_held, current_weight,
    restriction, restriction_reason, is_excluded`.
    """
    portfolios = _portfolio_frame(inputs.limits)
    scored = combined_scores(portfolios, inputs.scores)
    today = scored.filter(pl.col("score_age_days") == 0)
    held = inputs.holdings.join(portfolios.select("portfolio_id"), on="portfolio_id", how="semi").join(
        _last_scores(scored), on=["portfolio_id", "asset"], how="left"
    )
    everyone = today.join(held, on=["portfolio_id", "asset"], how="anti").select(_SCORED)
    return (
        pl.concat([held, everyone], how="diagonal")
        .pipe(with_restrictions, inputs)
        .with_columns(
            is_held=pl.col("current_weight").is_not_null(),
            current_weight=pl.col("current_weight").fill_null(pl.lit(0).cast(STORED_WEIGHT)),
            has_partial_score=pl.col("has_partial_score").fill_null(value=False),
            is_score_stale=pl.col("score").is_null(),
        )
        .select(CANDIDATE_COLUMNS)
        .sort("portfolio_id", "asset")
    )


def with_restrictions(rows: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Lay what binds it beside each asset. *Adds* `bucket, restriction, restriction_reason, is_excluded`."""
    portfolios = _portfolio_frame(inputs.limits)
    return (
        rows.join(inputs.assets, on="asset", how="left", maintain_order="left")
        .join(
            _in_force(inputs.restrictions, portfolios), on=["portfolio_id", "asset"], how="left", maintain_order="left"
        )
        .join(
            portfolios.select("portfolio_id", "exclude_buckets", "exclude_assets"),
            on="portfolio_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(bucket=pl.col("bucket").fill_null(UNCLASSIFIED))
        .with_columns(
            is_excluded=pl.col("exclude_buckets").list.contains(pl.col("bucket"))
            | pl.col("exclude_assets").list.contains(pl.col("asset"))
        )
        .drop("exclude_buckets", "exclude_assets")
    )


_SCORED = ("portfolio_id", "asset", "score", "score_date", "score_age_days", "has_partial_score")
CANDIDATE_COLUMNS = (
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
    "restriction_reason",
    "is_excluded",
)


def combined_scores(portfolios: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Combine score parts per portfolio: weights renormalised over the parts present, never guessed.

    score = (wt technical + wf fundamental) / (wt + wf), over the parts that came. A combined score counts as it came.
    No part: no row.
    """
    technical, fundamental = pl.col("technical_score"), pl.col("fundamental_score")
    has_technical = technical.is_not_null() & (pl.col("technical_score_weight") > 0)
    has_fundamental = fundamental.is_not_null() & (pl.col("fundamental_score_weight") > 0)
    technical_weight = pl.col("technical_score_weight") * has_technical
    fundamental_weight = pl.col("fundamental_score_weight") * has_fundamental
    parts = technical.fill_null(0.0) * technical_weight + fundamental.fill_null(0.0) * fundamental_weight
    combined = pl.when(has_technical | has_fundamental).then(parts / (technical_weight + fundamental_weight))
    wants_both = (pl.col("technical_score_weight") > 0) & (pl.col("fundamental_score_weight") > 0)
    return (
        portfolios.join(scores, on="model", how="inner", maintain_order="left_right")
        .with_columns(
            has_partial_score=pl.col("score").is_null() & wants_both & ~(has_technical & has_fundamental),
            score=pl.coalesce("score", combined.round(_SCORE_DECIMALS)),
        )
        .filter(pl.col("score").is_not_null())
    )


def _last_scores(scored: pl.DataFrame) -> pl.DataFrame:
    """Give the newest score of each asset that still counts: not older than max_score_age_days."""
    return (
        scored.filter(pl.col("score_age_days") <= pl.col("max_score_age_days"))
        .sort("portfolio_id", "asset", "score_age_days")
        .unique(["portfolio_id", "asset"], keep="first", maintain_order=True)
        .select(_SCORED)
    )


def _in_force(restrictions: pl.DataFrame, portfolios: pl.DataFrame) -> pl.DataFrame:
    """Give the most severe restriction of each portfolio and asset; one without a portfolio binds all."""
    for_one = restrictions.filter(pl.col("portfolio_id").is_not_null())
    for_all = restrictions.filter(pl.col("portfolio_id").is_null()).drop("portfolio_id")
    spread = portfolios.select("portfolio_id").join(for_all, how="cross")
    return (
        pl.concat([for_one, spread], how="diagonal_relaxed")
        .with_columns(severity=pl.col("restriction").replace_strict(_SEVERITY, return_dtype=pl.Int8))
        .sort("portfolio_id", "asset", "severity", "reason", nulls_last=True)
        .unique(["portfolio_id", "asset"], keep="first", maintain_order=True)
        .select("portfolio_id", "asset", "restriction", restriction_reason="reason")
    )


_PORTFOLIO_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "model": pl.String,
    "technical_score_weight": pl.Float64,
    "fundamental_score_weight": pl.Float64,
    "max_score_age_days": pl.Int32,
    "exclude_buckets": pl.List(pl.String),
    "exclude_assets": pl.List(pl.String),
}


def _portfolio_frame(limits: Mapping[str, RebalancingLimits]) -> pl.DataFrame:
    return limit_frame(limits, _PORTFOLIO_SCHEMA)
