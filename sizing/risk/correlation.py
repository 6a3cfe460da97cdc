"""Correlations of the selected names, and how crowded each of them is (docs/risk.md 3).

    rho_ij = sum(l^k r_i r_j) / sqrt(sum(l^k r_i^2) sum(l^k r_j^2)), all three over the sessions common to both
    n_i = max(min_crowding, 1 + sum over j of (1 - d) rho_ij + d x mean of all rho)

Only pairs that some portfolio holds together are computed, each once for all portfolios. A correlation is a whole
number of 1e-8, so that no order of summing changes a crowding. What does not belong here: what crowding does to a
weight.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.limits.model import RebalancingLimits
from sizing.risk.return_window import Floats, ReturnWindow, decay

CORRELATION_UNITS = 10**8
"""Units in a correlation of 1."""

CLOSEST = 3
"""How many names that move with a name are named."""

_CHUNK = 32_768
"""Pairs at a time: what a session adds to so many stays in the cache of a core."""

_KEY = ["portfolio_id", "asset"]
_Columns = npt.NDArray[np.int64]


class Correlations(NamedTuple):
    """What correlations depend on."""

    day: date
    half_life_days: int
    window_days: int
    min_observations: int

    @classmethod
    def of(cls, day: date, limits: RebalancingLimits) -> Self:
        """Return what a portfolio reads."""
        return cls(day, limits.correlation_half_life_days, limits.volatility_window_days, limits.min_observations)


def add_crowding(selected: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the selected assets with what moves with them.

    *Requires* `portfolio_id, asset, volatility`. *Adds* `crowding` (in names; null where it is not read or the name has
    no volatility), `moves_with` (the names that it moves with most, in words) and `n_unknown_correlations` (pairs of
    the portfolio without enough common sessions, which count as the mean of the others).
    """
    read = {
        portfolio_id: (Correlations.of(inputs.days.get(portfolio_id, inputs.as_of_date), one), one)
        for portfolio_id, one in sorted(inputs.limits.items())
        if one.correlation_mode == "crowding"
    }
    if not read:
        return selected.with_columns(
            crowding=pl.lit(None, pl.Float64),
            moves_with=pl.lit(None, pl.String),
            n_unknown_correlations=pl.lit(None, pl.Int32),
        )
    number_of = {one: number for number, one in enumerate(dict.fromkeys(one for one, _ in read.values()))}
    settings = pl.DataFrame(
        [
            (portfolio_id, number_of[one], limits.correlation_shrinkage, limits.min_crowding)
            for portfolio_id, (one, limits) in read.items()
        ],
        {"portfolio_id": pl.String, "number": pl.UInt32, "shrinkage": pl.Float64, "min_crowding": pl.Float64},
        orient="row",
    )
    names = selected.drop_nulls("volatility").select(_KEY).join(settings, on="portfolio_id", maintain_order="left")
    pairs = _correlated(_pairs(names), list(number_of), ReturnWindow.of(inputs.returns, inputs.sessions))
    return selected.join(_crowding(names, pairs), on=_KEY, how="left", maintain_order="left").join(
        _unknown(settings, pairs), on="portfolio_id", how="left", maintain_order="left"
    )


def _pairs(names: pl.DataFrame) -> pl.DataFrame:
    """Return every two names of a portfolio, each pair once."""
    keyed = names.select("portfolio_id", "number", "asset")
    return keyed.join(keyed.select("portfolio_id", other="asset"), on="portfolio_id").filter(
        pl.col("asset") < pl.col("other")
    )


def _correlated(pairs: pl.DataFrame, settings: list[Correlations], returns: ReturnWindow) -> pl.DataFrame:
    """Add `units`, the correlation of each pair in units; null: too few common sessions, or one does not move."""
    distinct = pairs.select("number", "asset", "other").unique(maintain_order=True)
    parts = [distinct.clear().with_columns(units=pl.lit(None, pl.Int64))]
    for number, one in enumerate(settings):
        own = distinct.filter(pl.col("number") == number)
        window = returns.until(one.day, one.window_days)
        columns = window.columns_of(own["asset"]), window.columns_of(own["other"])
        units = correlate(window, *columns, one.half_life_days, one.min_observations)
        parts.append(own.with_columns(units=units))
    return pairs.join(pl.concat(parts), on=["number", "asset", "other"], how="left")


