"""Volatilities of assets: estimated once for all portfolios that want the same estimate (docs/risk.md 2).

    s = sqrt(252 x sum(l^k r^2) / sum(l^k)),   l = 2^(-1 / half-life), k the age in sessions, own returns only

What does not belong here: what a volatility does to a weight.
"""

from datetime import date
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.limits.model import RebalancingLimits
from sizing.risk.return_window import SESSIONS_A_YEAR, ReturnWindow, decay, sum_sessions
from sizing.risk.returns import NOISE

ESTIMATE_DECIMALS = 8
"""Decimals of a stored estimate."""

OLDEST_LAST_RETURN = 5
"""Sessions that the last return may be old."""

LARGEST_VOLATILITY = 5
"""A year, fraction: what comes with a score and is larger came in percent."""

_Schema = dict[str, type[pl.DataType]]
_KEY: _Schema = {"estimate_key": pl.UInt32}
_PARAMETERS: _Schema = {
    "as_of_date": pl.Date,
    "source": pl.String,
    "model": pl.String,
    "half_life_days": pl.Int32,
    "window_days": pl.Int32,
    "min_observations": pl.Int32,
    "max_plausible_return": pl.Float64,
}
_FOUND: _Schema = {
    "asset": pl.String,
    "volatility": pl.Float64,
    "n_returns": pl.Int32,
    "last_return_date": pl.Date,
    "missing_reason": pl.String,
    "suspect_session": pl.Date,
}
ESTIMATE_COLUMNS = (*_PARAMETERS, *_FOUND)
"""An estimate: its parameters, null where its source has none, and what was found. Without a volatility,
`missing_reason` is one of no_returns, suspect_return, too_few_returns, old_returns, flat_prices, implausible."""


class Estimate(NamedTuple):
    """What a volatility depends on: of prices the parameters, of scores the model."""

    day: date
    source: str
    model: str | None = None
    half_life_days: int | None = None
    window_days: int | None = None
    min_observations: int | None = None
    max_plausible_return: float | None = None

    @classmethod
    def of(cls, day: date, limits: RebalancingLimits) -> Self:
        """Return what a portfolio reads."""
        if limits.volatility_source == "scores":
            return cls(day, "scores", limits.model)
        return cls(
            day,
            "prices",
            None,
            limits.volatility_half_life_days,
            limits.volatility_window_days,
            limits.min_observations,
            limits.max_plausible_return,
        )


def estimates_of(inputs: DayInputs) -> dict[str, Estimate]:
    """Return the estimate that each portfolio reads, of those whose limits read volatility."""
    return {
        portfolio_id: Estimate.of(inputs.day_of(portfolio_id), one)
        for portfolio_id, one in sorted(inputs.limits.items())
        if one.reads_volatility
    }


def estimate_volatilities(inputs: DayInputs) -> pl.DataFrame:
    """Return ESTIMATE_COLUMNS of every asset that is scored or held on the day, once for each set of parameters.

    *Adds* `estimate_key`, the number of the set among `estimates_of`, each counted once.
    """
    parts = [pl.DataFrame(schema=_KEY | _PARAMETERS | _FOUND)]
    read = tuple(dict.fromkeys(estimates_of(inputs).values()))
    if not read:
        return parts[0]
    wanted = _wanted(inputs).partition_by("day", as_dict=True, include_key=False)
    no_asset = pl.DataFrame(schema={"asset": pl.String})
    returns = ReturnWindow.of(inputs.returns, inputs.sessions)
    for number, one in enumerate(read):
        found = _from_scores(inputs, one) if one.source == "scores" else _from_prices(returns, one)
        parameters = pl.DataFrame([(number, *one)], _KEY | _PARAMETERS, orient="row")
        typed = found.select(pl.col(name).cast(kind) for name, kind in _FOUND.items())
        everyone = wanted.get((one.day,), no_asset).join(typed, on="asset", how="left", maintain_order="left")
        parts.append(
            parameters.join(everyone, how="cross").with_columns(
                n_returns=pl.col("n_returns") if one.source == "scores" else pl.col("n_returns").fill_null(0),
                missing_reason=pl.when(pl.col("volatility").is_null()).then(
                    pl.col("missing_reason").fill_null("no_returns")
                ),
            )
        )
    return pl.concat(parts)


def _wanted(inputs: DayInputs) -> pl.DataFrame:
    """Return `day, asset` of what is scored by a model that a portfolio follows, or held."""
    rows = [(name, one.model, inputs.day_of(name)) for name, one in inputs.limits.items()]
    days = pl.DataFrame(rows, {"portfolio_id": pl.String, "model": pl.String, "day": pl.Date}, orient="row")
    scored = inputs.scores.select("model", "asset").unique().join(days.select("model", "day").unique(), on="model")
    held = inputs.holdings.join(days, on="portfolio_id")
    return pl.concat([scored.select("day", "asset"), held.select("day", "asset")]).unique().sort("day", "asset")


