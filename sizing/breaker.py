"""The circuit breaker: with too many scores missing, no new targets are better than wrong ones."""

import polars as pl

from sizing.inputs import DayInputs
from sizing.limit_columns import LimitSchema, limit_frame
from sizing.universe import combined_scores, with_restrictions

_SCHEMA: LimitSchema = {
    "portfolio_id": pl.String,
    "model": pl.String,
    "technical_score_weight": pl.Float64,
    "fundamental_score_weight": pl.Float64,
    "max_missing_score_share": pl.Float64,
}

_COUNT_TOLERANCE = 1e-9
"""29 of 50 is not more than 0.58, whatever floats say."""


def find_missing_scores(inputs: DayInputs) -> tuple[str, ...]:
    """Say for each portfolio that breaks max_missing_score_share which scores are missing; nothing: all is well.

    Looked at: the portfolio's holdings, and the universe of the last day that has scores of its model, less what its
    config leaves out and what a restriction settles.
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
    ).pipe(_with_a_say, inputs)
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
        .filter(pl.col("n_missing") > pl.col("limit") * pl.col("n") + _COUNT_TOLERANCE)
        .sort("portfolio_id", "of")
    )
    silent = _without_any_score(portfolios.join(shares, on="portfolio_id", how="anti", maintain_order="left"), today)
    return (*silent, *shares.select(_sentence()).to_series())


def _with_a_say(expected: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Leave out assets whose score decides nothing: excluded, to be sold, or not to be traded."""
    settled = pl.col("is_excluded") | pl.col("restriction").is_in(["must_sell", "no_trade"]).fill_null(value=False)
    return with_restrictions(expected, inputs).filter(~settled).select(expected.columns)


def _without_any_score(portfolios: pl.DataFrame, today: pl.DataFrame) -> tuple[str, ...]:
    """Say which portfolios follow a model without any score today: a typing error, or a feed that is gone."""
    silent = portfolios.filter(pl.col("max_missing_score_share") < 1).join(
        today, on="portfolio_id", how="anti", maintain_order="left"
    )
    sentence = pl.format("{}: its model {} has no score at all today", "portfolio_id", "model")
    return tuple(silent.select(sentence).to_series())


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
