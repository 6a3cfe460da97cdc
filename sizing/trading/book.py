"""The book that trades change: one row per asset that is held or has a target, in whole units of 1e-8.

What does not belong here: which trades are made.
"""

import polars as pl

from sizing.frames.integer_keys import code, code_among
from sizing.frames.limit_columns import LimitColumns, LimitsByPortfolio, limit_columns
from sizing.frames.plans import run_plan
from sizing.frames.weight_units import UNITS

_NO_LIMIT = 2**62
"""More units than any book holds."""


def build_book(rows: pl.DataFrame, limits: LimitsByPortfolio) -> pl.DataFrame:
    """Return the book of every portfolio before its trades, in units, with the limits that bind it.

    *Requires* `portfolio_id` (the rows of a portfolio stand together), `asset`, `bucket`, `current_weight` and
    `target_weight` (DECIMAL(10, 8)); optional `position_cap` (DECIMAL(10, 8), null: none of its own).
    *Adds* `portfolio_key, asset_key, bucket_key`, and in units `current, target, change` (target - current), `cap,
    bucket_limit, total, band` (units of change per unit held, times 1e8), `min_trade, max_turnover` (null: no limit);
    and `min_order_value` (money).
    Without dynamic sizing there is neither cap nor bucket limit.
    *Raises* `ContractError` where a portfolio has no limits. Source: docs/trading.md, quantities.
    """
    columns = limit_columns(limits, rows["portfolio_id"])
    keyed = rows.with_columns(
        portfolio_key=code_among(rows["portfolio_id"], columns.portfolios["portfolio_id"]),
        asset_key=code(rows["asset"]),
        bucket_code=code(rows["bucket"]),
        current=_stored_units("current_weight"),
        target=_stored_units("target_weight"),
    )
    limited = keyed.hstack(_portfolio_limits(columns)[keyed["portfolio_key"]])
    own_cap = [_stored_units("position_cap")] if "position_cap" in rows.columns else []
    return run_plan(
        limited.lazy()
        .with_columns(pl.min_horizontal("cap", *own_cap), bucket_limit=_bucket_limit(limited, columns))
        .with_columns(
            bucket_key=pl.col("portfolio_key").cast(pl.Int64) * (pl.col("bucket_code").max() + 1)
            + pl.col("bucket_code"),
            change=pl.col("target") - pl.col("current"),
        )
        .drop("bucket_code", "limits_key", "shared_bucket_limit")
    )


def _stored_units(weight: str) -> pl.Expr:
    """Return a stored weight in units: DECIMAL(10, 8) is kept as a whole number of 1e-8."""
    return pl.col(weight).cast(pl.Decimal(10, 8)).to_physical().cast(pl.Int64)


def _limit_units(name: str) -> pl.Expr:
    """Return a limit in units; a limit that is infinite or null becomes none."""
    units: pl.Expr = pl.when(pl.col(name).is_finite()).then(pl.col(name) * UNITS)
    return units.round().cast(pl.Int64)


def _portfolio_limits(columns: LimitColumns) -> pl.DataFrame:
    cap = pl.when("enable_dynamic_sizing").then(_limit_units("max_single_position"))
    return columns.portfolios.select(
        "limits_key",
        cap=cap.fill_null(_NO_LIMIT),
        shared_bucket_limit=_limit_units("max_allocation_per_bucket").fill_null(_NO_LIMIT),
        total=_limit_units("target_total_allocation"),
        band=_limit_units("rebalance_band"),
        min_trade=_limit_units("min_trade_weight"),
        max_turnover=_limit_units("max_turnover"),
        min_order_value="min_order_value",
    )


def _bucket_limit(rows: pl.DataFrame, columns: LimitColumns) -> pl.Series:
    """Return the limit of each row's bucket: its own one where there is one, else that of all buckets."""
    if columns.buckets.is_empty():
        return rows["shared_bucket_limit"]
    own = columns.buckets.with_columns(own=_limit_units("own_bucket_limit")).drop("own_bucket_limit")
    joined = rows.select("limits_key", "bucket", "shared_bucket_limit").join(
        own, on=["limits_key", "bucket"], how="left", maintain_order="left"
    )
    return joined.select(pl.coalesce("own", "shared_bucket_limit")).to_series()
