"""How many lots each traded asset is ordered: as near to its planned weight as whole lots, cash and the limits allow.

Quantities and money are whole numbers: of 1e-8 shares, and of 1e-16 of the currency, so that a weight times a value
and a quantity times a price are exact. What does not belong here: prices, account values, limits of a portfolio.
"""

import polars as pl

_IS_BUY, _IS_SALE = pl.col("trade") > 0, pl.col("trade") < 0
_VALUE_AFTER = pl.col("held_value") + pl.col("lots") * pl.col("lot_value")


def fill_lots(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `lots`: lots to buy, negative to sell, 0 for a trade that comes to no order.

    *Requires* per traded asset, sorted by portfolio and asset: `portfolio_key, bucket_key`, `trade` (its sign), and as
    Int128 `lot, held` (quantities), `lot_value, held_value, planned_value, cap_value, min_value` (money), `cash`
    (of the portfolio, before the orders), `bucket_room` (of the bucket, before the orders); `is_close`, `is_exempt`
    (closings and releases, which `min_value` does not drop).
    An asset that closes has as many whole lots as are held; its order takes what is left besides. Source:
    docs/trading.md, orders.
    """
    whole = (pl.col("planned_value") - pl.col("held_value")) // pl.col("lot_value")
    most_sold = 0 - pl.col("held") // pl.col("lot")
    lots = (
        pl.when("is_close")
        .then(most_sold)
        .when(_IS_SALE)
        .then(pl.max_horizontal(pl.min_horizontal(whole, pl.lit(0)), most_sold))
        .otherwise(pl.max_horizontal(whole, pl.lit(0)))
    )
    floored = rows.with_row_index("row").with_columns(lots=lots.cast(pl.Int128))
    return (
        floored.pipe(_drop_small)
        .pipe(_give_back, "bucket_key", _bucket_excess())
        .pipe(_give_back, "portfolio_key", 0 - _cash_left())
        .with_columns(lots=pl.when(_IS_BUY & _is_small()).then(0).otherwise("lots"))
        .pipe(_add_single_lots)
        .drop("row")
    )


def sold_value() -> pl.Expr:
    """Return the money that an order moves into the account; a closing sells odd lots too."""
    return pl.when("is_close").then("held_value").otherwise(0 - pl.col("lots") * pl.col("lot_value"))


def _cash_left() -> pl.Expr:
    return pl.col("cash").first() + sold_value().sum()


def _bucket_excess() -> pl.Expr:
    return 0 - sold_value().sum() - pl.col("bucket_room").first()


def _is_small() -> pl.Expr:
    return ~pl.col("is_exempt") & (pl.col("lots").abs() * pl.col("lot_value") < pl.col("min_value"))


def _drop_small(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop orders below `min_value`, but for sales without which, whatever is bought, a limit would be broken."""
    is_dropped = _is_small()
    sold = pl.when(is_dropped | _IS_BUY).then(0).otherwise(sold_value())
    is_needed = (
        (pl.col("held_value") > pl.col("cap_value"))
        | (pl.col("bucket_room") + sold.sum().over("bucket_key") < 0)
        | (pl.col("cash") + sold.sum().over("portfolio_key") < 0)
    )
    return rows.with_columns(lots=pl.when(is_dropped & ~(_IS_SALE & is_needed)).then(0).otherwise("lots"))


def _give_back(rows: pl.DataFrame, group: str, excess: pl.Expr) -> pl.DataFrame:
    """Let the purchases of a group return lots until nothing exceeds, the smallest missing fraction first.

    Each lot given back adds 1 to what is missing, so all give their first lot before one gives its second: some whole
    rounds, found at once from the sorted number of lots, and then one lot each in the order of the fractions.
    """
    exceeding = rows.group_by(group).agg(excess=excess).filter(pl.col("excess") > 0)
    givers = rows.filter(_IS_BUY & (pl.col("lots") > 0)).join(exceeding, on=group)
    if givers.is_empty():
        return rows
    spent, value = pl.col("lots") * pl.col("lot_value"), pl.col("lot_value")
    sums = givers.sort(group, "lots").with_columns(
        given=(spent.cum_sum() - spent).over(group),
        round_value=(value.sum() - value.cum_sum() + value).over(group),
    )
    rounds = (
        sums.filter(pl.col("given") + pl.col("lots") * pl.col("round_value") >= pl.col("excess"))
        .unique(group, keep="first", maintain_order=True)
        .select(group, rounds=(pl.col("excess") - pl.col("given") - 1) // pl.col("round_value"))
    )
    in_rounds = givers.join(rounds, on=group, how="left").with_columns(
        given=pl.min_horizontal("lots", pl.col("rounds").fill_null(pl.col("lots")))
    )
    rest = pl.col("excess") - (pl.col("given") * value).sum().over(group)
    one_more = (
        in_rounds.with_columns(rest=rest)
        .filter(pl.col("lots") > pl.col("given"))
        .sort(group, _missing_fraction(), "row")
        .filter((value.cum_sum() - value).over(group) < pl.col("rest"))
        .select("row", one_more=pl.lit(1, pl.Int128))
    )
    return (
        rows.join(in_rounds.select("row", "given"), on="row", how="left", maintain_order="left")
        .join(one_more, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("lots") - pl.col("given").fill_null(0) - pl.col("one_more").fill_null(0))
        .drop("given", "one_more")
    )


def _missing_fraction() -> pl.Expr:
    """Return the lots that are missing to the planned value: a number that only orders, so a float will do."""
    missing = pl.col("planned_value") - _VALUE_AFTER
    return missing.cast(pl.Float64) / pl.col("lot_value").cast(pl.Float64)


def _add_single_lots(rows: pl.DataFrame) -> pl.DataFrame:
    """Buy one lot more, or sell one less, where lots are missing: the largest missing fraction first, while cash lasts.

    A round takes the first rows of each portfolio up to one that no longer fits, and drops all that fit no more: cash
    and room only shrink, so it ends, mostly after a few rounds.
    """
    n_after = pl.col("lots") + 1
    grows = pl.when(_IS_BUY).then(n_after * pl.col("lot_value") >= pl.col("min_value"))
    shrinks = pl.col("is_exempt") | (n_after == 0) | (n_after * pl.col("lot_value") <= 0 - pl.col("min_value"))
    queue = (
        rows.with_columns(
            cash=pl.col("cash") + sold_value().sum().over("portfolio_key"),
            bucket_room=pl.col("bucket_room") + sold_value().sum().over("bucket_key"),
        )
        .filter(
            ~pl.col("is_close") & (pl.col("planned_value") > _VALUE_AFTER),
            grows.otherwise((pl.col("lots") < 0) & shrinks),
            _VALUE_AFTER + pl.col("lot_value") <= pl.col("cap_value"),
        )
        .sort("portfolio_key", -_missing_fraction(), "row")
        .select("row", "portfolio_key", "bucket_key", "lot_value", "cash", "bucket_room")
    )
    value, taken = pl.col("lot_value"), []
    while not (queue := queue.filter((value <= pl.col("cash")) & (value <= pl.col("bucket_room")))).is_empty():
        fits = (value.cum_sum().over("portfolio_key") <= pl.col("cash")) & (
            value.cum_sum().over("bucket_key") <= pl.col("bucket_room")
        )
        is_taken = fits.cast(pl.Int8).cum_min().over("portfolio_key") == 1
        queue = queue.with_columns(is_taken=is_taken).with_columns(
            cash=pl.col("cash") - (value * pl.col("is_taken")).sum().over("portfolio_key"),
            bucket_room=pl.col("bucket_room") - (value * pl.col("is_taken")).sum().over("bucket_key"),
        )
        taken.append(queue.filter("is_taken")["row"])
        queue = queue.filter(~pl.col("is_taken")).drop("is_taken")
    more = pl.concat(taken) if taken else pl.Series("row", [], pl.UInt32)
    return rows.with_columns(lots=pl.col("lots") + pl.col("row").is_in(more.implode()).cast(pl.Int128))
