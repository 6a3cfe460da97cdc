"""Which changes are too small to trade, and which of them are released since the book would break a limit.

Only sales are released, the largest first: with them the fewest trades bring the book within its limits, since the
targets obey every limit and a book between the two does after enough of them (docs/trading.md).
"""

import polars as pl

from sizing.frames.plans import run_plan
from sizing.frames.weight_units import UNITS
from sizing.trading.group_limits import BUCKET, TOTAL, GroupLimit, find_excess, largest_first

_REASON = pl.Enum(
    [
        *("no_trade", "unchanged", "open", "close", "held_by_band", "held_by_min_trade"),
        *("above_cap", "above_bucket_limit", "over_allocation", "held_by_turnover", "rebalance"),
    ]
)
"""Why a change is traded or not: numbers with names, which are compared and copied several times faster than text."""


def trade_reason(code: str) -> pl.Expr:
    """Return a reason as a value to compare with, or to set."""
    return pl.lit(code, _REASON)


def hold_back(book: pl.DataFrame) -> pl.DataFrame:
    """Hold back what is immovable, and changes within rebalance_band or below min_trade_weight.

    *Requires* what `build_book` returns, and `is_immovable`. *Adds* `held_by` (code; null: not held back) and
    `planned` (units), the book after the trades that are left. Openings and closings are not held back.
    """
    u, w, size = pl.col("current"), pl.col("target"), pl.col("change").abs()
    stays = (u > 0) & (w > 0) & (size > 0) & ~pl.col("is_immovable")
    held_by = (
        pl.when(stays & (size * UNITS <= pl.col("band") * u))
        .then(trade_reason("held_by_band"))
        .when(stays & (size < pl.col("min_trade")))
        .then(trade_reason("held_by_min_trade"))
    )
    return run_plan(
        book.lazy()
        .with_columns(held_by=held_by)
        .with_columns(
            planned=pl.when("is_immovable").then(u).when(pl.col("held_by").is_not_null()).then(u).otherwise(w)
        )
    )


def release(book: pl.DataFrame) -> pl.DataFrame:
    """Release held-back sales without which a cap, a bucket limit or the total would be broken.

    *Requires* what `hold_back` returns. Changes `planned`. *Adds* `released_by` (code; null: not released) and
    `would_hold` (units): what the asset, its bucket or the portfolio would hold without these releases.
    """
    is_above = _is_held_sale() & (pl.col("current") > pl.col("cap"))
    released = book.with_columns(
        released_by=pl.when(is_above).then(trade_reason("above_cap")),
        would_hold=pl.when(is_above).then("current"),
        planned=pl.when(is_above).then("target").otherwise("planned"),
    )
    return released.pipe(_release_group, BUCKET).pipe(_release_group, TOTAL)


def _is_held_sale() -> pl.Expr:
    return pl.col("held_by").is_not_null() & (pl.col("change") < 0)


def _release_group(book: pl.DataFrame, group: GroupLimit) -> pl.DataFrame:
    excess = find_excess(book, "planned", group)
    if excess.is_empty():
        return book
    waiting = book.filter(_is_held_sale() & pl.col("released_by").is_null())
    queue = largest_first(waiting, excess, group, -pl.col("change"))
    freed = queue.filter(pl.col("before") < pl.col("excess")).select("row", freed="held")
    return (
        book.join(freed, on="row", how="left", maintain_order="left")
        .with_columns(
            planned=pl.when(pl.col("freed").is_not_null()).then("target").otherwise("planned"),
            would_hold=pl.coalesce("would_hold", "freed"),
            released_by=pl.when(pl.col("freed").is_not_null())
            .then(trade_reason(group.reason))
            .otherwise("released_by"),
        )
        .drop("freed")
    )
