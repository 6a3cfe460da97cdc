"""One sentence about a trade that is not simply the change: held back, released, scaled. Made from columns alone."""

import polars as pl

from sizing.frames.weight_units import UNITS, as_fraction

_DECIMALS = 4
_STEPS = 10**_DECIMALS
_PLAIN = ("unchanged", "open", "close", "rebalance", "no_trade")
"""Reasons that need no sentence where the whole change is traded."""
_NEEDED = ("row", "bucket", "change", "held_by", "released_by", "trade")


def add_trade_text(book: pl.DataFrame) -> pl.DataFrame:
    """Add `trade_text`: why the trade is not the change, in numbers; null where it is the change, or there is none."""
    is_plain = pl.col("trade_reason").is_in(_PLAIN) & (
        (pl.col("trade") == pl.col("change")) | (pl.col("change") == 0) | pl.col("is_immovable")
    )
    special = book.select(*_NEEDED, _band_text(), **_numbers(), is_special=~is_plain).filter("is_special")
    if special.is_empty():
        return book.with_columns(trade_text=pl.lit(None, pl.String))
    shown = special.with_columns(_shown(special.select(_numbers().keys())))
    is_held, is_released = pl.col("held_by").is_not_null(), pl.col("released_by").is_not_null()
    kinds = (
        (~is_held, (_change(), _scaled())),
        (is_held & ~is_released, (_change(), _held())),
        (is_released, (_change(), _held(), _released(), _scaled())),
    )
    written = pl.concat(
        [shown.filter(is_kind).select("row", trade_text=pl.concat_str(*parts, pl.lit("."))) for is_kind, parts in kinds]
    )
    return book.join(written, on="row", how="left", maintain_order="left")


def _numbers() -> dict[str, pl.Expr]:
    """Return the weights that sentences name, in units; null where none does."""
    is_above_cap = pl.col("released_by") == "above_cap"
    is_above_bucket = pl.col("released_by") == "above_bucket_limit"
    return {
        "target_text": pl.col("target"),
        "current_text": pl.col("current"),
        "size_text": pl.col("change").abs(),
        "within_text": pl.col("band").cast(pl.Float64) * pl.col("current") / UNITS,
        "min_trade_text": pl.col("min_trade"),
        "would_hold_text": pl.col("would_hold"),
        "cap_text": pl.when(is_above_cap).then("cap"),
        "bucket_limit_text": pl.when(is_above_bucket).then("bucket_limit"),
        "max_turnover_text": pl.col("max_turnover"),
        "trade_text": pl.col("trade").abs(),
    }


def _shown(units: pl.DataFrame) -> pl.DataFrame:
    """Return weights as text: few differ in the decimals that are shown, so each text is made once and looked up."""
    steps = units.select(as_fraction(pl.all().cast(pl.Float64)).round(_DECIMALS) * _STEPS).select(
        pl.all().round().cast(pl.UInt32)
    )
    most = max(filter(None, steps.max().row(0)), default=0)
    texts = (pl.int_range(most + 1, eager=True).cast(pl.Float64) / _STEPS).round(_DECIMALS).cast(pl.String)
    return pl.DataFrame([texts.gather(column).alias(column.name) for column in steps])


def _band_text() -> pl.Expr:
    return as_fraction(pl.col("band").cast(pl.Float64)).cast(pl.String).alias("band_text")


def _side() -> pl.Expr:
    return pl.when(pl.col("change") < 0).then(pl.lit("sale")).otherwise(pl.lit("purchase"))


def _change() -> pl.Expr:
    return pl.format("Target {}, held {}: the {} of {}", "target_text", "current_text", _side(), "size_text")


def _held() -> pl.Expr:
    """Name the limit that holds the change back."""
    band = pl.format(" is within rebalance_band {} ({})", "band_text", "within_text")
    minimum = pl.format(" is below min_trade_weight {}", "min_trade_text")
    return (
        pl.when(pl.col("held_by") == "held_by_band")
        .then(band)
        .when(pl.col("held_by") == "held_by_min_trade")
        .then(minimum)
    )


def _released() -> pl.Expr:
    """Return what the book would hold without the release."""
    bucket = pl.format(
        ", released since bucket {} would hold {}, limit {}", "bucket", "would_hold_text", "bucket_limit_text"
    )
    return (
        pl.when(pl.col("released_by") == "above_cap")
        .then(pl.format(", released since it is above its cap {}", "cap_text"))
        .when(pl.col("released_by") == "above_bucket_limit")
        .then(bucket)
        .when(pl.col("released_by") == "over_allocation")
        .then(pl.format(", released since {} would be invested", "would_hold_text"))
    )


def _scaled() -> pl.Expr:
    """Return what max_turnover leaves of the change."""
    text = pl.format(", of which max_turnover {} leaves {}", "max_turnover_text", "trade_text")
    return pl.when(pl.col("trade") != pl.col("change")).then(text).otherwise(pl.lit(""))
