"""From targets to trades: what is traded of each change, why, in which order, and what is held afterwards.

The order of the steps; each is one of the numbered rules of docs/trading.md, over all portfolios at once.
"""

from typing import NamedTuple

import polars as pl

from sizing.frames.integer_keys import packed_largest_first
from sizing.frames.limit_columns import LimitsByPortfolio
from sizing.frames.sorted_groups import position_in_run
from sizing.frames.weight_units import as_weight
from sizing.trading.book import build_book
from sizing.trading.held_back import hold_back, release, trade_reason
from sizing.trading.trade_text import add_trade_text
from sizing.trading.trade_totals import summarise_trades
from sizing.trading.turnover import limit_turnover

_ACTION = pl.Enum(["open", "close", "increase", "decrease", "hold"])


class Trades(NamedTuple):
    """The trades of a day: `assets`, the rows as they came with their trades, and `portfolios`, one row each."""

    assets: pl.DataFrame
    portfolios: pl.DataFrame


def trade_portfolios(targets: pl.DataFrame, limits: LimitsByPortfolio) -> Trades:
    """Return the trades that lead every portfolio to its targets, and the book that they leave.

    *Requires* one row per portfolio and asset that is held or has a target, the rows of a portfolio together:
    `portfolio_id, asset, bucket` (strings), `current_weight, target_weight` (DECIMAL(10, 8), fractions of the
    portfolio's value), `is_immovable` (under no_trade: target = current), `must_close` (target 0 whatever it costs).
    The targets obey the limits.
    *Adds* to each row `trade_weight, post_trade_weight` (DECIMAL(10, 8)), `action` (open, close, increase, decrease,
    hold), `trade_rank` (1: first; null: no trade), `trade_reason` (code), `trade_scale` (in [0, 1]), `trade_text`.
    *Returns* also `portfolios`: what was bought and sold, turnover, and what is invested before and after.
    *Raises* `ContractError` where a portfolio has no limits. Source: docs/trading.md.

    >>> import polars as pl
    >>> from sizing import RebalancingLimits
    >>> weights = pl.DataFrame(
    ...     {"portfolio_id": ["p"] * 2, "asset": ["a", "b"], "bucket": ["x"] * 2, "current_weight": [0.40, 0.0],
    ...      "target_weight": [0.20, 0.20], "is_immovable": [False] * 2, "must_close": [False] * 2}
    ... ).with_columns(pl.col("current_weight", "target_weight").cast(pl.Decimal(10, 8)))
    >>> limits = RebalancingLimits(max_single_position=0.5, max_turnover=0.10)
    >>> trade_portfolios(weights, limits).assets["post_trade_weight"].cast(float).to_list()
    [0.3, 0.1]
    """
    traded = trade_book(targets, limits).pipe(_add_codes)
    assets = targets.hstack(
        traded.pipe(add_trade_text).select(
            trade_weight=as_weight(pl.col("trade")),
            post_trade_weight=as_weight(pl.col("post_trade")),
            action=pl.col("action").cast(pl.String),
            trade_rank=_rank(traded),
            trade_reason=pl.col("trade_reason").cast(pl.String),
            trade_scale="trade_scale",
            trade_text="trade_text",
        )
    )
    return Trades(assets, summarise_trades(traded))


def trade_book(targets: pl.DataFrame, limits: LimitsByPortfolio) -> pl.DataFrame:
    """Return the book of `targets` in units, with `post_trade`, and the columns that say how it came about.

    *Requires* what `trade_portfolios` requires.
    """
    book = build_book(targets, limits).with_row_index("row")
    return book.pipe(hold_back).pipe(release).pipe(limit_turnover)


def _add_codes(book: pl.DataFrame) -> pl.DataFrame:
    """Add `trade` (units), `action` and `trade_reason`. Actions are of the book, reasons of the change."""
    u, w, x = pl.col("current"), pl.col("target"), pl.col("post_trade")
    trade, change = x - u, pl.col("change")
    action = (
        pl.when(trade == 0)
        .then(_action("hold"))
        .when(u == 0)
        .then(_action("open"))
        .when(x == 0)
        .then(_action("close"))
        .when(trade > 0)
        .then(_action("increase"))
        .otherwise(_action("decrease"))
    )
    reason = (
        pl.when("is_immovable")
        .then(trade_reason("no_trade"))
        .when(change == 0)
        .then(trade_reason("unchanged"))
        .when((trade == 0) & (pl.col("held_by").is_null() | pl.col("released_by").is_not_null()))
        .then(trade_reason("held_by_turnover"))
        .when(u == 0)
        .then(trade_reason("open"))
        .when(w == 0)
        .then(trade_reason("close"))
        .otherwise(pl.coalesce("released_by", "held_by", trade_reason("rebalance")))
    )
    return book.with_columns(trade=trade, action=action, trade_reason=reason)


def _action(code: str) -> pl.Expr:
    return pl.lit(code, _ACTION)


def _rank(book: pl.DataFrame) -> pl.Series:
    """Rank sales before purchases, the larger first, ties by asset name: so cash never dips below where it starts."""
    side = pl.col("portfolio_key").cast(pl.Int64) * 2 + (pl.col("trade") > 0)
    ranked = (
        book.select("row", "portfolio_key", "asset_key", "trade")
        .filter(pl.col("trade") != 0)
        .select("row", "portfolio_key", order=packed_largest_first(side, pl.col("trade").abs(), "asset_key"))
        .sort("order")
        .select("row", rank=position_in_run("portfolio_key"))
    )
    return book.select("row").join(ranked, on="row", how="left", maintain_order="left")["rank"]