def add_volatility(candidates: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return the candidates with the volatility that their portfolio reads.

    *Requires* `portfolio_id, asset`. *Adds* `volatility, n_returns`, null where none is read or there is none, and
    `lacks_volatility`: a limit reads it, and there is none.
    """
    read = estimates_of(inputs)
    if not read:
        nothing = {"volatility": pl.lit(None, pl.Float64), "n_returns": pl.lit(None, pl.Int32)}
        return candidates.with_columns(**nothing, lacks_volatility=pl.lit(value=False))
    number_of = {one: number for number, one in enumerate(dict.fromkeys(read.values()))}
    keys = [(portfolio_id, number_of[one]) for portfolio_id, one in read.items()]
    found = estimate_volatilities(inputs).select("estimate_key", "asset", "volatility", "n_returns")
    return (
        candidates.join(
            pl.DataFrame(keys, {"portfolio_id": pl.String, **_KEY}, orient="row"),
            on="portfolio_id",
            how="left",
            maintain_order="left",
        )
        .join(found, on=["estimate_key", "asset"], how="left", maintain_order="left")
        .with_columns(lacks_volatility=pl.col("estimate_key").is_not_null() & pl.col("volatility").is_null())
        .drop("estimate_key")
    )


def lacking_volatility(estimates: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Return `portfolio_id, asset` where a limit of the portfolio reads a volatility and the estimates have none."""
    rows = [(portfolio_id, *one) for portfolio_id, one in estimates_of(inputs).items()]
    read = pl.DataFrame(rows, {"portfolio_id": pl.String, **_PARAMETERS}, orient="row")
    missing = estimates.filter(pl.col("volatility").is_null())
    return read.join(missing, on=list(_PARAMETERS), nulls_equal=True).select("portfolio_id", "asset")


def _from_scores(inputs: DayInputs, one: Estimate) -> pl.DataFrame:
    """Return the volatility that came with the newest score of each asset."""
    came, nothing = pl.col("volatility").round(ESTIMATE_DECIMALS), pl.lit(None)
    return (
        inputs.volatilities.filter(pl.col("model") == one.model)
        .sort("score_date", descending=True)
        .unique("asset", keep="first", maintain_order=True)
        .select(
            "asset",
            volatility=pl.when((came > 0) & (came <= LARGEST_VOLATILITY)).then(came),
            n_returns=nothing,
            last_return_date=nothing,
            missing_reason=pl.when(came == 0)
            .then(pl.lit("flat_prices"))
            .when(came > LARGEST_VOLATILITY)
            .then(pl.lit("implausible")),
            suspect_session=nothing,
        )
    )


def _from_prices(returns: ReturnWindow, one: Estimate) -> pl.DataFrame:
    window = returns.until(one.day, one.window_days or 0)
    weights = decay(len(window.sessions), one.half_life_days or 1)
    n_returns = window.is_there.sum(axis=0, dtype=np.int32)
    counted = np.maximum(sum_sessions(window.is_there.astype(float), weights), np.finfo(float).tiny)
    variance = sum_sessions(window.returns**2, weights) / counted
    is_suspect = window.distance >= (one.max_plausible_return or 0) - NOISE
    found = pl.DataFrame(
        {
            "asset": window.assets,
            "s": np.sqrt(SESSIONS_A_YEAR * variance).round(ESTIMATE_DECIMALS),
            "n_returns": n_returns,
            "age": _first_true(window.is_there),
            "suspect_age": _first_true(is_suspect),
        }
    )
    dates = pl.Series(window.sessions, dtype=pl.Date)
    reason = (
        pl.when(pl.col("suspect_age").is_not_null())
        .then(pl.lit("suspect_return"))
        .when((pl.col("n_returns") > 0) & (pl.col("n_returns") < one.min_observations))
        .then(pl.lit("too_few_returns"))
        .when(pl.col("age") > OLDEST_LAST_RETURN)
        .then(pl.lit("old_returns"))
        .when((pl.col("s") == 0) & (pl.col("n_returns") > 0))
        .then(pl.lit("flat_prices"))
        .when(pl.col("n_returns") == 0)
        .then(pl.lit("no_returns"))
    )
    return found.select(
        "asset",
        volatility=pl.when(reason.is_null()).then("s"),
        n_returns="n_returns",
        last_return_date=pl.lit(dates).gather("age"),
        missing_reason=reason,
        suspect_session=pl.lit(dates).gather("suspect_age"),
    )


def _first_true(flags: np.ndarray) -> pl.Series:
    """Return the first row in which each column is true; null: none is."""
    rows = flags.argmax(axis=0) if flags.size else np.zeros(flags.shape[1], dtype=np.int64)
    return pl.select(pl.when(pl.Series(flags.any(axis=0))).then(pl.Series(rows))).to_series()
