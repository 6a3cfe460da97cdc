"""Returns of sessions, from closes or as they were given. Nothing is filled and nothing is guessed (docs/risk.md 2).

What does not belong here: what a return does to a weight, and which sessions count.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

NOISE = 1e-12
"""A return this close to the bound is at it: float noise."""

_WIDEST_GROWTH = 1e6


Span = tuple[date, date]
"""From the close of one session to that of a later one."""


def session_returns(prices: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Return every return that `Prices` give, as `SessionReturns`, by asset and session.

    *Requires* consecutive `sessions` in order. close x adjustment_factor / the close of the session before - 1, or else
    `daily_return`, which needs no close. Rows of other days are ignored.
    """
    numbers = pl.DataFrame({"as_of_date": sessions}, schema={"as_of_date": pl.Date}).with_row_index("number")
    rows = prices.join(numbers, on="as_of_date", how="inner")
    before = rows.select("asset", pl.col("number") + 1, previous_close="close")
    close = pl.col("close") * pl.col("adjustment_factor").fill_null(1.0)
    return (
        rows.join(before, on=["asset", "number"], how="left")
        .select(
            "asset",
            session="as_of_date",
            session_return=pl.coalesce("daily_return", close / pl.col("previous_close") - 1),
            is_given=pl.col("daily_return").is_not_null(),
        )
        .drop_nulls("session_return")
        .sort("asset", "session")
    )


def distance() -> pl.Expr:
    """Return how far a return of `SessionReturns` is from none: 0.5 for 1.5 times the close, and for 1 / 1.5 times.

    What is given is at 0: it is taken as it is.
    """
    change = 1 + pl.col("session_return")
    return pl.when("is_given").then(0.0).otherwise(pl.max_horizontal(change, 1 / change) - 1).alias("distance")


def is_suspect(max_plausible_return: float | pl.Expr) -> pl.Expr:
    """Whether a return is suspect: from closes, and at the bound or beyond it.

    At the bound too: a forgotten 3:2 split of a flat day is a fall by exactly a third.
    """
    return distance() >= max_plausible_return - NOISE


def compound_returns(returns: pl.DataFrame, sessions: Sequence[date], spans: Sequence[Span]) -> pl.DataFrame:
    """Return what 1 of each asset becomes: `since, until, asset, growth`, one row per span and asset.

    Only of assets that have a return for every session after `since`, up to `until`. More than a million, or less than
    a millionth, is taken as that. *Requires* `SessionReturns`, those that are suspect left out.
    """
    days = pl.Series(sessions, dtype=pl.Date)
    ends = pl.DataFrame(spans, schema={"since": pl.Date, "until": pl.Date}, orient="row").unique()
    until, since = (days.search_sorted(ends[name], side="right").cast(pl.Int64) for name in ("until", "since"))
    return (
        returns.join_where(
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
