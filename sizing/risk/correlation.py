"""Correlations of the selected names, and how crowded each of them is (docs/risk.md 3).

    rho_ij = sum(l^k r_i r_j) / sqrt(sum(l^k r_i^2) sum(l^k r_j^2)), all three over the sessions common to both
    n_i = max(min_crowding, 1 + sum over j of (1 - d) rho_ij + d x mean of all rho)

Matrix products are quick, but add in an order that is the machine's. So what is multiplied are whole numbers, small
enough that every sum of products is exact in a double: then no order changes a bit. A return takes two of them, of 21
bits each (Ozaki, Ogita, Oishi, Rump, Numerical Algorithms 2012). Only names that a portfolio holds together are paired.
What does not belong here: what crowding does to a weight.
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
"""Units in a correlation of 1: a crowding is a sum of whole units, in any order."""

_CLOSEST = 3
"""How many names that move with a name are named."""

_BITS = 21
"""Of a whole number: sums over 1,000 sessions of products of two stay below 2^53."""

_CHUNK_CELLS = 2_000_000
"""Returns and correlations at a time: a chunk takes a few hundred MB."""

_KEY = ["portfolio_id", "asset"]
_FOUND = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "crowding": pl.Float64,
    "moves_with": pl.String,
    "n_unknown_correlations": pl.Int32,
}
_SETTINGS = {"portfolio_id": pl.String, "number": pl.UInt32, "shrinkage": pl.Float64, "least": pl.Float64}
_Integers = npt.NDArray[np.int64]


class _Basis(NamedTuple):
    """What correlations depend on."""

    day: date
    half_life_days: int
    window_days: int
    min_observations: int

    @classmethod
    def of(cls, day: date, limits: RebalancingLimits) -> Self:
        return cls(day, limits.correlation_half_life_days, limits.volatility_window_days, limits.min_observations)


def add_crowding(selected: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the selected assets with what moves with them.

    *Requires* `portfolio_id, asset, volatility`. *Adds* `crowding` (in names; null where it is not read or the name has
    no volatility), `moves_with` (the names that it moves with most, in words) and `n_unknown_correlations` (pairs of
    the portfolio without enough common sessions, which count as the mean of the others).
    """
    read = {
        portfolio_id: (_Basis.of(inputs.day_of(portfolio_id), one), one)
        for portfolio_id, one in sorted(inputs.limits.items())
        if one.correlation_mode == "crowding"
    }
    if not read:
        return selected.with_columns(
            pl.lit(None, kind).alias(name) for name, kind in _FOUND.items() if name not in _KEY
        )
    bases = tuple(dict.fromkeys(basis for basis, _ in read.values()))
    number_of = {basis: number for number, basis in enumerate(bases)}
    settings = pl.DataFrame(
        [(name, number_of[basis], one.correlation_shrinkage, one.min_crowding) for name, (basis, one) in read.items()],
        _SETTINGS,
        orient="row",
    )
    names = selected.drop_nulls("volatility").select(_KEY).join(settings, on="portfolio_id").sort(_KEY)
    found, returns = [pl.DataFrame(schema=_FOUND)], ReturnWindow.of(inputs.returns, inputs.sessions)
    for number, basis in enumerate(bases):
        own = names.filter(pl.col("number") == number)
        found += _crowding(own, returns.until(basis.day, basis.window_days), basis)
    return selected.join(pl.concat(found), on=_KEY, how="left", maintain_order="left")


