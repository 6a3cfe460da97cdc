"""Small days with returns: what happened to each name by age, newest first, and the answers of the rules by asset.

`made_of` returns series whose volatilities and correlations are exactly those that a test asks for.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import fsum
from typing import Any

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance
from tests.sizing.days import AS_OF, WIDE, a_day
from tests.sizing.risk.reference import SESSIONS_OF_A_YEAR, Observed, Return, decay

RETURNS = {"asset": pl.String, "session": pl.Date, "session_return": pl.Float64, "is_given": pl.Boolean}
VOLATILITIES = {"model": pl.String, "asset": pl.String, "score_date": pl.Date, "volatility": pl.Float64}

HALF_LIFE = 40
SESSIONS = 80
"""Returns that a name has unless a test says otherwise."""

FREE = {
    **WIDE,
    "sizing_mode": "equal_weight",
    "min_position_size": 0.0,
    "residual_strategy": "proportional",
    "max_residual_per_asset": 1,
    "max_residual_multiple": None,
    "correlation_half_life_days": HALF_LIFE,
    "correlation_shrinkage": 0.0,
}
"""Limits under which a weight is what the formulas of docs/risk.md 3 say: equal scores, no floor, growth unlimited."""

Series = Sequence[float | None]
"""Returns of one name, newest first; None: there is none."""


def sessions_of(number: int) -> tuple[date, ...]:
    """Return consecutive weekdays, oldest first, the last of which is the day."""
    found, day = [], AS_OF
    while len(found) < number:
        if day.isoweekday() <= 5:
            found.append(day)
        day -= timedelta(days=1)
    return tuple(reversed(found))


def observe(series: Mapping[str, Series | Mapping[int, Return]]) -> dict[str, Observed]:
    """Return the same for the reference: returns by age."""
    return {
        asset: of
        if isinstance(of, Mapping)
        else {age: Return(value) for age, value in enumerate(of) if value is not None}
        for asset, of in series.items()
    }


def return_frame(observed: Mapping[str, Observed], sessions: Sequence[date]) -> pl.DataFrame:
    rows = [
        (asset, sessions[-1 - age], one.value, one.is_given)
        for asset, of in observed.items()
        for age, one in of.items()
    ]
    return pl.DataFrame(rows, schema=RETURNS, orient="row")


def risk_day(
    of: RebalancingLimits | Mapping[str, RebalancingLimits],
    series: Mapping[str, Series | Mapping[int, Return]],
    *,
    sessions: int | None = None,
    **day: Any,  # noqa: ANN401 - what a_day takes
) -> DayInputs:
    """Build one day with returns; every name with a series has score 0.8 unless the test gives scores."""
    observed = observe(series)
    oldest = max((age for of_one in observed.values() for age in of_one), default=0)
    days = sessions_of(oldest + 1 if sessions is None else sessions)
    day.setdefault("scores", dict.fromkeys(series, 0.8))
    plain = a_day(of, **day)
    return with_frames(plain, returns=return_frame(observed, days), sessions=days)


def with_frames(day: DayInputs, **frames: object) -> DayInputs:
    return DayInputs(**{**day.frames._asdict(), **frames})


def weights_of(result: Rebalance, portfolio_id: str = "P") -> dict[str, float]:
    rows = result.targets.filter(pl.col("portfolio_id") == portfolio_id)
    return {row["asset"]: float(row["target_weight"]) for row in rows.iter_rows(named=True)}


def audit(result: Rebalance, portfolio_id: str = "P") -> dict[str, dict[str, Any]]:
    rows = result.sizing_audit.filter(pl.col("portfolio_id") == portfolio_id)
    return {row["asset"]: row for row in rows.iter_rows(named=True)}


def summary(result: Rebalance, portfolio_id: str = "P") -> dict[str, Any]:
    return result.sizing_summary.row(by_predicate=pl.col("portfolio_id") == portfolio_id, named=True)


def estimates(result: Rebalance) -> dict[str, dict[str, Any]]:
    """Return the estimates of a day that needs one kind of them."""
    rows = result.risk_estimates.to_dicts()
    named = {row["asset"]: row for row in rows}
    assert len(named) == len(rows), f"an asset has two estimates: {rows}"
    return named


def made_of(
    volatilities: Mapping[str, float],
    rho: Mapping[tuple[str, str], float] | None = None,
    half_life: float = HALF_LIFE,
    sessions: int = SESSIONS,
) -> dict[str, tuple[float, ...]]:
    """Return series with exactly these volatilities a year and correlations (0 unless given), to float noise.

    Waves are made orthonormal under the weights of their ages, one after the other, and mixed by the Cholesky factor.
    """
    names, given = list(volatilities), rho or {}
    weight = [decay(age, half_life) for age in range(sessions)]
    waves: list[list[float]] = []
    for number in range(len(names)):
        wave = [math.cos((2 * number + 1) * (age + 0.5) * math.pi / 7.3 + number) for age in range(sessions)]
        for other in waves:
            together = fsum(w * x * y for w, x, y in zip(weight, wave, other, strict=True)) / fsum(weight)
            wave = [x - together * y for x, y in zip(wave, other, strict=True)]
        size = math.sqrt(fsum(w * x * x for w, x in zip(weight, wave, strict=True)) / fsum(weight))
        waves.append([x / size for x in wave])
    correlated = [[1.0 if one == other else given.get((one, other), given.get((other, one), 0.0)) for other in names]
                  for one in names]  # fmt: skip
    factor = cholesky(correlated)
    daily = {name: volatilities[name] / math.sqrt(SESSIONS_OF_A_YEAR) for name in names}
    return {
        name: tuple(
            daily[name] * fsum(share * wave[age] for share, wave in zip(row, waves, strict=True))
            for age in range(sessions)
        )
        for name, row in zip(names, factor, strict=True)
    }


def cholesky(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the lower factor; a row that depends on those before it has a diagonal of 0."""
    n = len(matrix)
    factor = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - fsum(factor[i][k] * factor[j][k] for k in range(j))
            if i == j:
                factor[i][i] = math.sqrt(rest) if rest > 1e-12 else 0.0
            else:
                factor[i][j] = rest / factor[j][j] if factor[j][j] else 0.0
    return factor
