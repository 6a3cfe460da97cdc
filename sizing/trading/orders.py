"""From trades to orders: whole lots at the prices of the day, financed and within the limits.

What does not belong here: where values and prices come from, and what is kept of an order.
"""

from typing import NamedTuple

import dataframely as dy
import polars as pl

from sizing.frames.limit_columns import LimitsByPortfolio
from sizing.frames.schema import STORED_WEIGHT, validate
from sizing.frames.weight_units import UNITS
from sizing.trading.book import build_book
from sizing.trading.lots import fill_lots, sold_value

ORDERED, NO_TRADES, NO_VALUE, NO_PRICES = "ordered", "no_trades", "missing_value", "missing_prices"
CONTRADICTING = "contradicting_quantities"
"""The order status of a portfolio."""

STATUS_COLUMNS = (
    "portfolio_id",
    "status",
    "portfolio_value",
    "n_trades",
    "n_orders",
    "n_problem_assets",
    "problem_assets",
    "cash_before",
    "cash_after",
)
"""The order status of a portfolio, one row each, in this order."""

QUANTITY, PRICE, MONEY = pl.Decimal(20, 8), pl.Decimal(18, 8), pl.Decimal(28, 8)
"""Stored types: a quantity times a price is exact in DECIMAL(38, 16)."""

ORDER_SCHEMA = {
    "portfolio_id": pl.String(),
    "asset": pl.String(),
    "order_rank": pl.Int32(),
    "side": pl.String(),
    "quantity": QUANTITY,
    "quantity_before": QUANTITY,
    "lot_size": QUANTITY,
    "reference_price": PRICE,
    "notional": MONEY,
    "weight_before": STORED_WEIGHT,
    "weight_after": STORED_WEIGHT,
    "reason": pl.String(),
}
"""An order, one row per portfolio and asset, with its columns in this order."""

HIGHEST_VALUE, HIGHEST_QUANTITY, HIGHEST_PRICE, SMALLEST_LOT = 1e15, 1e12, 1e10, 1e-8
"""A value or quantity may be this, a price is below it: what the stored types and whole numbers of 128 bits hold."""

_RELEASED = ("above_cap", "above_bucket_limit", "over_allocation")
_INTEGER = pl.Int128
_FRACTION = UNITS
"""Quantities and values are counted in 1e-8, as weights are."""
_MONEY_IN_VALUE = UNITS
"""Money is counted in 1e-16: a weight of 1e-8 of a value of 1e-8."""
_NO_LIMIT = 2**40
"""Units of a weight that no book reaches, few enough to be multiplied with any value."""
_MOST_NAMED = 10
_MOST_HELD = 2
"""Times the portfolio's value that a holding may be worth: the nearest lots of a weight are never worth more."""


class TradedTargets(dy.Schema):
    """The targets of a day with their trades: assets, and a row of CASH per portfolio. `position_cap` null: none."""

    portfolio_id = dy.String(primary_key=True)
    asset = dy.String(primary_key=True)
    bucket = dy.String(nullable=True)
    is_cash = dy.Bool()
    current_weight = dy.Decimal(10, 8)
    post_trade_weight = dy.Decimal(10, 8)
    position_cap = dy.Decimal(10, 8, nullable=True)
    trade_reason = dy.String(nullable=True)


class Accounts(dy.Schema):
    """The value of a portfolio, in its currency."""

    portfolio_id = dy.String(primary_key=True)
    portfolio_value = dy.Float64(min_exclusive=0, max=HIGHEST_VALUE)


class Securities(dy.Schema):
    """What one share of an asset costs (null: not known), and the shares of a lot."""

    asset = dy.String(primary_key=True)
    price = dy.Float64(nullable=True)
    lot_size = dy.Float64(min=SMALLEST_LOT, max=HIGHEST_QUANTITY)


class Quantities(dy.Schema):
    """The shares that a portfolio holds, where they are known."""

    portfolio_id = dy.String(primary_key=True)
    asset = dy.String(primary_key=True)
    quantity = dy.Float64(min=0, max=HIGHEST_QUANTITY)


class Orders(NamedTuple):
    """The orders of a day, and the order status of every portfolio."""

    orders: pl.DataFrame
    status: pl.DataFrame


