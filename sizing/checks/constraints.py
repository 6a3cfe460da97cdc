"""The limits compared with the result, one row per portfolio and constraint, with the slack that is left.

Recomputed from the targets and decisions, not from what the sizer says of itself.
"""

import polars as pl

from sizing.checks.check_row import ABOVE, BELOW, CHECK_COLUMNS, checked
from sizing.checks.position_counts import count_checks
from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import LimitColumns, limit_columns


def check_constraints(targets: pl.DataFrame, decisions: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return every constraint of every portfolio: its limit, the value reached, the slack, binding or not, kept or not.

    `reason` is what excuses a limit that is broken, or why a minimum was not attainable.
    """
    columns = limit_columns(inputs.limits, pl.Series(list(inputs.limits), dtype=pl.String))
    weights = columns.portfolios
    positions = _positions(targets, decisions)
    free = positions.filter(~pl.col("is_pinned"))  # only these have a floor
    has_free = weights.join(free, on="portfolio_id", how="semi")
    # Not 0.0 less the distance: of several rows Polars makes that -0.0, of one 0.0, and a replay would differ.
    distance = pl.min_horizontal(BELOW, ABOVE)
    checks = [
        _compare(weights, "target_total_allocation", pl.col("target_weight").sum(), targets, distance),
        _compare(weights, "max_single_position", pl.col("weight").max(), positions, BELOW),
        _compare(has_free, "min_position_size", pl.col("weight").min(), free, ABOVE),
        _buckets(positions, columns),
        *count_checks(positions, decisions, inputs),
    ]
    return pl.concat(checks).select(CHECK_COLUMNS).sort("portfolio_id", "constraint_name")


def _positions(targets: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    decided = decisions.filter("is_selected").select("portfolio_id", "asset", "is_held", is_frozen="is_pinned")
    return (
        targets.filter(~pl.col("is_cash") & (pl.col("target_weight") > 0))
        .join(decided, on=["portfolio_id", "asset"], how="left")
        .with_columns(
            weight=pl.col("target_weight").cast(pl.Float64),
            is_new=~pl.col("is_held").fill_null(value=False),
            is_frozen=pl.col("is_frozen").fill_null(value=False),
        )
    )


def _compare(weights: pl.DataFrame, limit: str, value: pl.Expr, of: pl.DataFrame, slack: pl.Expr) -> pl.DataFrame:
    """Compare a limit with one value of each portfolio; 0 of a portfolio without rows in `of`."""
    values = of.group_by("portfolio_id").agg(value=value.cast(pl.Float64))
    rows = weights.select("portfolio_id", limit_value=limit).join(values, on="portfolio_id", how="left")
    return checked(rows, limit, slack=slack)


def _buckets(positions: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return the bucket with the least slack of each portfolio whose buckets are limited."""
    sums = (
        positions.group_by("portfolio_id", "bucket")
        .agg(value=pl.col("weight").sum())
        .join(columns.portfolios, on="portfolio_id", how="left")
        .join(columns.buckets, on=["limits_key", "bucket"], how="left")
        .with_columns(limit_value=pl.coalesce("own_bucket_limit", "max_allocation_per_bucket"))
        .filter(pl.col("limit_value").is_finite())
        .sort("portfolio_id", BELOW, "bucket")
        .unique("portfolio_id", keep="first", maintain_order=True)
    )
    return checked(sums, "max_allocation_per_bucket", slack=BELOW)
