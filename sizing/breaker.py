"""The circuit breaker: with too many scores missing, no new targets are better than wrong ones."""

import polars as pl

from sizing.inputs import DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.universe import combined_scores

_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "model": pl.String,
    "technical_score_weight": pl.Float64,
    "fundamental_score_weight": pl.Float64,
    "max_missing_score_share": pl.Float64,
}


def find_missing_scores(inputs: DayInputs) -> tuple[str, ...]:
    """Say for each portfolio that breaks max_missing_score_share which scores are missing; nothing: all is well.

    Looked at: the portfolio's holdings, and the universe of the last day that has scores of its model.
    """
    portfolios = limit_frame(inputs.limits, _SCHEMA)
    scored = combined_scores(portfolios, inputs.scores).select("portfolio_id", "asset", "score_age_days")
    before = scored.filter(pl.col("score_age_days") > 0)
    last_day = pl.col("score_age_days") == pl.col("score_age_days").min().over("portfolio_id")
    expected = pl.concat(
        [
            inputs.holdings.select("portfolio_id", "asset", of=pl.lit("holdings")),
            before.filter(last_day).select("portfolio_id", "asset", of=pl.lit("the last universe")),
        ]
    )
    today = scored.filter(pl.col("score_age_days") == 0).select("portfolio_id", "asset", has_score=pl.lit(value=True))
    shares = (
        expected.join(portfolios, on="portfolio_id", how="inner")
        .join(today, on=["portfolio_id", "asset"], how="left")
        .with_columns(is_missing=pl.col("has_score").is_null())
        .group_by("portfolio_id", "of")
        .agg(
            n=pl.len(),
            n_missing=pl.col("is_missing").sum(),
            limit=pl.col("max_missing_score_share").first(),
            missing=pl.col("asset").filter("is_missing").sort().head(5).str.join(", "),
        )
        .filter(pl.col("n_missing") > pl.col("limit") * pl.col("n"))
        .sort("portfolio_id", "of")
    )
    return tuple(shares.select(_sentence()).to_series())


def _sentence() -> pl.Expr:
    return pl.format(
        "{}: {} of {} of {} have no score today, more than max_missing_score_share {} ({})",
        "portfolio_id",
        "n_missing",
        "n",
        "of",
        "limit",
        "missing",
    )
