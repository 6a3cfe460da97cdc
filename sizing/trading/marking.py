"""The book between days: each holding moves with its asset, and with all of them the value that weights are parts of.

A growth is a double. It is taken as a whole number of 2^-52, which for a rise is the very number; all that follows is
done in whole numbers. What does not belong here: where a growth comes from, and whose book is marked.
"""

import polars as pl

from sizing.frames.weight_units import UNITS, as_weight

_ONE = 2**52
"""A growth of 1. With weights of 1 and a growth of a million every number below fits 128 bits."""

_KEY = ["portfolio_id", "asset"]


def mark_books(books: pl.DataFrame) -> pl.DataFrame:
    """Return the books moved by the growth of their assets, as `Holdings`: x g / (1 + sum x (g - 1)), rounded half up.

    *Requires* `Holdings` with `growth` in [1e-6, 1e6], null where it is not known. A book in which one is null stays as
    it is, and so does one that would be worth nothing. Source: docs/trading.md, the book between days.
    """
    growth, units = pl.col("growth") * _ONE, pl.col("current_weight").cast(pl.Decimal(10, 8)).to_physical()
    whole = books.select(*_KEY, growth=growth.round().cast(pl.Int128), units=units.cast(pl.Int128))
    moved = pl.col("units") * pl.col("growth")
    value = (_ONE * (UNITS - pl.col("units").sum()) + moved.sum()).over("portfolio_id")
    is_marked = (pl.col("growth").is_not_null().all().over("portfolio_id")) & (pl.col("value") > 0)
    marked = (2 * UNITS * moved + pl.col("value")) // (2 * pl.col("value"))
    return (
        whole.with_columns(value=value)
        .with_columns(units=pl.when(is_marked).then(marked).otherwise("units"))
        .filter(pl.col("units") > 0)
        .select(*_KEY, current_weight=as_weight(pl.col("units")))
    )
