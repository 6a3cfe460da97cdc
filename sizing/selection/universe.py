"""Who is looked at: every asset that a portfolio holds, and every asset that its model scored today.

A holding is always evaluated: none is lost because it has no score today.
"""

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.plans import run_plan
from sizing.frames.schema import STORED_WEIGHT
from sizing.selection.score_views import Views, build_views

_SEVERITY = {"must_sell": 0, "no_trade": 1, "no_buy": 2}
"""Where several restrictions meet one asset, the most severe counts."""

KEY_COLUMNS = ("portfolio_key", "asset_key", "bucket_key", "score_units")
"""Numbers for names: portfolios and assets in the order of their names, one for each bucket of a portfolio, and the
score in whole units of 1e-12."""


def candidates(inputs: DayInputs) -> pl.DataFrame:
    """Return one row per portfolio and candidate: by portfolio, the best first, those without a score last.

    *Adds* `bucket, score, score_date, score_age_days, has_partial_score, is_score_stale, is_held, current_weight,
    restriction, restriction_reason, is_excluded`, and the keys.
    """
    views = build_views(inputs)
    rows = _rows(views, inputs).pipe(with_restrictions, views, inputs)
    scored, names = _at(views.scored, rows["scored_row"]), _at(views.names, rows["asset_key"])
    n_buckets = views.names["bucket_code"].n_unique()
    return rows.select(
        _at(views.portfolios, rows["portfolio_key"])["portfolio_id"],
        names["asset"],
        names["bucket"],
        *(scored[name] for name in ("score", "score_date", "score_age_days")),
        scored["has_partial_score"].fill_null(value=False),
        pl.col("scored_row").is_null().alias("is_score_stale"),
        *("is_held", "current_weight", "restriction", "restriction_reason"),
        views.outside(rows),
        "portfolio_key",
        "asset_key",
        (pl.col("portfolio_key").cast(pl.Int64) * n_buckets + names["bucket_code"]).alias("bucket_key"),
        scored["score_units"],
    )


def _at(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return frame.select(pl.all().gather(rows))


def _rows(views: Views, inputs: DayInputs) -> pl.DataFrame:
    """Return `portfolio_key, view, asset_key, scored_row, is_held, current_weight` of every candidate, in order."""
    held = _held(views, inputs)
    today = views.scored.lazy().filter(pl.col("score_age_days") == 0).select("view", "asset_key", "scored_row")
    everyone = (
        views.portfolios.lazy()
        .select("portfolio_key", "view")
        .join(today, on="view", how="inner", maintain_order="left_right")
    )
    new = everyone.with_columns(pair=views.pair()).join(held.lazy().select(pair=views.pair()), on="pair", how="anti")
    order = pl.col("scored_row").cast(pl.Int64).fill_null(views.scored.height + pl.col("asset_key").cast(pl.Int64))
    most = views.scored.height + views.names.height
    return (
        pl.concat([new.drop("pair"), held.lazy()], how="diagonal")
        .sort(pl.col("portfolio_key").cast(pl.Int64) * most + order)
        .with_columns(
            pl.col("portfolio_key").set_sorted(),
            pl.col("is_held").fill_null(value=False),
            pl.col("current_weight").fill_null(pl.lit(0).cast(STORED_WEIGHT)),
        )
        .pipe(run_plan)
    )


def _held(views: Views, inputs: DayInputs) -> pl.DataFrame:
    """Return each holding with the newest score that still counts: not older than max_score_age_days."""
    held = run_plan(
        inputs.holdings.lazy()
        .join(views.portfolios.lazy(), on="portfolio_id", how="inner")
        .join(views.names.lazy().select("asset", "asset_key"), on="asset", how="inner")
    )
    last = (
        held.lazy()
        .join(views.scored.lazy().select("view", "asset_key", "scored_row", "score_age_days"), on=["view", "asset_key"])
        .filter(pl.col("score_age_days") <= pl.col("max_score_age_days"))
        .sort("portfolio_key", "asset_key", "score_age_days")
        .unique(["portfolio_key", "asset_key"], keep="first", maintain_order=True)
    )
    return run_plan(
        held.lazy()
        .join(last.select("portfolio_key", "asset_key", "scored_row"), on=["portfolio_key", "asset_key"], how="left")
        .select("portfolio_key", "view", "asset_key", "scored_row", "current_weight", is_held=pl.lit(value=True))
    )


def with_restrictions(rows: pl.DataFrame, views: Views, inputs: DayInputs) -> pl.DataFrame:
    """Join the most severe restriction in force to each row. *Adds* `restriction, restriction_reason`.

    *Requires* `portfolio_key, asset_key`.
    """
    if inputs.restrictions.is_empty() and inputs.delisted.is_empty():
        nothing = pl.lit(None, pl.String)
        return rows.with_columns(restriction=nothing, restriction_reason=nothing)
    in_force = _in_force(views, pl.concat([inputs.restrictions, _of_delisted(inputs)]))
    return (
        rows.with_columns(pair=views.pair()).join(in_force, on="pair", how="left", maintain_order="left").drop("pair")
    )


def _of_delisted(inputs: DayInputs) -> pl.DataFrame:
    """Restrict what the asset list no longer has to no_buy: it counts in its last bucket, and never grows."""
    known = inputs.delisted.join(inputs.assets, on="asset", how="anti")
    guess = pl.format("; perhaps renamed to {}", "perhaps").fill_null("")
    return known.select(
        portfolio_id=pl.lit(None, pl.String),
        asset="asset",
        restriction=pl.lit("no_buy"),
        reason=pl.lit("no longer in the asset list") + guess,
    )


def _in_force(views: Views, restrictions: pl.DataFrame) -> pl.DataFrame:
    """Return the most severe restriction of each portfolio and asset; one without a portfolio binds all."""
    known = restrictions.join(views.names.select("asset", "asset_key"), on="asset", how="inner")
    portfolios = views.portfolios.select("portfolio_id", "portfolio_key")
    for_one = known.join(portfolios, on="portfolio_id", how="inner")
    for_all = known.filter(pl.col("portfolio_id").is_null()).join(portfolios.select("portfolio_key"), how="cross")
    return (
        pl.concat([for_one, for_all], how="diagonal_relaxed")
        .with_columns(pair=views.pair(), severity=pl.col("restriction").replace_strict(_SEVERITY, return_dtype=pl.Int8))
        .sort("pair", "severity", "reason", nulls_last=True)
        .unique("pair", keep="first", maintain_order=True)
        .select("pair", "restriction", restriction_reason="reason")
    )
