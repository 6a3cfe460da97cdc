"""Days that follow each other through the whole pipeline: each starts from the book and the states of the one before.

Day n is the n-th session; the first letter of an asset is its bucket, "P" the portfolio.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayInputs
from sizing.frames.holding_states import count_days
from sizing.lifecycle.transition import correct_states
from sizing.pipeline import Rebalance, rebalance
from sizing.trading.targets import holdings_of
from tests.sizing.days import Ban, a_day, by_asset, holding_frame
from tests.sizing.lifecycle.states import DUST, SESSIONS, State, state_frame

Scores = Mapping[str, float]
NO_FILE = pl.DataFrame(schema={"portfolio_id": pl.String, "file_date": pl.Date})


def walk(  # noqa: PLR0913 - what a history is made of
    limits: RebalancingLimits | Sequence[RebalancingLimits],
    days: Iterable[Scores],
    *,
    sessions: pl.Series = SESSIONS,
    files: Mapping[int, Mapping[str, float]] | None = None,
    bans: Mapping[int, Iterable[Ban]] | None = None,
    before: tuple[int, Mapping[str, float], Iterable[State]] = (0, {}, ()),
) -> Iterator[Rebalance]:
    """Yield the result of each day.

    `files`: what a positions file says is held, by the number of its day. `before`: the number of the first day, what
    is held then, and the states.
    """
    first, held, known = before
    holdings, states = holding_frame(held), state_frame(known)
    for number, scores in enumerate(days, start=first):
        day = sessions[number]
        of = limits if isinstance(limits, RebalancingLimits) else limits[number]
        in_file = (files or {}).get(number)
        if in_file is not None:
            holdings = holding_frame(in_file)
        file = NO_FILE if in_file is None else pl.DataFrame({"portfolio_id": ["P"], "file_date": [day]}, NO_FILE.schema)
        counted = count_days(correct_states(states, holdings, file, DUST), day, sessions)
        inputs = _as_of(a_day(of, scores=scores, bans=(bans or {}).get(number, ())), holdings, counted, day)
        result = rebalance(inputs)
        yield result
        holdings, states = holdings_of(result.targets), result.lifecycle


def walk_on(limits: RebalancingLimits, scores: Scores, yesterday: Rebalance | None, number: int) -> Rebalance:
    """Return the result of one day more, without a positions file; of the first one where there is no yesterday."""
    day = SESSIONS[number]
    held = holding_frame({}) if yesterday is None else holdings_of(yesterday.targets)
    states = state_frame(()) if yesterday is None else yesterday.lifecycle
    counted = count_days(correct_states(states, held, NO_FILE, DUST), day, SESSIONS)
    return rebalance(_as_of(a_day(limits, scores=scores), held, counted, day))


def _as_of(inputs: DayInputs, holdings: pl.DataFrame, states: pl.DataFrame, day: date) -> DayInputs:
    seen = pl.concat([inputs.assets["asset"], holdings["asset"], states["asset"]]).unique().sort()
    assets = pl.DataFrame({"asset": seen, "bucket": seen.str.head(1)})
    scores = inputs.scores.with_columns(score_date=pl.lit(day))
    return replace(inputs, as_of_date=day, holdings=holdings, states=states, assets=assets, scores=scores)


def weights(results: Iterable[Rebalance], asset: str) -> list[float | None]:
    """Return the target of an asset on every day; None where it has none."""
    rows = (by_asset(one.targets).get(asset) for one in results)
    return [row and float(row["target_weight"]) for row in rows]


def decided(results: Iterable[Rebalance], asset: str, column: str) -> list[Any]:
    """Return a column of the decisions on an asset, day by day; None where there is none."""
    rows = (by_asset(one.decisions).get(asset) for one in results)
    return [row and row[column] for row in rows]
