"""Bound the memory of a very large frame: portfolios do not touch each other, so a batch of them is sized at a time."""

from collections.abc import Iterator, Mapping

import polars as pl

from sizing.keys import code_among
from sizing.limit_columns import LimitsByPortfolio
from sizing.limits import RebalancingLimits

_BATCH_ROWS = 250_000
"""Rows of a batch: the working columns of so many take well under a gigabyte."""

Batch = tuple[pl.DataFrame, LimitsByPortfolio]


def batches(selected: pl.DataFrame, limits: LimitsByPortfolio) -> Iterator[Batch]:
    """Give whole portfolios, about a quarter of a million rows at a time, by portfolio_id, with their limits.

    Portfolios that only `limits` names come in the batch where their name belongs.
    """
    if selected.height <= _BATCH_ROWS:
        yield selected, limits
        return
    named = pl.Series("portfolio_id", [] if isinstance(limits, RebalancingLimits) else list(limits), dtype=pl.String)
    names = pl.concat([selected["portfolio_id"].unique(), named]).unique().sort()
    keyed = selected.with_columns(batch=code_among(selected["portfolio_id"], names))
    batch = _batch_of(keyed["batch"], names.len())
    parts = keyed.with_columns(batch=batch.gather(keyed["batch"])).partition_by(
        "batch", include_key=False, as_dict=True
    )
    for number in batch.unique(maintain_order=True):
        yield parts.pop((number,), selected.clear()), _limits_of(names.filter(batch == number), limits)


def _batch_of(keys: pl.Series, n_portfolios: int) -> pl.Series:
    """Give the batch of each portfolio, by its key."""
    counts = keys.value_counts(name="rows")
    rows = pl.zeros(n_portfolios, pl.UInt32, eager=True).scatter(counts["batch"], counts["rows"])
    return rows.cum_sum() // _BATCH_ROWS


def _limits_of(names: pl.Series, limits: LimitsByPortfolio) -> LimitsByPortfolio:
    if not isinstance(limits, Mapping):
        return limits
    return {name: limits[name] for name in names if name in limits}
