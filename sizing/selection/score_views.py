"""What several portfolios see alike: scores of one model, combined and ordered once, and one own universe.

Assets, portfolios and buckets get whole numbers in the order of their names here, so that a rule over millions of
candidates compares numbers, and a name is written once. What does not belong here: any rule about who gets in.
"""

from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import UNCLASSIFIED, DayInputs
from sizing.frames.limit_columns import limit_schema, limit_values
from sizing.frames.plans import run_plan
from sizing.frames.score_units import SCORE_DECIMALS, score_units
from sizing.limits.model import RebalancingLimits

_VIEW_LIMITS = (
    *("model", "technical_score_weight", "fundamental_score_weight", "include_assets", "include_buckets"),
    *("exclude_assets", "exclude_buckets"),
)


_LISTS = ("include_assets", "include_buckets", "exclude_assets", "exclude_buckets")


class Views(NamedTuple):
    """The day by keys: `portfolio_key`, `asset_key` and `view` are the row numbers of their frames.

    `scored`: every score in the window, by view, the best first. `is_outside`: view by view, one answer an asset.
    """

    portfolios: pl.DataFrame
    names: pl.DataFrame
    scored: pl.DataFrame
    is_outside: pl.Series

    def pair(self) -> pl.Expr:
        """One number for a portfolio and an asset."""
        return pl.col("portfolio_key").cast(pl.Int64) * self.names.height + pl.col("asset_key")

    def outside(self, rows: pl.DataFrame) -> pl.Series:
        """Mark the rows whose asset is outside of their view. *Requires* `view, asset_key`."""
        at = rows.select(pl.col("view").cast(pl.UInt32) * self.names.height + pl.col("asset_key")).to_series()
        return self.is_outside.gather(at).alias("is_excluded")


def build_views(inputs: DayInputs) -> Views:
    """Assign keys to portfolios and assets, and compute once what portfolios with equal settings share."""
    setting_of = {id(one): (_setting(one), one) for one in inputs.limits.values()}
    settings = dict(setting_of.values())
    number_of = {setting: number for number, setting in enumerate(settings)}
    seen = {key: (number_of[setting], one.max_score_age_days) for key, (setting, one) in setting_of.items()}
    portfolios = pl.DataFrame(
        [(name, *seen[id(one)]) for name, one in sorted(inputs.limits.items())],
        schema={"portfolio_id": pl.String, "view": pl.UInt32, "max_score_age_days": pl.Int32},
        orient="row",
    ).with_row_index("portfolio_key")
    distinct = [limit_values(one, _VIEW_LIMITS) for one in settings.values()]
    views = pl.DataFrame(distinct, limit_schema(_VIEW_LIMITS), orient="row").with_row_index("view")
    names = _names(inputs)
    return Views(portfolios, names, _scored(views, names, inputs.scores), _is_outside(views, names))


def _setting(limits: RebalancingLimits) -> tuple[object, ...]:
    return tuple(getattr(limits, name) for name in _VIEW_LIMITS)


def _names(inputs: DayInputs) -> pl.DataFrame:
    """Return `asset_key, asset, bucket, bucket_code`, by name."""
    seen = pl.concat([inputs.scores["asset"], inputs.holdings["asset"]]).unique().sort()
    return (
        seen.to_frame()
        .lazy()
        .join(inputs.assets.lazy(), on="asset", how="left", maintain_order="left")
        .join(
            inputs.delisted.lazy().select("asset", last_bucket="bucket"), on="asset", how="left", maintain_order="left"
        )
        .with_columns(bucket=pl.coalesce("bucket", "last_bucket", pl.lit(UNCLASSIFIED)))
        .drop("last_bucket")
        .with_columns(bucket_code=pl.col("bucket").rank("dense").cast(pl.UInt32) - 1)
        .with_row_index("asset_key")
        .pipe(run_plan)
    )


def _scored(views: pl.DataFrame, names: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    by_view = views.lazy().drop(_LISTS).join(scores.lazy(), on="model", how="inner")
    return (
        combined_scores(by_view)
        .join(names.lazy().select("asset", "asset_key"), on="asset", how="left")
        .with_columns(score_units=score_units("score"))
        .sort("view", "score_units", "asset_key", "score_age_days", descending=[False, True, False, False])
        .select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("scored_row"),
            *("view", "asset_key", "score", "score_units", "score_date", "score_age_days", "has_partial_score"),
        )
        .pipe(run_plan)
    )


def combined_scores(parts: pl.LazyFrame) -> pl.LazyFrame:
    """Combine score parts: weights renormalised over the parts present, never guessed.

    score = (wt technical + wf fundamental) / (wt + wf), over the parts that came. A combined score counts as it came.
    No part: no row. *Adds* `has_partial_score`.
    """
    technical, fundamental = pl.col("technical_score"), pl.col("fundamental_score")
    has_technical = technical.is_not_null() & (pl.col("technical_score_weight") > 0)
    has_fundamental = fundamental.is_not_null() & (pl.col("fundamental_score_weight") > 0)
    technical_weight = pl.col("technical_score_weight") * has_technical
    fundamental_weight = pl.col("fundamental_score_weight") * has_fundamental
    total = technical.fill_null(0.0) * technical_weight + fundamental.fill_null(0.0) * fundamental_weight
    combined = pl.when(has_technical | has_fundamental).then(total / (technical_weight + fundamental_weight))
    wants_both = (pl.col("technical_score_weight") > 0) & (pl.col("fundamental_score_weight") > 0)
    return parts.with_columns(
        has_partial_score=pl.col("score").is_null() & wants_both & ~(has_technical & has_fundamental),
        score=pl.coalesce("score", combined).round(SCORE_DECIMALS),
    ).filter(pl.col("score").is_not_null())


def _is_outside(views: pl.DataFrame, names: pl.DataFrame) -> pl.Series:
    """Mark every view and name: outside of what it includes, or in what it excludes."""
    if not any(views.select(pl.col(name).list.len().sum() for name in _LISTS).row(0)):
        return pl.Series("is_outside", [False]).new_from_index(0, views.height * names.height)
    every = views.select("view").join(names.select("asset", "bucket"), how="cross", maintain_order="left_right")
    is_open = (pl.col("include_assets").list.len() == 0) & (pl.col("include_buckets").list.len() == 0)
    marked = every.join(views.select("view", is_open=is_open), on="view", how="left", maintain_order="left")
    for listed, column in (
        ("include_assets", "asset"),
        ("include_buckets", "bucket"),
        ("exclude_assets", "asset"),
        ("exclude_buckets", "bucket"),
    ):
        named = (
            views.select("view", pl.col(listed).alias(column))
            .explode(column, empty_as_null=False)
            .unique()
            .with_columns(pl.lit(value=True).alias(listed))
        )
        marked = marked.join(named, on=["view", column], how="left", maintain_order="left").with_columns(
            pl.col(listed).fill_null(value=False)
        )
    is_inside = pl.col("is_open") | pl.col("include_assets") | pl.col("include_buckets")
    return marked.select(is_outside=~is_inside | pl.col("exclude_assets") | pl.col("exclude_buckets")).to_series()