def make_orders(
    targets: pl.DataFrame,
    accounts: pl.DataFrame,
    securities: pl.DataFrame,
    quantities: pl.DataFrame,
    limits: LimitsByPortfolio,
) -> Orders:
    """Return the orders that bring every portfolio as near to its post-trade book as whole lots allow.

    *Requires* frames as `TradedTargets`, `Accounts`, `Securities` and `Quantities` describe them. An asset without a
    quantity is held in the nearest whole number of lots of its current weight. A portfolio without a value, without
    the price of an asset that it trades, or with a quantity that contradicts them, has no orders and says so.
    *Returns* `ORDER_SCHEMA` by portfolio and rank, sales first, and `STATUS_COLUMNS` by portfolio: at the reference
    prices cash is never below 0 at any step unless it begins there, no purchase lifts an asset above its
    position_cap or max_single_position, or a bucket above its limit, a closing sells the whole quantity, nothing else
    is traded.
    *Raises* `ContractError`. Source: docs/trading.md, orders.
    """
    validate(TradedTargets, targets.select(TradedTargets.column_names()), "targets to order")
    validate(Accounts, accounts, "account values")
    validate(Securities, securities, "prices and lot sizes")
    validate(Quantities, quantities, "quantities held")
    rows = _rows(targets, accounts, securities, quantities, limits)
    status = _status(rows)
    ready = status.filter(pl.col("status") == ORDERED).select("portfolio_id")
    filled = _book(rows.join(ready, on="portfolio_id", how="semi", maintain_order="left")).pipe(fill_lots)
    orders = _orders(filled)
    return Orders(orders, _with_cash(status, filled, orders))


def _rows(
    targets: pl.DataFrame,
    accounts: pl.DataFrame,
    securities: pl.DataFrame,
    quantities: pl.DataFrame,
    limits: LimitsByPortfolio,
) -> pl.DataFrame:
    """Return the targets by portfolio and asset, with value, price, lot and quantity, in whole numbers."""
    joined = (
        targets.select(TradedTargets.column_names())
        .join(accounts, on="portfolio_id", how="left")
        .join(securities, on="asset", how="left")
        .join(quantities, on=["portfolio_id", "asset"], how="left")
        .sort("portfolio_id", "asset")
    )
    as_book = joined.with_columns(pl.col("bucket").fill_null(""), target_weight="post_trade_weight")
    return build_book(as_book, limits).select(
        *("portfolio_id", "asset", "is_cash", "trade_reason", "portfolio_key", "bucket_key"),
        *(pl.col(name).clip(upper_bound=_NO_LIMIT).cast(_INTEGER) for name in ("cap", "bucket_limit")),
        current=pl.col("current").cast(_INTEGER),
        post_trade=pl.col("target").cast(_INTEGER),
        trade=pl.col("change").cast(_INTEGER),
        value=_positive(_whole("portfolio_value")),
        price=_positive(pl.when(pl.col("price") < HIGHEST_PRICE).then(_whole("price"))),
        lot=_whole("lot_size").fill_null(_FRACTION),
        quantity=_whole("quantity"),
        min_value=_whole("min_order_value") * _MONEY_IN_VALUE,
    )


def _whole(name: str) -> pl.Expr:
    """Return a number in whole 1e-8, to the last digit that a float of its size has."""
    floor = pl.col(name).floor()
    whole: pl.Expr = floor.cast(_INTEGER) * _FRACTION + ((pl.col(name) - floor) * _FRACTION).round().cast(_INTEGER)
    return whole


def _positive(whole: pl.Expr) -> pl.Expr:
    """Return the number, null where it is 0 or less: what rounds to nothing is not known."""
    return pl.when(whole > 0).then(whole)


def _status(rows: pl.DataFrame) -> pl.DataFrame:
    """Return which portfolios can be ordered, and what the others miss."""
    is_traded = ~pl.col("is_cash") & (pl.col("trade") != 0)
    has_no_price = pl.col("price").is_null()
    contradicts = pl.col("quantity") * pl.col("price") > _MOST_HELD * pl.col("value") * _MONEY_IN_VALUE
    is_problem = has_no_price | contradicts.fill_null(value=False)
    counted = rows.group_by("portfolio_id", maintain_order=True).agg(
        portfolio_value=pl.col("value").first(),
        n_trades=is_traded.sum().cast(pl.Int32),
        n_without_price=(is_traded & has_no_price).sum(),
        n_problem_assets=(is_traded & is_problem).sum().cast(pl.Int32),
        problem_assets=pl.col("asset").filter(is_traded & is_problem).head(_MOST_NAMED),
        cash_before=(pl.col("value") * pl.col("current")).filter("is_cash").first(),
    )
    status = (
        pl.when(pl.col("n_trades") == 0)
        .then(pl.lit(NO_TRADES))
        .when(pl.col("portfolio_value").is_null())
        .then(pl.lit(NO_VALUE))
        .when(pl.col("n_without_price") > 0)
        .then(pl.lit(NO_PRICES))
        .when(pl.col("n_problem_assets") > 0)
        .then(pl.lit(CONTRADICTING))
        .otherwise(pl.lit(ORDERED))
    )
    named = pl.when(pl.col("n_problem_assets") > 0).then(pl.col("problem_assets").list.join(", "))
    return counted.with_columns(status=status, problem_assets=named)


