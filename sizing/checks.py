"""The limits held against the result, one row per portfolio and constraint, with the slack that is left.

Recomputed from the targets and decisions, not from what the sizer says of itself.
"""

import polars as pl

from sizing.inputs import DayInputs
from sizing.limit_columns import LimitColumns, LimitSchema, limit_columns, limit_frame
from sizing.limits import WEIGHT_TOLERANCE

CHECK_COLUMNS = ("portfolio_id", "constraint_name", "limit_value", "value", "slack", "is_binding", "is_ok")
"""A constraint check, one row per portfolio and constraint, in this order."""

_COUNTS: LimitSchema = {
    "portfolio_id": pl.String,
    "max_total_positions": pl.Int32,
    "max_new_positions": pl.Int32,
    "max_positions_per_bucket": pl.Int32,
    "allow_bucket_overflow": pl.Boolean,
    "min_buckets_represented": pl.Int32,
}


def check_constraints(targets: pl.DataFrame, decisions: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Give every constraint of every portfolio: its limit, the value reached, the slack, binding or not, kept or not.

    A limit of the selection may be broken only by what cannot be sold: pinned holdings, and holdings that
    allow_bucket_overflow spares. A minimum of buckets may be missed only when it is not attainable.
    """
    columns = limit_columns(inputs.limits, pl.Series(list(inputs.limits), dtype=pl.String))
    weights = columns.portfolios
    positions = (
        targets.filter(~pl.col("is_cash") & (pl.col("target_weight") > 0))
        .join(decisions.select("portfolio_id", "asset", "is_held"), on=["portfolio_id", "asset"], how="left")
        .with_columns(weight=pl.col("target_weight").cast(pl.Float64), is_new=~pl.col("is_held").fill_null(value=False))
    )
    checks = [
        _total(targets, weights),
        _largest(positions, weights),
        _smallest(positions, weights),
        _buckets(positions, columns),
        *_counts(positions, decisions, limit_frame(inputs.limits, _COUNTS)),
    ]
    return pl.concat(checks).select(CHECK_COLUMNS).sort("portfolio_id", "constraint_name")


def _checked(rows: pl.DataFrame, name: str, *, slack: pl.Expr, excused: pl.Expr | None = None) -> pl.DataFrame:
    is_kept = pl.col("slack") >= -WEIGHT_TOLERANCE
    return (
        rows.with_columns(pl.col("limit_value", "value").cast(pl.Float64).fill_null(0.0), constraint_name=pl.lit(name))
        .with_columns(slack=slack)
        .with_columns(
            is_binding=pl.col("slack") <= WEIGHT_TOLERANCE, is_ok=is_kept if excused is None else is_kept | excused
        )
        .select(CHECK_COLUMNS)
    )


_BELOW = pl.col("limit_value") - pl.col("value")
_ABOVE = pl.col("value") - pl.col("limit_value")


def _total(targets: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    totals = targets.group_by("portfolio_id").agg(value=pl.col("target_weight").sum().cast(pl.Float64))
    rows = weights.select("portfolio_id", limit_value="target_total_allocation").join(
        totals, on="portfolio_id", how="left"
    )
    return _checked(rows, "target_total_allocation", slack=0.0 - _BELOW.abs())


def _largest(positions: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    largest = positions.group_by("portfolio_id").agg(value=pl.col("weight").max())
    rows = weights.select("portfolio_id", limit_value="max_single_position").join(
        largest, on="portfolio_id", how="left"
    )
    return _checked(rows, "max_single_position", slack=_BELOW)


def _smallest(positions: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Only free positions have a floor; a portfolio without any has nothing to check."""
    smallest = positions.filter(~pl.col("is_pinned")).group_by("portfolio_id").agg(value=pl.col("weight").min())
    rows = weights.select("portfolio_id", limit_value="min_position_size").join(
        smallest, on="portfolio_id", how="inner"
    )
    return _checked(rows, "min_position_size", slack=_ABOVE)


def _buckets(positions: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Give the bucket with the least slack of each portfolio whose buckets are limited."""
    sums = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.col("weight").sum())
        .join(columns.portfolios, on="portfolio_id", how="left")
        .join(columns.buckets, on=["limits_key", "bucket"], how="left")
        .with_columns(limit_value=pl.coalesce("own_bucket_limit", "max_allocation_per_bucket"))
        .filter(pl.col("limit_value").is_finite())
        .sort("portfolio_id", _BELOW, "bucket")
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    return _checked(sums, "max_allocation_per_bucket", slack=_BELOW)


def _counts(positions: pl.DataFrame, decisions: pl.DataFrame, limits: pl.DataFrame) -> list[pl.DataFrame]:
    per_portfolio = positions.group_by("portfolio_id").agg(
        n=pl.len(),
        n_new=pl.col("is_new").sum(),
        n_pinned=pl.col("is_pinned").sum(),
        n_buckets=pl.col("bucket").n_unique(),
    )
    rows = limits.join(per_portfolio, on="portfolio_id", how="left").with_columns(
        pl.col("n", "n_new", "n_pinned", "n_buckets").fill_null(0)
    )
    total = rows.with_columns(limit_value="max_total_positions", value="n")
    new = rows.with_columns(limit_value="max_new_positions", value="n_new")
    represented = rows.join(_missed_buckets(decisions), on="portfolio_id", how="left").with_columns(
        limit_value="min_buckets_represented", value="n_buckets", is_missed=pl.col("is_missed").fill_null(value=False)
    )
    unsold = pl.max_horizontal("limit_value", "n_pinned")
    return [
        _checked(total, "max_total_positions", slack=_BELOW, excused=pl.col("value") <= unsold),
        _checked(new, "max_new_positions", slack=_BELOW),
        _fullest_bucket(positions, limits),
        _checked(represented, "min_buckets_represented", slack=_ABOVE, excused=~pl.col("is_missed")),
    ]


def _fullest_bucket(positions: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Give the fullest bucket of each portfolio, one that nothing excuses before all others."""
    counts = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.len(), n_new=pl.col("is_new").sum(), n_pinned=pl.col("is_pinned").sum())
        .join(limits, on="portfolio_id", how="left")
        .with_columns(limit_value="max_positions_per_bucket")
    )
    is_spared = (pl.col("n_new") == 0) & (pl.col("allow_bucket_overflow") | (pl.col("n_pinned") >= pl.col("value")))
    fullest = (
        counts.with_columns(is_broken=(pl.col("value") > pl.col("limit_value")) & ~is_spared)
        .sort("portfolio_id", "is_broken", "value", "bucket", descending=[False, True, True, False])
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    return _checked(fullest, "max_positions_per_bucket", slack=_BELOW, excused=is_spared)


def _missed_buckets(decisions: pl.DataFrame) -> pl.DataFrame:
    """Find portfolios where a name of a missing bucket waited while another bucket got a second new name.

    Looked at is who was selected: what the sizer then cannot hold at the minimum size is no bucket missed.
    """
    bucket = ["portfolio_id", "bucket"]
    selected = decisions.filter("is_selected")
    waiting = decisions.filter(
        pl.col("gate").is_in(["max_new_positions", "max_total_positions"]) & ~pl.col("is_held")
    ).join(selected, on=bucket, how="anti")
    doubled = selected.filter((~pl.col("is_held")).any().over(bucket) & (pl.len().over(bucket) > 1))
    return (
        waiting.join(doubled, on="portfolio_id", how="semi")
        .select("portfolio_id", is_missed=pl.lit(value=True))
        .unique()
    )
