"""What a day leaves is what the next one starts from: under its next name, and moved where the book is marked."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple, Self

import polars as pl

from sizing.limits.model import RebalancingLimits
from sizing.trading.marking import mark_books

_DATE = len("2026-01-02")

NO_GROWTH = pl.DataFrame(
    schema={"as_of_date": pl.Date, "asset": pl.String, "max_plausible_return": pl.Float64, "growth": pl.Float64}
)
"""Nothing is known of how prices move between the days."""


def bounds_of_marked(limits: Mapping[str, RebalancingLimits]) -> pl.DataFrame:
    """Return the portfolios whose book is marked, as `portfolio_id, max_plausible_return`."""
    marked = [(name, one.max_plausible_return) for name, one in limits.items() if one.mark_to_market]
    return pl.DataFrame(marked, {"portfolio_id": pl.String, "max_plausible_return": pl.Float64}, orient="row")


class NextDay(NamedTuple):
    """Which portfolios, `named` on their day, start from what the day before leaves, and whose book moves till then.

    Those that are `fixed` start from what they are given. `growth`: what 1 of an asset becomes until the `day`, where
    no return is suspect to the portfolio. `marked` as `bounds_of_marked` returns.
    """

    next_dates: Mapping[str, str]
    fixed: frozenset[str]
    marked: pl.DataFrame
    growth: pl.DataFrame

    @classmethod
    def of(
        cls,
        dates: Sequence[date],
        limits: Mapping[str, RebalancingLimits],
        fixed: frozenset[str],
        growth: pl.DataFrame,
    ) -> Self:
        """Take the days in order, and the limits of the portfolios as they are named on each."""
        by_day = growth.with_columns(day=pl.col("as_of_date").dt.to_string("%Y-%m-%d")).drop("as_of_date")
        return cls(dict(pairwise(day.isoformat() for day in dates)), fixed, bounds_of_marked(limits), by_day)

    def starts(self, left: pl.DataFrame) -> pl.DataFrame:
        """Return what the day after each starts from, when `left` is what each leaves. None is after the last."""
        day = pl.col("portfolio_id").str.head(_DATE)
        carried = (
            left.filter(day.is_in(list(self.next_dates)))
            .with_columns(
                portfolio_id=day.replace_strict(self.next_dates, return_dtype=pl.String)
                + pl.col("portfolio_id").str.slice(_DATE)
            )
            .filter(~pl.col("portfolio_id").is_in(list(self.fixed)))
        )
        if self.marked.is_empty():
            return carried
        on = ["day", "asset", "max_plausible_return"]
        books = carried.join(self.marked, on="portfolio_id").with_columns(day=day).join(self.growth, on=on, how="left")
        return pl.concat([carried.join(self.marked, on="portfolio_id", how="anti"), mark_books(books)])
