"""What the trades of a portfolio come to."""

import polars as pl

from sizing.frames.weight_units import as_weight

TURNOVER = pl.Decimal(11, 9)
"""Half of what is traded: half a unit is its ninth decimal."""

TRADE_SUMMARY_COLUMNS = (
    "portfolio_id",
    "invested_before_weight",
    "bought_weight",
    "sold_weight",
    "turnover",
    "mandatory_turnover",
    "trade_scale",
    "n_trades",
    "n_held_back",
    "n_released",
    "invested_after_weight",
    "cash_after_weight",
)
"""A trade summary, one row per portfolio, in this order."""


def summarise_trades(book: pl.DataFrame) -> pl.DataFrame:
    """Return one row per portfolio with rows in the book: `TRADE_SUMMARY_COLUMNS`, weights DECIMAL(10, 8).

    Turnover is one-way: half of what is bought and sold, assets alone, DECIMAL(11, 9). `mandatory_turnover` is null
    without max_turnover.
    """
    trade = pl.col("trade")
    is_released = pl.col("released_by").is_not_null()
    totals = book.group_by("portfolio_id", maintain_order=True).agg(
        before=pl.col("current").sum(),
        bought=trade.clip(0).sum(),
        sold=-trade.clip(upper_bound=0).sum(),
        mandatory=pl.when(pl.col("mandatory").is_not_null().any()).then(
            (pl.col("mandatory") - pl.col("current")).abs().sum()
        ),
        trade_scale=pl.col("trade_scale").first(),
        n_trades=(trade != 0).sum().cast(pl.Int32),
        n_held_back=(pl.col("held_by").is_not_null() & ~is_released).sum().cast(pl.Int32),
        n_released=is_released.sum().cast(pl.Int32),
        after=pl.col("post_trade").sum(),
        total=pl.col("total").first(),
    )
    return totals.select(
        "portfolio_id",
        as_weight(pl.col("before")).alias("invested_before_weight"),
        as_weight(pl.col("bought")).alias("bought_weight"),
        as_weight(pl.col("sold")).alias("sold_weight"),
        _half(pl.col("bought") + pl.col("sold")).alias("turnover"),
        _half(pl.col("mandatory")).alias("mandatory_turnover"),
        "trade_scale",
        "n_trades",
        "n_held_back",
        "n_released",
        as_weight(pl.col("after")).alias("invested_after_weight"),
        as_weight(pl.col("total") - pl.col("after")).alias("cash_after_weight"),
    )


def _half(units: pl.Expr) -> pl.Expr:
    """Return half of a number of units as a weight: times 5 it is a whole number of 1e-9."""
    return ((units * 5).cast(pl.Decimal(20, 9)) * _NINTH_DECIMAL).cast(TURNOVER)


_NINTH_DECIMAL = pl.lit("0.000000001").cast(pl.Decimal(10, 9))
