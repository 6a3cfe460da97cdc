"""What max_turnover leaves of the planned trades (docs/trading.md).

Mandatory trades come first: closings under must_sell or outside the universe, and the least sales that bring the book
within its limits. The way from there to the planned book is then gone in part: x = m + a (planned - m). Both ends obey
every limit and each limit is a bound on a sum, so every book between them does, but for units.
"""

import polars as pl

from sizing.trading.group_limits import reduce_to_limits

_IS_PURCHASE = pl.col("planned") > pl.col("current")
_STATE = ("row", "portfolio_key", "bucket_key", "asset_key", "current", "change", "cap", "bucket_limit", "total")
_NEEDED = (*_STATE, "min_trade", "max_turnover", "planned", "is_immovable", "must_close")


def limit_turnover(book: pl.DataFrame) -> pl.DataFrame:
    """Scale the trades of portfolios that would trade more than max_turnover.

    *Requires* the `planned` book. *Adds* `post_trade` and `mandatory` (units; `mandatory` is null without
    max_turnover) and `trade_scale` (part of the way from the mandatory book to the planned one; 1: all of it).
    """
    limited = book.select(_NEEDED).filter(pl.col("max_turnover").is_not_null())
    if limited.is_empty():
        nothing = {"mandatory": pl.lit(None, pl.Int64), "trade_scale": pl.lit(1.0)}
        return book.with_columns(post_trade="planned", **nothing)
    mandatory = _add_mandatory(limited)
    traded = (pl.col("planned") - pl.col("current")).abs().sum().over("portfolio_key")
    scaled = _scale(mandatory.filter(traded > 2 * pl.col("max_turnover")))
    return (
        book.join(mandatory.select("row", "mandatory"), on="row", how="left", maintain_order="left")
        .join(scaled, on="row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("post_trade", "planned").alias("post_trade"), pl.col("trade_scale").fill_null(1.0))
    )


def _add_mandatory(book: pl.DataFrame) -> pl.DataFrame:
    """Add the `mandatory` book m: the least that must be sold, only of what the planned book sells."""
    is_sale = pl.col("planned") < pl.col("current")
    to_cap = pl.when(is_sale).then(pl.min_horizontal("current", pl.max_horizontal("cap", "planned")))
    needed = book.with_columns(mandatory=pl.when("must_close").then(0).otherwise(to_cap.fill_null(pl.col("current"))))
    return reduce_to_limits(needed, "mandatory", "planned", is_sale)


def _scale(book: pl.DataFrame) -> pl.DataFrame:
    """Return `row, post_trade, trade_scale` of portfolios above their turnover.

    Purchases that come out below min_trade_weight are dropped one by one, the smallest change first, and the rest is
    scaled again: what a dropped one would have used makes the others larger.
    """
    left = _drop_small_purchases(_with_budget(book))
    while True:
        # Rounding sales towards m may leave a few units above a limit: purchases give them back.
        scaled = reduce_to_limits(_take_part(left), "post_trade", "current", _IS_PURCHASE)
        too_small = scaled.filter(_IS_PURCHASE & (pl.col("post_trade") - pl.col("current") < pl.col("min_trade")))
        if too_small.is_empty():
            return scaled.select("row", "post_trade", trade_scale=_part())
        dropped = too_small.sort("portfolio_key", pl.col("change").abs(), "asset_key").unique(
            "portfolio_key", keep="first", maintain_order=True
        )
        left = _drop(left, dropped["row"])


def _with_budget(book: pl.DataFrame) -> pl.DataFrame:
    """Add `budget`: the units that may be traded beyond the mandatory book, at least 0."""
    mandatory = (pl.col("mandatory") - pl.col("current")).abs().sum().over("portfolio_key")
    return book.with_columns(budget=(2 * pl.col("max_turnover") - mandatory).clip(0))


def _drop_small_purchases(book: pl.DataFrame) -> pl.DataFrame:
    """Drop the purchases that are too small whatever rounding returns, all at once.

    With the k smallest dropped, the part of the way is budget / (rest of the way): the k + 1st is the smallest that is
    left, and it is too small or none is. So the first k at which it is not is where dropping one by one would end.
    """
    way = pl.col("planned") - pl.col("mandatory")
    queue = (
        book.with_columns(way=way, whole=way.abs().sum().over("portfolio_key"))
        .filter(_IS_PURCHASE)
        .sort("portfolio_key", "way", "asset_key")
        .with_columns(left=pl.col("whole") - (pl.col("way").cum_sum() - pl.col("way")).over("portfolio_key"))
        .with_columns(part=pl.min_horizontal(pl.col("way") * pl.col("budget") // pl.col("left"), "way"))
        .with_columns(is_dropped=(pl.col("part") < pl.col("min_trade")).cum_prod().over("portfolio_key") == 1)
    )
    return _drop(book, queue.filter("is_dropped")["row"])


def _drop(book: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Plan no change of these rows."""
    is_dropped = pl.col("row").is_in(rows.implode())
    return book.with_columns(planned=pl.when(is_dropped).then("current").otherwise("planned"))


def _take_part(book: pl.DataFrame) -> pl.DataFrame:
    """Add `post_trade` = m + a (planned - m), each change rounded towards m, and `whole`, the length of the way."""
    way = pl.col("planned") - pl.col("mandatory")
    with_way = book.with_columns(whole=way.abs().sum().over("portfolio_key"))
    part = (
        pl.when(pl.col("budget") >= pl.col("whole"))
        .then(way.abs())
        .otherwise(way.abs() * pl.col("budget") // pl.col("whole"))
    )
    return with_way.with_columns(post_trade=pl.col("mandatory") + way.sign() * part)


def _part() -> pl.Expr:
    return pl.when(pl.col("budget") >= pl.col("whole")).then(1.0).otherwise(pl.col("budget") / pl.col("whole"))
