"""The prices of a day: which ingests have them, and the returns of the sessions that its limits read.

What does not belong here: books that prices move (marked_books.py), what returns mean (sizing/risk/).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.prices import PRICES
from sizing.limits.model import RebalancingLimits
from sizing.risk.returns import session_returns
from sql.snapshot_reader import Reader
from tasks.inputs.marked_books import books_to_mark
from tasks.renames import renamed_prices
from tasks.trading_calendar import find_calendar

Limits = Mapping[str, RebalancingLimits]

_FOUND = {"day": pl.Date, "as_of_date": pl.Date, "ingest_id": pl.Int64}


def find_prices(  # noqa: PLR0913 - of which days, as they were known when
    warehouse: Reader,
    exchange: str,
    days: Sequence[date],
    sources: pl.DataFrame,
    limits: Limits,
    *,
    known_at: object,
) -> pl.DataFrame:
    """Return the ingests of prices that each day may read: `day, as_of_date, ingest_id`.

    From the first day that its limits read, and from the oldest book that it may start from where books are marked: one
    that is there, or that of the day before it in `days`.
    """
    marks = any(one.mark_to_market for one in limits.values())
    books = dict(books_to_mark(sources, limits).group_by("day").agg(pl.col("since").min()).iter_rows())
    ordered, rows = sorted(days), list[tuple[date, date]]()
    for before, day in zip([None, *ordered], ordered, strict=False):
        starts = [books.get(day), before if marks else None]
        if since := first_price_day(exchange, day, limits, [one for one in starts if one]):
            rows.append((day, since))
    if not rows:
        return pl.DataFrame(schema=_FOUND)
    first_days = pl.DataFrame(rows, schema={"day": pl.Date, "since": pl.Date}, orient="row")
    known = warehouse.query("known_prices", first=first_days["since"].min(), last=max(days), known_at=known_at)
    is_between = pl.col("as_of_date") >= pl.col("since"), pl.col("as_of_date") <= pl.col("day")
    return known.join_where(first_days, *is_between).select(list(_FOUND)).sort("day", "as_of_date")


def first_price_day(exchange: str, day: date, limits: Limits, books: Iterable[date]) -> date | None:
    """Return the first day whose prices a day reads, when books of these days are marked; None: it reads none.

    The close of the session before the window is read too: the first return begins with it.
    """
    n_sessions = longest_window(limits)
    window = [find_calendar(exchange).before(day, n_sessions)] if n_sessions else []
    return min([*window, *books], default=None)


def longest_window(limits: Limits) -> int:
    """Return how many sessions the limits read the returns of, up to a day; 0: none reads returns."""
    return max((one.volatility_window_days for one in limits.values() if one.reads_returns), default=0)


def read_prices(warehouse: Reader, sources: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of all prices among the sources, with their `ingest_id`."""
    ingest_ids = sources.filter(pl.col("kind") == "prices")["ingest_id"].unique().to_list()
    if not ingest_ids:
        return PRICES.clear().with_columns(ingest_id=pl.lit(None, pl.Int64))
    return warehouse.query("prices_of_ingests", ingest_ids=ingest_ids)


def with_returns(days: Mapping[date, DayFrames], prices: pl.DataFrame, exchange: str) -> dict[date, DayFrames]:
    """Return the days with the returns and sessions that their limits read, made once for days of the same names.

    Of all assets that are scored or held on any of these days: what a later day starts from is not known yet.
    *Requires* days of the same portfolios, under the names of their day, and the prices from the session before the
    first window on.
    """
    n_sessions = max((longest_window(day.limits) for day in days.values()), default=0)
    if not n_sessions:
        return dict(days)
    calendar = find_calendar(exchange)
    of_names: dict[tuple[tuple[str, str], ...], pl.DataFrame] = {}
    done = {}
    for day, frames in days.items():
        names = tuple(frames.renamed.items())
        if names not in of_names:
            alike = [one for one in days.values() if tuple(one.renamed.items()) == names]
            wanted = pl.concat([part["asset"] for one in alike for part in (one.scores, one.holdings)]).unique()
            own = renamed_prices(prices, frames.renamed).filter(pl.col("asset").is_in(wanted.implode()))
            last = max(one.as_of_date for one in alike)
            sessions = calendar.between(calendar.before(day, n_sessions), last)
            of_names[names] = session_returns(own, sessions).sort("session", "asset")
        window, returns = calendar.until(day, n_sessions), of_names[names]
        first = returns["session"].search_sorted(window[0], "left")
        n_rows = returns["session"].search_sorted(day, "right") - first
        done[day] = frames._replace(returns=returns.slice(first, n_rows), sessions=window)
    return done
