"""Bring the groups of a book within their limits, the largest change first.

A group is a bucket of a portfolio, or a portfolio. Immovable rows raise its limit to what they hold alone: what no one
may trade cannot be corrected by trading.
"""

from typing import NamedTuple

import polars as pl

from sizing.frames.integer_keys import packed_largest_first
from sizing.frames.plans import run_plan
from sizing.frames.sorted_groups import running_count, starts


class GroupLimit(NamedTuple):
    """A limit on the sum of a group: the columns of its key and of its limit, and the code of what it releases."""

    key: str
    limit: str
    reason: str


BUCKET = GroupLimit("bucket_key", "bucket_limit", "above_bucket_limit")
TOTAL = GroupLimit("portfolio_key", "total", "over_allocation")


def find_excess(book: pl.DataFrame, weight: str, group: GroupLimit) -> pl.DataFrame:
    """Return the groups whose `weight` is above their limit: their key, `held` and `excess`, in units."""
    bound = pl.max_horizontal(group.limit, "immovable")
    return (
        book.lazy()
        .select(group.key, group.limit, held=weight, immovable=pl.col("current") * pl.col("is_immovable"))
        .group_by(group.key)
        .agg(pl.col(group.limit).first(), pl.col("held", "immovable").sum())
        .filter(pl.col("held") > bound)
        .select(group.key, "held", excess=pl.col("held") - bound)
        .pipe(run_plan)
    )


def largest_first(rows: pl.DataFrame, excess: pl.DataFrame, group: GroupLimit, amount: pl.Expr) -> pl.DataFrame:
    """Return the rows of the groups with an excess, the largest change first, ties by asset name.

    Their `row`, the columns of `excess`, `amount`, what a row can return, and `before`, what the rows above it in
    its group give, in units.
    """
    order = packed_largest_first(pl.col(group.key), pl.col("change").abs(), "asset_key")
    return (
        rows.select("row", group.key, order=order, amount=amount)
        .join(excess, on=group.key)
        .sort("order")
        .with_columns(before=running_count(pl.col("amount"), starts(group.key)) - pl.col("amount"))
    )


def reduce_to_limits(book: pl.DataFrame, weight: str, floor: str, may_give: pl.Expr) -> pl.DataFrame:
    """Return the book with `weight` lowered towards `floor` in every bucket, then portfolio, above its limit.

    Rows that `may_give` give all they can, the largest change first; the last one only as far as needed.
    """
    for group in (BUCKET, TOTAL):
        book = _reduce_to_limit(book, weight, floor, may_give, group)
    return book


def _reduce_to_limit(book: pl.DataFrame, weight: str, floor: str, may_give: pl.Expr, group: GroupLimit) -> pl.DataFrame:
    excess = find_excess(book, weight, group)
    if excess.is_empty():
        return book
    givers = largest_first(
        book.filter(may_give & (pl.col(weight) > pl.col(floor))), excess, group, pl.col(weight) - pl.col(floor)
    )
    given = givers.select("row", given=pl.min_horizontal(pl.col("excess") - pl.col("before"), "amount").clip(0))
    return (
        book.join(given, on="row", how="left", maintain_order="left")
        .with_columns(pl.col(weight) - pl.col("given").fill_null(0))
        .drop("given")
    )
