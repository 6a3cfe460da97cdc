"""Returns of sessions, from closes or as they were given. Nothing is filled and nothing is guessed (risk.md 1).

What does not belong here: what a return does to a weight, and which sessions count.
"""

from collections.abc import Sequence
from datetime import date

import dataframely as dy
import polars as pl

MAX_PLAUSIBLE_RETURN = 0.5
"""A larger return, or a fall that only a larger one makes up for, is suspect: perhaps a split without its factor."""

_WIDEST_GROWTH = 1e6


class Prices(dy.Schema):
    """The price of an asset on a day: its close, its return as given, or both. No factor: 1."""

    as_of_date = dy.Date(primary_key=True)
    asset = dy.String(primary_key=True)
    close = dy.Float64(nullable=True, min_exclusive=0)
    adjustment_factor = dy.Float64(nullable=True, min_exclusive=0)
    daily_return = dy.Float64(nullable=True, min_exclusive=-1)


PRICES = pl.DataFrame(
    schema={"as_of_date": pl.Date, "asset": pl.String}
    | dict.fromkeys(("close", "adjustment_factor", "daily_return"), pl.Float64)
)
"""No prices."""

Span = tuple[date, date]
"""From the close of one session to that of a later one."""


def session_returns(
    prices: pl.DataFrame, sessions: Sequence[date], max_plausible_return: float = MAX_PLAUSIBLE_RETURN
) -> pl.DataFrame:
    """Return every return that `Prices` give: `asset, session, session_return, is_suspect`, by asset and session.

    *Requires* consecutive `sessions` in order. close x adjustment_factor / the close of the session before - 1, or else
    `daily_return`, which needs no close and is never suspect. Rows of other days are ignored.
    """
    numbers = pl.DataFrame({"as_of_date": sessions}, schema={"as_of_date": pl.Date}).with_row_index("number")
    rows = prices.join(numbers, on="as_of_date", how="inner")
    before = rows.select("asset", pl.col("number") + 1, previous_close="close")
    close, previous = pl.col("close") * pl.col("adjustment_factor").fill_null(1.0), pl.col("previous_close")
    most = 1 + max_plausible_return
    # At the bound too: a forgotten 3:2 split of a flat day is a fall by exactly a third.
    is_implausible = (close >= previous * most) | (close * most <= previous)
    return (
        rows.join(before, on=["asset", "number"], how="left")
        .select(
            "asset",
            session="as_of_date",
            session_return=pl.coalesce("daily_return", close / previous - 1),
            is_suspect=pl.col("daily_return").is_null() & is_implausible,
        )
        .drop_nulls("session_return")
        .sort("asset", "session")
    )


def compound_returns(returns: pl.DataFrame, sessions: Sequence[date], spans: Sequence[Span]) -> pl.DataFrame:
    """Return what 1 of each asset becomes: `since, until, asset, growth`, one row per span and asset.

    Only of assets that have a return which is not suspect for every session after `since`, up to `until`. More than a
    million, or less than a millionth, is taken as that. *Requires* what `session_returns` returns.
    """
    days = pl.Series(sessions, dtype=pl.Date)
    ends = pl.DataFrame(spans, schema={"since": pl.Date, "until": pl.Date}, orient="row").unique()
    until, since = (days.search_sorted(ends[name], side="right").cast(pl.Int64) for name in ("until", "since"))
    return (
        returns.filter(~pl.col("is_suspect"))
        .join_where(
            ends.with_columns(n_sessions=until - since),
            pl.col("session") > pl.col("since"),
            pl.col("session") <= pl.col("until"),
        )
        .sort("since", "until", "asset", "session")
        .group_by("since", "until", "asset", maintain_order=True)
        .agg(
            n=pl.len(),
            n_sessions=pl.col("n_sessions").first(),
            growth=(1 + pl.col("session_return")).product().clip(1 / _WIDEST_GROWTH, _WIDEST_GROWTH),
        )
        .filter(pl.col("n") == pl.col("n_sessions"))
        .drop("n", "n_sessions")
    )
