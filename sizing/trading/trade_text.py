"""One sentence about a trade that is not simply the change: held back, released, scaled. Made from columns alone."""

import polars as pl

from sizing.weights.rounding import UNITS

_DECIMALS = 4
_PLAIN = ("unchanged", "open", "close", "rebalance", "no_trade")
"""Reasons that need no sentence where the whole change is traded."""


def add_trade_reason(book: pl.DataFrame) -> pl.DataFrame:
    """Add `trade_text`: why the trade is not the change, in numbers; null where it is the change, or there is none."""
    is_plain = pl.col("trade_reason").is_in(_PLAIN) & (
        (pl.col("trade") == pl.col("change")) | (pl.col("change") == 0) | pl.col("is_immovable")
    )
    special = book.filter(~is_plain)
    if special.is_empty():
        return book.with_columns(trade_text=pl.lit(None, pl.String))
    written = special.select("row", trade_text=pl.concat_str(_change(), _held(), _released(), _scaled(), pl.lit(".")))
    return book.join(written, on="row", how="left", maintain_order="left")


def _shown(units: str | pl.Expr) -> pl.Expr:
    column = pl.col(units) if isinstance(units, str) else units
    shown: pl.Expr = (column.cast(pl.Float64) / UNITS).round(_DECIMALS).cast(pl.String)
    return shown


def _side() -> pl.Expr:
    return pl.when(pl.col("change") < 0).then(pl.lit("sale")).otherwise(pl.lit("purchase"))


def _change() -> pl.Expr:
    return pl.format(
        "Target {}, held {}: the {} of {}", _shown("target"), _shown("current"), _side(), _shown(pl.col("change").abs())
    )


def _held() -> pl.Expr:
    """Name the limit that holds the change back."""
    band = pl.format(
        " is within rebalance_band {} ({})",
        (pl.col("band").cast(pl.Float64) / UNITS).cast(pl.String),
        _shown(pl.col("band").cast(pl.Float64) * pl.col("current") / UNITS),
    )
    minimum = pl.format(" is below min_trade_weight {}", _shown("min_trade"))
    return (
        pl.when(pl.col("held_by") == "held_by_band")
        .then(band)
        .when(pl.col("held_by") == "held_by_min_trade")
        .then(minimum)
        .otherwise(pl.lit(""))
    )


def _released() -> pl.Expr:
    """Say what the book would hold without the release."""
    would = _shown("would_hold")
    return (
        pl.when(pl.col("released_by") == "above_cap")
        .then(pl.format(", released since it is above its cap {}", _shown("cap")))
        .when(pl.col("released_by") == "above_bucket_limit")
        .then(pl.format(", released since bucket {} would hold {}, limit {}", "bucket", would, _shown("bucket_limit")))
        .when(pl.col("released_by") == "over_allocation")
        .then(pl.format(", released since {} would be invested", would))
        .otherwise(pl.lit(""))
    )


def _scaled() -> pl.Expr:
    """Say what max_turnover leaves of the change."""
    is_reduced = pl.col("held_by").is_null() | pl.col("released_by").is_not_null()
    is_scaled = is_reduced & (pl.col("trade") != pl.col("change"))
    text = pl.format(", of which max_turnover {} leaves {}", _shown("max_turnover"), _shown(pl.col("trade").abs()))
    return pl.when(is_scaled).then(text).otherwise(pl.lit(""))
