"""Books that move with prices between days: what is read for them, what a day starts from, and what was missing.

Only portfolios with `mark_to_market` that start from the book a run left read prices. What does not belong here: the
rules (returns.py, marking.py), and how days of a range follow each other.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.prices import PRICES
from sizing.limits.model import RebalancingLimits
from sizing.multi_day.next_day import NO_GROWTH, bounds_of_marked
from sizing.risk.returns import Span, compound_returns, is_suspect, session_returns
from sizing.text import grouped, listed
from sizing.trading.marking import mark_books
from tasks.renames import renamed_prices
from tasks.trading_calendar import find_calendar

_KEY = ["portfolio_id", "asset"]
NO_BOOKS = pl.DataFrame(
    schema={"day": pl.Date, "portfolio_id": pl.String, "max_plausible_return": pl.Float64, "since": pl.Date}
)
_MISSING = {"portfolio_id": pl.String, "asset": pl.String, "session": pl.Date, "session_return": pl.Float64}


def books_to_mark(sources: pl.DataFrame, limits: Mapping[str, RebalancingLimits]) -> pl.DataFrame:
    """Return the portfolios whose book moves with prices, and the day of that book, with its limit of returns.

    `day, portfolio_id, since, max_plausible_return`.
    """
    marked = bounds_of_marked(limits)
    if marked.is_empty():
        return NO_BOOKS
    books = sources.filter(pl.col("kind") == "targets").join(marked, on="portfolio_id", maintain_order="left")
    return books.select("day", "portfolio_id", "max_plausible_return", since="as_of_date")


def start_from_books(frames: DayFrames, books: pl.DataFrame, prices: pl.DataFrame, exchange: str) -> DayFrames:
    """Return the day with its books marked, and with the prices that this takes.

    *Requires* in `books` those to mark on the day alone, holdings under the names of the day, and one row of an asset
    and day in `prices`, which may be of more days than the books take.
    """
    if books.is_empty():
        return frames
    is_between = pl.col("as_of_date").is_between(books["since"].min(), frames.as_of_date)
    prices = renamed_prices(prices.filter(is_between), frames.renamed)
    sessions = _sessions(exchange, books, frames.as_of_date)
    spans = [(since, frames.as_of_date) for since in books["since"].unique()]
    growth = _growth(prices, sessions, spans, books["max_plausible_return"])
    moved = (
        frames.holdings.join(books, on="portfolio_id")
        .join(growth, on=["since", "max_plausible_return", "asset"], how="left")
        .select(*_KEY, "current_weight", "growth")
    )
    others = frames.holdings.join(books, on="portfolio_id", how="anti")
    holdings = pl.concat([others, mark_books(moved)]).sort(_KEY)
    return with_prices(frames._replace(holdings=holdings), books, prices)


def with_prices(frames: DayFrames, books: pl.DataFrame, prices: pl.DataFrame) -> DayFrames:
    """Return the day with the prices that its books take: of what they hold, from their days on."""
    if books.is_empty():
        return frames
    held = frames.holdings.join(books, on="portfolio_id").group_by("asset").agg(pl.col("since").min())
    own = prices.join(held, on="asset").filter(
        pl.col("as_of_date") >= pl.col("since"), pl.col("as_of_date") <= frames.as_of_date
    )
    return frames._replace(prices=own.select(PRICES.columns).sort("as_of_date", "asset"))


def growth_between(days: Sequence[DayFrames], prices: pl.DataFrame, exchange: str) -> pl.DataFrame:
    """Return what 1 of each asset becomes from each day to the next, in the columns of NO_GROWTH.

    *Requires* days of the same names, and prices under these names.
    """
    bounds = bounds_of_marked(days[0].limits)["max_plausible_return"]
    if prices.is_empty() or bounds.is_empty():
        return NO_GROWTH
    dates = [day.as_of_date for day in days]
    sessions = find_calendar(exchange).between(dates[0], dates[-1])
    growth = _growth(prices, sessions, [*pairwise(dates)], bounds)
    return growth.select("asset", "max_plausible_return", "growth", as_of_date="until")


def missing_returns(frames: DayFrames, books: pl.DataFrame, exchange: str) -> pl.DataFrame:
    """Return the returns for lack of which a book was not marked: `portfolio_id, asset, session, session_return`.

    A `session_return` that is there is suspect.
    """
    if books.is_empty():
        return pl.DataFrame(schema=_MISSING)
    sessions = _sessions(exchange, books, frames.as_of_date)
    returns = session_returns(frames.prices, sessions)
    wanted = frames.holdings.join(books, on="portfolio_id").join(
        pl.DataFrame({"session": sessions}, schema={"session": pl.Date}), how="cross"
    )
    return (
        wanted.filter(pl.col("session") > pl.col("since"))
        .join(returns, on=["asset", "session"], how="left")
        .filter(is_suspect(pl.col("max_plausible_return")).fill_null(value=True))
        .select(*_MISSING)
        .sort("portfolio_id", "session", "asset")
    )


def describe_unmarked(missing: pl.DataFrame) -> tuple[str, ...]:
    """Return whose book was not marked, for lack of which returns, and what to deliver."""
    if missing.is_empty():
        return ()
    lacking = missing.with_columns(
        what=pl.when(pl.col("session_return").is_null())
        .then(pl.format("{} has no return of {}", "asset", "session"))
        .otherwise(pl.format("that of {} of {} is suspect ({})", "asset", "session", pl.col("session_return").round(4)))
    )
    by_portfolio = lacking.group_by("portfolio_id", maintain_order=True).agg("what")
    return tuple(
        f"mark_to_market: the book of {names} stays as it was left: {what}. Deliver these prices (close, or "
        "daily_return; adjustment_factor where an asset was split) and run the day again"
        for names, what in grouped((name, listed(what)) for name, what in by_portfolio.iter_rows())
    )


def _growth(prices: pl.DataFrame, sessions: Sequence[date], spans: Sequence[Span], bounds: pl.Series) -> pl.DataFrame:
    """Return what `compound_returns` does for each of the bounds beyond which a return is suspect."""
    returns = session_returns(prices, sessions)
    return pl.concat(
        compound_returns(returns.filter(~is_suspect(bound)), sessions, spans).with_columns(max_plausible_return=bound)
        for bound in bounds.unique().sort()
    )


def _sessions(exchange: str, books: pl.DataFrame, day: date) -> tuple[date, ...]:
    """Return the sessions from the oldest book to the day."""
    return find_calendar(exchange).between(min(books["since"]), day)
