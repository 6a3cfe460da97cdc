"""Bound the memory of a very large frame: portfolios do not touch each other, so a batch of them is sized at a time."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from sizing.frames.limit_columns import LimitsByPortfolio

_BATCH_ROWS = 250_000
"""Rows of a batch: the working columns of so many take well under a gigabyte."""


class Batch(NamedTuple):
    """Whole portfolios of a frame, by row number (none: all rows), with the limits of just these."""

    frame: pl.DataFrame
    rows: pl.Series | None
    limits: LimitsByPortfolio

    def selected(self) -> pl.DataFrame:
        """Return the rows of the batch. Gathered where they are sized, so that batches run in parallel."""
        return self.frame if self.rows is None else self.frame[self.rows]


def batches(selected: pl.DataFrame, limits: LimitsByPortfolio) -> Iterator[Batch]:
    """Yield whole portfolios, about a quarter of a million rows at a time, by portfolio_id, with their limits.

    Portfolios that only `limits` names come in the batch where their name belongs.
    """
    if selected.height <= _BATCH_ROWS:
        yield Batch(selected, None, limits)
        return
    names = list(limits) if isinstance(limits, Mapping) else []
    named = pl.DataFrame({"portfolio_id": names}, schema={"portfolio_id": pl.String})
    numbered = (
        selected.select("portfolio_id")
        .with_row_index("row")
        .group_by("portfolio_id")
        .agg("row")
        .join(named, on="portfolio_id", how="full", coalesce=True)
        .sort("portfolio_id")
        .with_columns(batch=pl.col("row").list.len().fill_null(0).cum_sum() // _BATCH_ROWS)
    )
    for part in numbered.partition_by("batch", maintain_order=True):
        rows = part["row"].explode(empty_as_null=False, keep_nulls=False)
        if isinstance(limits, Mapping):
            yield Batch(selected, rows, {name: limits[name] for name in part["portfolio_id"] if name in limits})
        else:
            yield Batch(selected, rows, limits)
