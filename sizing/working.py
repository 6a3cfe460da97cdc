"""The frame that the sizing stages work on: one row per selected asset, limits and keys beside it.

Rows are ordered by portfolio, bucket and rank, whatever order they came in, so that every sum adds up in the same
order and the result has the same bytes. What does not belong here: any weight that a stage decides, pinned
weights excepted, which are decided before the first stage (sizing.md 4).
"""

import polars as pl

from sizing.errors import ContractError
from sizing.frames import SelectedAssets, validate
from sizing.limit_columns import LimitColumns, LimitsByPortfolio, limit_columns

_INPUT_COLUMNS = ("portfolio_id", "asset", "bucket", "score", "is_held", "pinned_weight")
_RANKED_COLUMNS = ("input_row", *_INPUT_COLUMNS, "portfolio_key", "bucket_key", "score_rank")


def lay_out(selected: pl.DataFrame, limits: LimitsByPortfolio) -> tuple[pl.DataFrame, LimitColumns]:
    """Order the rows, and lay limits, keys and pinned weights beside them.

    *Requires* what `check_selected` gives.
    *Adds* `input_row, score_rank, portfolio_key, bucket_key, is_pinned, pinned, bucket_limit, free_total,
    free_bucket_limit` and the sizing limits by their names.
    *Raises* `ContractError`.
    """
    columns = limit_columns(limits, selected["portfolio_id"].unique())
    ranked = (
        selected.select(_INPUT_COLUMNS)
        .with_row_index("input_row")
        .sort("portfolio_id", "score", "asset", descending=[False, True, False], nulls_last=True)
        .with_columns(portfolio_key=pl.col("portfolio_id").rle_id())
        .with_columns(score_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("portfolio_key"))
        .sort("portfolio_key", "bucket", "score_rank")
        .with_columns(pl.col("portfolio_key").set_sorted())
        .with_columns(bucket_key=pl.struct("portfolio_key", "bucket").rle_id().set_sorted())
    )
    return lay_limits(ranked, columns), columns


def check_selected(selected: pl.DataFrame) -> pl.DataFrame:
    """Hold the selected assets against their contract, and give them with `pinned_weight`, null where it is missing.

    *Raises* `ContractError`.
    """
    has_pins = "pinned_weight" in selected.columns
    given = selected if has_pins else selected.with_columns(pinned_weight=pl.lit(None, pl.Float64))
    validate(SelectedAssets, given, "size_portfolios: the selected assets")
    return given


def hand_out(working: pl.DataFrame, selected: pl.DataFrame, added: tuple[str, ...]) -> pl.DataFrame:
    """Give the rows of `selected` by portfolio and rank, its own columns first, with the `added` ones behind.

    *Raises* `ContractError` where `selected` already has an added column.
    """
    taken = sorted(set(added) & set(selected.columns))
    if taken:
        msg = f"the frame already has {', '.join(taken)}: a stage adds columns and never rewrites one; drop them"
        raise ContractError(msg)
    ordered = working.sort("portfolio_key", "score_rank")
    return selected[ordered["input_row"]].hstack(ordered.select(added))


def lay_limits(rows: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Lay limits and pinned weights beside ranked rows."""
    laid = (
        rows.select(_RANKED_COLUMNS)
        .join(columns.portfolios, on="portfolio_id", how="left", maintain_order="left")
        .join(columns.buckets, on=["limits_key", "bucket"], how="left", maintain_order="left")
    )
    return laid.with_columns(
        bucket_limit=pl.coalesce("own_bucket_limit", "max_allocation_per_bucket"),
        is_pinned=pl.col("pinned_weight").is_not_null(),
    ).pipe(_with_pinned)


def _with_pinned(laid: pl.DataFrame) -> pl.DataFrame:
    """Limits win over freezing: the cap first, then the bucket, then the total scale pinned weights down."""
    capped = pl.when("is_pinned").then(pl.min_horizontal("pinned_weight", "max_single_position")).otherwise(0.0)
    return (
        laid.with_columns(pinned=capped)
        .with_columns(pinned=pl.col("pinned") * _scale("bucket_limit", "bucket_key"))
        .with_columns(pinned=pl.col("pinned") * _scale("target_total_allocation", "portfolio_key"))
        .with_columns(
            free_total=(pl.col("target_total_allocation") - pl.col("pinned").sum().over("portfolio_key")).clip(0),
            free_bucket_limit=(pl.col("bucket_limit") - pl.col("pinned").sum().over("bucket_key")).clip(0),
        )
    )


def _scale(limit: str, group: str) -> pl.Expr:
    total = pl.col("pinned").sum().over(group)
    return pl.when(total > pl.col(limit)).then(pl.col(limit) / total).otherwise(1.0)