def _crowding(names: pl.DataFrame, window: ReturnWindow, basis: _Basis) -> Iterator[pl.DataFrame]:
    """Yield what is found, some portfolios at a time. *Requires* names by portfolio and asset."""
    factors = Factors.of(window, basis.half_life_days)
    table = names.with_columns(
        column=pl.Series(window.columns_of(names["asset"])),
        place=pl.int_range(pl.len()).over("portfolio_id"),
        size=pl.len().over("portfolio_id"),
    )
    cells = pl.col("size") * (len(window.sessions) + pl.col("size"))
    portfolios = table.filter(pl.col("place") == 0).sort("size", "portfolio_id").with_columns(cells.alias("cells"))
    parts = portfolios.with_columns(part=pl.col("cells").cum_sum() // _CHUNK_CELLS)
    for part in parts.partition_by("part", maintain_order=True):
        numbered = part.select("portfolio_id").with_row_index("portfolio")
        rows = table.join(numbered, on="portfolio_id", how="inner", maintain_order="left")
        place = (rows["portfolio"].to_numpy(), rows["place"].to_numpy())
        columns = np.full((part.height, part["size"].to_numpy().max()), -1)
        columns[place] = rows["column"].to_numpy()
        units = factors.correlate(columns, basis.min_observations)
        yield _measure(rows, units, place)


class Factors(NamedTuple):
    """The returns of a window as whole numbers, an asset a row, and one row more of zeros for no asset."""

    high: Floats
    low: Floats
    squares: Floats
    is_there: Floats

    @classmethod
    def of(cls, window: ReturnWindow, half_life_days: int) -> Self:
        """Return r x l^(k/2) of each asset, by its largest, in two parts of 21 bits; and its square in 42."""
        weighted = (window.returns * np.sqrt(decay(len(window.sessions), half_life_days))[:, np.newaxis]).T
        weighted = np.vstack([weighted, np.zeros(weighted.shape[1])])
        largest = np.abs(weighted).max(axis=1, initial=0)
        scaled = np.ldexp(weighted, -np.frexp(largest)[1][:, np.newaxis] + _BITS)
        high = np.rint(scaled)
        is_there = np.vstack([window.is_there.T, np.zeros(weighted.shape[1], dtype=bool)])
        return cls(high, np.rint(np.ldexp(scaled - high, _BITS)), np.rint(scaled**2), is_there.astype(float))

    def correlate(self, columns: _Integers, min_observations: int) -> _Integers:
        """Return the correlation of every two columns of each row, in units; `UNKNOWN`: none, or with itself.

        Unknown are pairs with too few common sessions, or of which one does not move in them. Column -1: no asset.
        """
        high, low, is_there = self.high[columns], self.low[columns], self.is_there[columns]
        cross = _product(high, low)
        covariance = _product(high, high) + np.ldexp(cross + cross.swapaxes(1, 2), -_BITS)
        covariance += np.ldexp(_product(low, low), -2 * _BITS)
        variance = _product(self.squares[columns], is_there)
        scale = np.sqrt(variance * variance.swapaxes(1, 2))
        is_known = (_product(is_there, is_there) >= min_observations) & (scale > 0)
        is_known &= ~np.eye(columns.shape[1], dtype=bool)
        ratio = np.divide(covariance, scale, out=np.zeros_like(scale), where=is_known)
        units = np.rint(np.clip(ratio, -1, 1) * CORRELATION_UNITS).astype(np.int64)
        return np.where(is_known, units, UNKNOWN)


UNKNOWN = -2 * CORRELATION_UNITS
"""What stands for a correlation that is not known: below all that are."""


def _product(left: Floats, right: Floats) -> Floats:
    """Return the sum over sessions of what every two rows of each matrix multiply to."""
    product: Floats = np.matmul(left, right.swapaxes(1, 2))
    return product


def _measure(rows: pl.DataFrame, units: _Integers, place: tuple[_Integers, _Integers]) -> pl.DataFrame:
    """Return what the correlations of a chunk come to, for each name."""
    is_known, sizes = units != UNKNOWN, np.bincount(place[0], minlength=len(units))
    known, n_known = np.where(is_known, units, 0).sum(axis=2), is_known.sum(axis=2)
    n_pairs, n_all = sizes * (sizes - 1), n_known.sum(axis=1)
    mean = known.sum(axis=1) / np.maximum(n_all, 1)
    of_names = pl.DataFrame(
        {
            "known": known[place],
            "n_known": n_known[place],
            "mean": mean[place[0]],
            "n_unknown_correlations": ((n_pairs - n_all) // 2)[place[0]].astype(np.int32),
        }
    )
    d, n_others = pl.col("shrinkage"), pl.col("size") - 1
    unshrunk = pl.col("known") + (n_others - pl.col("n_known")) * pl.col("mean")
    crowding = 1 + ((1 - d) * unshrunk + d * n_others * pl.col("mean")).round() / CORRELATION_UNITS
    return (
        rows.hstack(of_names)
        .with_columns(
            crowding=pl.max_horizontal("least", crowding.round(8)), moves_with=_name_closest(rows, units, place)
        )
        .select(*_FOUND)
    )


def _name_closest(rows: pl.DataFrame, units: _Integers, place: tuple[_Integers, _Integers]) -> pl.Series:
    """Name the names that each name moves with most, with their correlations; equal ones by name."""
    names = np.full(units.shape[:2], "", dtype=object)
    names[place] = rows["asset"].to_numpy()
    nearest = np.argsort(-units, axis=2, kind="stable")[:, :, :_CLOSEST]
    closest = np.take_along_axis(units, nearest, axis=2)[place]
    who = names[place[0][:, np.newaxis], nearest[place]]
    words = [
        pl.when(pl.Series(units_of) != UNKNOWN).then(
            pl.format("{} {}", pl.Series(names_of, dtype=pl.String), (pl.Series(units_of) / CORRELATION_UNITS).round(2))
        )
        for names_of, units_of in zip(who.T, closest.T, strict=True)
    ]
    joined = pl.concat_str(words, separator=", ", ignore_nulls=True)
    return pl.select(pl.when(joined != "").then(joined)).to_series()
