"""The books of days that follow each other, when the targets of every day are known: only trading is done day by day.

What a day trades depends on what the day before left, to the unit: a change that is held back is still there tomorrow.
Trading is cheap, the rules before it are not, so these run for all days at once (day_chain.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from sizing.limits.model import RebalancingLimits
from sizing.multi_day.day_starts import DayStarts
from sizing.multi_day.next_day import NextDay
from sizing.multi_day.stacked_days import by_day
from sizing.trading.targets import book_after

_KEY = ["portfolio_id", "asset"]
_DATE = len("2026-01-02")


def follow_trades(
    rows: pl.DataFrame,
    limits: Mapping[str, RebalancingLimits],
    given: pl.DataFrame,
    next_day: NextDay,
    dates: Sequence[date],
) -> DayStarts:
    """Return what every day starts from, when each trades from what the day before it left.

    *Requires* `rows` as `trade_book` does, of portfolios `named` on their day, `dates` in order, and `given`, the
    holdings of the portfolios that start from what they are given. What is held without a row is taken for a holding
    that leaves.
    """
    day = pl.col("portfolio_id").str.head(_DATE)
    of_day = rows.with_columns(day=day).partition_by("day", as_dict=True, include_key=False)
    given_on = given.with_columns(day=day).partition_by("day", as_dict=True, include_key=False)
    limits_on = _by_day(limits)
    buckets = rows.select("asset", "bucket").unique("asset", maintain_order=True)
    nothing, left = rows.clear(), given.clear()
    starts: list[pl.DataFrame] = []
    for name in (one.isoformat() for one in dates):
        held = pl.concat([given_on.get((name,), given.clear()), next_day.starts(left)])
        starts.append(held)
        own = _with_holdings(of_day.get((name,), nothing), held, buckets)
        left = book_after(own, limits_on.get(name, {}))
    return DayStarts(pl.concat(starts).sort(_KEY), by_day(left)(dates[-1]))


def _by_day(limits: Mapping[str, RebalancingLimits]) -> dict[str, dict[str, RebalancingLimits]]:
    days: dict[str, dict[str, RebalancingLimits]] = {}
    for name, one in limits.items():
        days.setdefault(name[:_DATE], {})[name] = one
    return days


def _with_holdings(rows: pl.DataFrame, held: pl.DataFrame, buckets: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with what is held, and a row for each holding that has none."""
    return (
        rows.drop("current_weight", "bucket")
        .join(held, on=_KEY, how="full", coalesce=True)
        .join(buckets, on="asset", how="left")
        .with_columns(
            pl.col("current_weight", "target_weight").fill_null(0),
            pl.col("is_immovable", "must_close").fill_null(value=False),
            pl.col("bucket").fill_null(""),
        )
        .sort(_KEY)
    )
