"""Bound the memory of a very large frame: portfolios do not touch each other, so a batch of them is sized at a time."""

from collections.abc import Iterator, Mapping

import polars as pl

from sizing.limit_columns import LimitsByPortfolio
from sizing.limits import RebalancingLimits

_BATCH_ROWS = 500_000
"""Rows of a batch: the working columns of so many take well under a gigabyte."""


def batches(selected: pl.DataFrame, limits: LimitsByPortfolio) -> Iterator[tuple[pl.DataFrame, LimitsByPortfolio]]:
    """Give whole portfolios of about half a million rows at a time, in the order of portfolio_id, with their limits.

    Portfolios that only `limits` names come in the batch where their name belongs.
    """
    if selected.height <= _BATCH_ROWS:
        yield selected, limits
        return
    named = pl.DataFrame({"portfolio_id": _names(limits)}, schema={"portfolio_id": pl.String})
    sizes = selected.group_by("portfolio_id").len()
    numbered = (
        sizes.join(named, on="portfolio_id", how="full", coalesce=True)
        .sort("portfolio_id")
        .select("portfolio_id", batch=pl.col("len").fill_null(0).cum_sum() // _BATCH_ROWS)
    )
    parts = selected.join(numbered, on="portfolio_id", how="left", maintain_order="left").partition_by(
        "batch", include_key=False, as_dict=True
    )
    for (batch,), names in numbered.partition_by("batch", as_dict=True, maintain_order=True).items():
        part = parts.pop((batch,), selected.clear())
        yield part, _limits_of(names["portfolio_id"], limits)


def _names(limits: LimitsByPortfolio) -> list[str]:
    return [] if isinstance(limits, RebalancingLimits) else list(limits)


def _limits_of(names: pl.Series, limits: LimitsByPortfolio) -> LimitsByPortfolio:
    if not isinstance(limits, Mapping):
        return limits
    return {name: limits[name] for name in names if name in limits}
