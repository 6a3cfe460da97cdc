"""The returns of the newest sessions as one table: a column an asset, a row a session, so that sums run down sessions.

Every sum over sessions adds whole rows, the newest first: the same order, and so the same last bit, on any machine
and with any number of threads.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sizing.frames.integer_keys import code_among
from sizing.risk.returns import distance

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SESSIONS_A_YEAR = 252
"""Of every exchange."""


class ReturnWindow(NamedTuple):
    """Returns by session, the newest first, and asset, by name. Where `is_there` is false, the return is written 0."""

    assets: pl.Series
    sessions: Sequence[date]
    returns: Floats
    is_there: Flags
    distance: Floats

    @classmethod
    def of(cls, returns: pl.DataFrame, sessions: Sequence[date]) -> Self:
        """Return the table of `SessionReturns`. *Requires* consecutive sessions, the newest last."""
        assets, newest_first = returns["asset"].unique().sort(), tuple(reversed(sessions))
        ages = pl.DataFrame({"session": newest_first}, schema={"session": pl.Date}).with_row_index("age")
        rows = returns.with_columns(distance(), column=code_among(returns["asset"], assets)).join(ages, on="session")
        shape, place = (len(newest_first), assets.len()), (rows["age"].to_numpy(), rows["column"].to_numpy())
        table, is_there, distances = np.zeros(shape), np.zeros(shape, dtype=bool), np.zeros(shape)
        table[place], is_there[place] = rows["session_return"].to_numpy(), True
        distances[place] = rows["distance"].to_numpy()
        return cls(assets, newest_first, table, is_there, distances)

    def until(self, day: date, n_sessions: int) -> Self:
        """Return the newest sessions up to a day, as many as there are, at most `n_sessions`."""
        first = sum(session > day for session in self.sessions)
        part = slice(first, first + n_sessions)
        return self._replace(
            sessions=self.sessions[part],
            returns=self.returns[part],
            is_there=self.is_there[part],
            distance=self.distance[part],
        )

    def columns_of(self, assets: pl.Series) -> npt.NDArray[np.int64]:
        """Return the column of each asset. *Raises* `polars.exceptions.PolarsError` for one that has no return."""
        return code_among(assets, self.assets).to_numpy().astype(np.int64)


def decay(n_sessions: int, half_life_days: int) -> Floats:
    """Return l^k of each age k, with l = 2^(-1 / half-life): what the return of that age counts."""
    steps = np.full(n_sessions, 2 ** (-1 / half_life_days))
    steps[:1] = 1.0
    return np.cumprod(steps)


def sum_sessions(values: Floats, weights: Floats) -> Floats:
    """Return the weighted sum of the rows, one after the other."""
    total = np.zeros(values.shape[1])
    for row, weight in zip(values, weights, strict=True):
        total += weight * row
    return total