def correlate(
    window: ReturnWindow, left: _Columns, right: _Columns, half_life_days: int, min_observations: int
) -> pl.Series:
    """Return the correlation of each pair of columns in units of 1e-8; null where there is none."""
    weights, is_there = decay(len(window.sessions), half_life_days), window.is_there.astype(float)
    weighted, squares = window.returns * weights[:, np.newaxis], window.returns**2 * weights[:, np.newaxis]
    parts = [pl.Series(dtype=pl.Int64)]
    for chunk in _chunks(len(left)):
        a, b = left[chunk], right[chunk]
        of_a, of_b = _product(squares, is_there, a, b), _product(is_there, squares, a, b)
        scale = np.sqrt(of_a * of_b)
        is_known = (_product(is_there, is_there, a, b) >= min_observations) & (scale > 0)
        ratio = np.divide(_product(weighted, window.returns, a, b), scale, out=np.zeros_like(scale), where=is_known)
        units = np.rint(np.clip(ratio, -1, 1) * CORRELATION_UNITS).astype(np.int64)
        parts.append(pl.select(pl.when(pl.Series(is_known)).then(pl.Series(units))).to_series())
    return pl.concat(parts)


def _product(left: Floats, right: Floats, a: _Columns, b: _Columns) -> Floats:
    """Return the sum over sessions, one after the other, of column a of the left times column b of the right."""
    total = np.zeros(len(a))
    for one, other in zip(left, right, strict=True):
        total += one[a] * other[b]
    return total


def _chunks(n: int) -> Iterator[slice]:
    return (slice(first, first + _CHUNK) for first in range(0, n, _CHUNK))


def _crowding(names: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return `portfolio_id, asset, crowding, moves_with`."""
    mean = pairs.group_by("portfolio_id").agg(mean=pl.col("units").mean() / CORRELATION_UNITS)
    both = pl.concat([pairs, pairs.rename({"asset": "other", "other": "asset"}).select(pairs.columns)])
    own = both.group_by(_KEY).agg(
        known=pl.col("units").sum() / CORRELATION_UNITS,
        n_unknown=pl.col("units").null_count(),
        n_others=pl.len(),
        moves_with=_closest(),
    )
    d, others = pl.col("shrinkage"), pl.col("n_others").fill_null(0)
    unshrunk = pl.col("known").fill_null(0) + pl.col("n_unknown").fill_null(0) * pl.col("mean")
    crowding = 1 + (1 - d) * unshrunk + d * others * pl.col("mean")
    return (
        names.join(mean, on="portfolio_id", how="left", maintain_order="left")
        .with_columns(pl.col("mean").fill_null(0.0))
        .join(own, on=_KEY, how="left", maintain_order="left")
        .select(*_KEY, crowding=pl.max_horizontal("min_crowding", crowding.round(8)), moves_with="moves_with")
    )


def _closest() -> pl.Expr:
    """Name the names that a name moves with most, with their correlations."""
    order = pl.arg_sort_by(-pl.col("units"), "other", nulls_last=True)
    written = pl.format("{} {}", "other", (pl.col("units") / CORRELATION_UNITS).round(2))
    return written.gather(order).drop_nulls().head(CLOSEST).str.join(", ")


def _unknown(settings: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    unknown = pairs.group_by("portfolio_id").agg(n_unknown_correlations=pl.col("units").null_count().cast(pl.Int32))
    return (
        settings.select("portfolio_id")
        .join(unknown, on="portfolio_id", how="left")
        .with_columns(pl.col("n_unknown_correlations").fill_null(0))
    )
