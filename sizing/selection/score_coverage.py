"""The circuit breaker: with too many scores missing, no new targets are better than wrong ones."""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import limit_frame
from sizing.limits.fields import COUNT_TOLERANCE
from sizing.selection.score_views import Views, build_views
from sizing.selection.universe import with_restrictions
from sizing.text import grouped

_LIMITS = ("model", "max_missing_score_share")


def find_missing_scores(inputs: DayInputs) -> tuple[str, ...]:
    """Return one sentence for each portfolio that breaks max_missing_score_share; empty: none does.

    Of more than ten, the same sentence of several portfolios is written once.
    """
    found = missing_scores(inputs).select("portfolio_id", "objection").iter_rows()
    return tuple(f"{names}: {objection}" for names, objection in grouped(found))


def missing_scores(inputs: DayInputs) -> pl.DataFrame:
    """Return `portfolio_id, objection` for each portfolio that breaks max_missing_score_share, one row an objection.

    Looked at: the portfolio's holdings, and the universe of the last day that has scores of its model, less what its
    config leaves out and what a restriction settles.
    """
    views = build_views(inputs)
    portfolios = limit_frame(inputs.limits, _LIMITS)
    today = views.scored.filter(pl.col("score_age_days") == 0).select("view", "asset_key", has_score=pl.lit(value=True))
    shares = (
        pl.concat([_holdings(views, inputs), _last_universe(views)])
        .pipe(_drop_settled, views, inputs)
        .join(today, on=["view", "asset_key"], how="left")
        .join(views.names.select("asset_key", "asset"), on="asset_key")
        .join(views.portfolios.select("portfolio_key", "portfolio_id"), on="portfolio_key")
        .join(portfolios, on="portfolio_id")
        .with_columns(is_missing=pl.col("has_score").is_null())
        .group_by("portfolio_id", "of")
        .agg(
            n=pl.len(),
            n_missing=pl.col("is_missing").sum(),
            limit=pl.col("max_missing_score_share").first(),
            missing=pl.col("asset").filter("is_missing").sort().head(5).str.join(", "),
        )
        .filter(pl.col("n_missing") > pl.col("limit") * pl.col("n") + COUNT_TOLERANCE)
        .sort("portfolio_id", "of")
    )
    quiet = views.portfolios.join(today, on="view", how="anti").select("portfolio_id")
    silent = portfolios.join(quiet, on="portfolio_id", how="semi", maintain_order="left").join(
        shares, on="portfolio_id", how="anti", maintain_order="left"
    )
    return pl.concat([_report_unscored(silent), shares.select("portfolio_id", objection=_sentence())])


def _holdings(views: Views, inputs: DayInputs) -> pl.DataFrame:
    return (
        inputs.holdings.join(views.portfolios, on="portfolio_id")
        .join(views.names, on="asset")
        .select("portfolio_key", "view", "asset_key", of=pl.lit("holdings"))
    )


def _last_universe(views: Views) -> pl.DataFrame:
    """Return what each portfolio's model scored on the last day before today."""
    before = views.scored.filter(pl.col("score_age_days") > 0)
    last_day = pl.col("score_age_days") == pl.col("score_age_days").min().over("view")
    return views.portfolios.join(before.filter(last_day), on="view").select(
        "portfolio_key", "view", "asset_key", of=pl.lit("names of the last universe")
    )


def _drop_settled(expected: pl.DataFrame, views: Views, inputs: DayInputs) -> pl.DataFrame:
    """Leave out assets whose score decides nothing: excluded, to be sold, or not to be traded."""
    settled = pl.col("is_excluded") | pl.col("restriction").is_in(["must_sell", "no_trade"]).fill_null(value=False)
    restricted = with_restrictions(expected, views, inputs)
    return restricted.with_columns(views.outside(restricted)).filter(~settled).select(expected.columns)


def _report_unscored(portfolios: pl.DataFrame) -> pl.DataFrame:
    """Report portfolios that follow a model without any score today: a typing error, or a feed that is gone."""
    silent = portfolios.filter(pl.col("max_missing_score_share") < 1)
    return silent.select("portfolio_id", objection=pl.format("its model {} has no score at all today", "model"))


def _sentence() -> pl.Expr:
    return pl.format(
        "no score today for {} of {} {}, more than max_missing_score_share {} ({})",
        *("n_missing", "n", "of", "limit", "missing"),
    )