def _book(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the traded assets with their money: what is held and planned, the lot, and what the limits leave."""
    lot_value, value = pl.col("lot") * pl.col("price"), pl.col("value")
    in_lots = (2 * pl.col("current") * value + lot_value) // (2 * lot_value) * pl.col("lot")
    is_traded = pl.col("trade") != 0
    weighed = rows.filter(~pl.col("is_cash")).with_columns(held=pl.coalesce("quantity", in_lots))
    held_value = pl.when(is_traded).then(pl.col("held") * pl.col("price")).otherwise(pl.col("current") * value)
    return (
        weighed.with_columns(held_value=held_value)
        .with_columns(
            bucket_room=pl.col("bucket_limit") * value - pl.col("held_value").sum().over("bucket_key"),
        )
        .join(
            rows.filter("is_cash").select("portfolio_key", cash=pl.col("current") * value),
            on="portfolio_key",
            maintain_order="left",
        )
        .filter(is_traded)
        .with_columns(
            lot_value=lot_value,
            planned_value=pl.col("post_trade") * value,
            cap_value=pl.col("cap") * value,
            is_close=pl.col("post_trade") == 0,
            is_exempt=(pl.col("post_trade") == 0) | pl.col("trade_reason").is_in(_RELEASED).fill_null(value=False),
        )
    )


def _orders(filled: pl.DataFrame) -> pl.DataFrame:
    signed = pl.when("is_close").then(0 - pl.col("held")).otherwise(pl.col("lots") * pl.col("lot"))
    is_buy = pl.col("signed") > 0
    notional = (pl.col("signed") * pl.col("price")).abs()
    after = (pl.col("held") + pl.col("signed")) * pl.col("price")
    return (
        filled.with_columns(signed=signed)
        .filter(pl.col("signed") != 0)
        .with_columns(notional=notional)
        .sort("portfolio_id", is_buy, 0 - pl.col("notional"), "asset")
        .select(
            "portfolio_id",
            "asset",
            order_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("portfolio_id"),
            side=pl.when(is_buy).then(pl.lit("buy")).otherwise(pl.lit("sell")),
            quantity=_decimal(pl.col("signed").abs(), QUANTITY),
            quantity_before=_decimal(pl.col("held"), QUANTITY),
            lot_size=_decimal(pl.col("lot"), QUANTITY),
            reference_price=_decimal(pl.col("price"), PRICE),
            notional=_money(pl.col("notional")),
            weight_before=_weight(pl.col("held_value")),
            weight_after=_weight(after),
            reason="trade_reason",
        )
    )


def _with_cash(status: pl.DataFrame, filled: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    moved = filled.group_by("portfolio_id").agg(moved=sold_value().sum())
    n_orders = orders.group_by("portfolio_id").agg(n_orders=pl.len().cast(pl.Int32))
    return (
        status.join(moved, on="portfolio_id", how="left", maintain_order="left")
        .join(n_orders, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("n_orders").fill_null(0),
            portfolio_value=_decimal(pl.col("portfolio_value"), MONEY),
            cash_after=_money(pl.col("cash_before") + pl.col("moved").fill_null(0)),
        )
        .with_columns(cash_before=_money(pl.col("cash_before")))
        .select(STATUS_COLUMNS)
    )


def _decimal(whole: pl.Expr, dtype: pl.Decimal) -> pl.Expr:
    return (whole.cast(pl.Decimal(38, 8)) * pl.lit("0.00000001").cast(pl.Decimal(10, 8))).cast(dtype)


def _money(units: pl.Expr) -> pl.Expr:
    """Return money of 1e-16 with 8 decimals, rounded down."""
    return _decimal(units // _MONEY_IN_VALUE, MONEY)


def _weight(money: pl.Expr) -> pl.Expr:
    """Return the weight of money in the portfolio, rounded half up."""
    return _decimal((2 * money + pl.col("value")) // (2 * pl.col("value")), STORED_WEIGHT)
