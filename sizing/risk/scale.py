"""The volatility of a whole portfolio, and the scale that brings it down to its target (docs/risk.md 5).

f are the weights that sizing may choose, p the pinned ones; their returns r_f, r_p over complete sessions, in which
every name has a return. With a = var(r_f), b = cov(r_f, r_p), e = var(r_p), exponentially weighted with mean 0:

    volatility(k) = sqrt(a k^2 + 2 b k + e) <= target:  k = min(1, the larger root), if some k in [0, 1] does,
    else the k of least volatility, clip(-b / a, 0, 1), which is as near as the pinned weights let it come

What does not belong here: how a scaled weight is rounded.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.frames.sorted_groups import starts
from sizing.frames.weight_units import SNAP, UNITS, as_fraction
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.limits.model import RebalancingLimits
from sizing.risk.return_window import SESSIONS_A_YEAR, Flags, Floats, ReturnWindow, decay, sum_sessions

_CHUNK_ROWS = 20_000
"""Positions at a time: their returns of a year take 40 MB."""

SCALES = {"unscaled_volatility": pl.Float64, "risk_scale": pl.Float64, "n_sessions": pl.Int32}
"""What is found of a portfolio before it is scaled."""

SHARES = {"risk_share": pl.Float64, "portfolio_volatility": pl.Float64}
"""What is found of its positions after it."""

_PORTFOLIOS = {
    "portfolio_id": pl.String,
    "number": pl.UInt32,
    "target_volatility": pl.Float64,
    "min_observations": pl.Int64,
}


class _Horizon(NamedTuple):
    """Over which sessions the volatility of a portfolio is taken, and how they count."""

    day: date
    half_life_days: int
    window_days: int

    @classmethod
    def of(cls, day: date, limits: RebalancingLimits) -> Self:
        return cls(day, limits.volatility_half_life_days, limits.volatility_window_days)


class _Chunk(NamedTuple):
    """Whole portfolios: their positions, and where in the positions each portfolio starts."""

    rows: pl.DataFrame
    starts: npt.NDArray[np.int64]
    returns: Floats
    is_complete: Flags
    weights: Floats

    def total(self, of_positions: Floats) -> Floats:
        """Return the sum over the positions of each portfolio, a row a portfolio, a column a session."""
        return np.add.reduceat(of_positions, self.starts, axis=0)

    def mean(self, of_sessions: Floats) -> Floats:
        """Return the weighted mean over the complete sessions of each portfolio; 0 where there are none."""
        counted = sum_sessions(self.is_complete.T.astype(float), self.weights)
        total = sum_sessions((of_sessions * self.is_complete).T, self.weights)
        return np.divide(total, counted, out=np.zeros_like(total), where=counted > 0)

    @property
    def portfolios(self) -> pl.DataFrame:
        """The first position of each portfolio."""
        return self.rows[self.starts]


class PortfolioReturns(NamedTuple):
    """The returns by which portfolios are measured, and which of them each portfolio reads."""

    portfolios: pl.DataFrame
    windows: tuple[tuple[ReturnWindow, Floats], ...]

    @classmethod
    def of(cls, inputs: DayInputs) -> Self:
        """Return those of a day. Portfolios whose limits read no returns have none."""
        read = {
            name: _Horizon.of(inputs.day_of(name), one)
            for name, one in sorted(inputs.limits.items())
            if one.reads_returns
        }
        if not read:
            return cls(pl.DataFrame(schema=_PORTFOLIOS), ())
        horizons = tuple(dict.fromkeys(read.values()))
        number_of = {one: number for number, one in enumerate(horizons)}
        returns = ReturnWindow.of(inputs.returns, inputs.sessions)
        windows = [returns.until(one.day, one.window_days) for one in horizons]
        rows = [
            (name, number_of[one], inputs.limits[name].target_volatility, inputs.limits[name].min_observations)
            for name, one in read.items()
        ]
        return cls(
            pl.DataFrame(rows, _PORTFOLIOS, orient="row"),
            tuple(
                (window, decay(len(window.sessions), one.half_life_days))
                for window, one in zip(windows, horizons, strict=True)
            ),
        )

    def find_scales(self, positions: pl.DataFrame) -> pl.DataFrame:
        """Return `portfolio_id, unscaled_volatility` (a year), `risk_scale` (k, null: no target), `n_sessions`.

        *Requires* `portfolio_id, asset, weight, volatility, is_pinned`. Positions without a volatility are left out.
        With fewer complete sessions than min_observations there is no volatility, and k is 1.
        """
        parts = [pl.DataFrame(schema={"portfolio_id": pl.String, **SCALES})]
        for chunk in self._chunks(positions):
            weight, is_pinned = chunk.rows["weight"].to_numpy(), chunk.rows["is_pinned"].to_numpy()
            free = chunk.total(chunk.returns * (weight * ~is_pinned)[:, np.newaxis])
            pinned = chunk.total(chunk.returns * (weight * is_pinned)[:, np.newaxis])
            a, b, e = (SESSIONS_A_YEAR * chunk.mean(one) for one in (free * free, free * pinned, pinned * pinned))
            measured = chunk.portfolios.select(
                "portfolio_id",
                "target_volatility",
                n_sessions=pl.Series(chunk.is_complete.sum(axis=1, dtype=np.int32)),
                unscaled_volatility=pl.Series(np.sqrt(np.maximum(a + 2 * b + e, 0))),
                k=pl.Series(_scale(a, b, e, chunk.portfolios["target_volatility"].fill_null(np.inf).to_numpy())),
                is_enough=pl.Series(chunk.is_complete.sum(axis=1)) >= pl.col("min_observations"),
            )
            units = (pl.col("k") * UNITS + SNAP).floor()
            parts.append(
                measured.with_columns(
                    unscaled_volatility=pl.when("is_enough").then("unscaled_volatility"),
                    risk_scale=pl.when(pl.col("target_volatility").is_not_null()).then(
                        pl.when("is_enough").then(as_fraction(units)).otherwise(1.0)
                    ),
                ).select("portfolio_id", *SCALES)
            )
        return pl.concat(parts)

    def find_shares(self, positions: pl.DataFrame) -> pl.DataFrame:
        """Return `portfolio_id, asset, risk_share, portfolio_volatility` of every position that has a volatility.

        w_i sum(l^k r_i r) / sum(l^k r^2) with r the return of the portfolio over complete sessions: they add up to 1.
        *Requires* what `find_scales` requires.
        """
        parts = [pl.DataFrame(schema={"portfolio_id": pl.String, "asset": pl.String, **SHARES})]
        for chunk in self._chunks(positions):
            weight = chunk.rows["weight"].to_numpy()[:, np.newaxis]
            of_positions = chunk.returns * weight
            portfolio = chunk.total(of_positions)
            sizes = np.diff(np.append(chunk.starts, chunk.rows.height))
            counted = np.repeat(portfolio * chunk.is_complete, sizes, axis=0)
            own = sum_sessions((of_positions * counted).T, chunk.weights)
            whole = np.repeat(np.add.reduceat(own, chunk.starts), sizes)
            volatility = np.sqrt(SESSIONS_A_YEAR * chunk.mean(portfolio * portfolio))
            is_enough = np.repeat(chunk.is_complete.sum(axis=1), sizes) >= chunk.rows["min_observations"].to_numpy()
            shares = np.divide(own, whole, out=np.full_like(own, np.nan), where=is_enough & (whole > 0))
            measured = chunk.rows.select(
                "portfolio_id",
                "asset",
                risk_share=pl.Series(shares).fill_nan(None),
                portfolio_volatility=pl.when(pl.Series(is_enough)).then(pl.Series(np.repeat(volatility, sizes))),
            )
            parts.append(measured)
        return pl.concat(parts)

    def _chunks(self, positions: pl.DataFrame) -> Iterator[_Chunk]:
        """Yield the positions that count, by portfolio and asset, some whole portfolios at a time."""
        counted = (
            positions.filter((pl.col("weight") > WEIGHT_TOLERANCE) & pl.col("volatility").is_not_null())
            .join(self.portfolios, on="portfolio_id", how="inner")
            .sort("number", "portfolio_id", "asset")
        )
        for number, (window, weights) in enumerate(self.windows):
            own = counted.filter(pl.col("number") == number)
            if own.is_empty():
                continue
            first = own.select(pl.arg_where(starts("portfolio_id"))).to_series().to_numpy().astype(np.int64)
            ends = np.append(first[1:], own.height)
            for part in np.unique(ends // _CHUNK_ROWS):
                mine = np.flatnonzero(ends // _CHUNK_ROWS == part)
                rows = own[int(first[mine[0]]) : int(ends[mine[-1]])]
                columns = window.columns_of(rows["asset"])
                at = first[mine] - first[mine[0]]
                is_complete = np.logical_and.reduceat(window.is_there.T[columns], at, axis=0)
                yield _Chunk(rows, at, window.returns.T[columns], is_complete, weights)


def _scale(a: Floats, b: Floats, e: Floats, target: Floats) -> Floats:
    """Return k of each portfolio, before it is rounded down."""
    moves = a > 0
    lowest = np.clip(np.divide(-b, a, out=np.ones_like(a), where=moves), 0, 1)
    excess = e - target**2
    is_attainable = (a * lowest + 2 * b) * lowest + excess <= 0
    root = np.sqrt(np.maximum(b * b - a * np.where(np.isfinite(excess), excess, 0), 0))
    larger = np.divide(root - b, a, out=np.ones_like(a), where=moves)
    is_met = a + 2 * b + excess <= 0
    return np.where(is_met | ~moves, 1.0, np.where(is_attainable, np.clip(larger, 0, 1), lowest))


NO_PORTFOLIO_RETURNS = PortfolioReturns(pl.DataFrame(schema=_PORTFOLIOS), ())
"""No portfolio is measured."""
