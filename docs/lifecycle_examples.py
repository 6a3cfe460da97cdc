"""Worked examples of docs/lifecycle.md: one name over some days, through the real rules, day after day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from sizing import DayInputs, RebalancingLimits
from sizing.frames.day_inputs import DayScores, Holdings, Restrictions
from sizing.frames.holding_states import STATE_COLUMNS, count_days
from sizing.pipeline import rebalance
from sizing.trading.targets import holdings_of

_FIRST = date(2025, 6, 2)
_SCORES = DayScores.create_empty().schema


class Example(NamedTuple):
    """Limits, and the score of every day from the opening on; None: none came."""

    title: str
    limits: RebalancingLimits
    scores: Sequence[float | None]


def _grace(cap: float, **changes: int) -> RebalancingLimits:
    return RebalancingLimits(
        max_single_position=cap, grace_period_days=5, rebalance_band=0.0, max_missing_score_share=1, **changes
    )


EXAMPLES: Mapping[str, Example] = {
    "recovers": Example("It recovers", _grace(0.12), (0.9, 0.58, 0.57, None, 0.61, 0.59, 0.66)),
    "fails": Example("It goes on failing", _grace(0.12), (0.9, 0.58, 0.57, 0.55, 0.55, 0.54, 0.52)),
    "locked": Example("It is locked at first", _grace(0.15, min_holding_days=3), (0.9, 0.5, 0.5, None, 0.5, 0.5, 0.5)),
}


class Day(NamedTuple):
    """What is true on a day: the score that came, the target, why it is kept, the count of failing scores."""

    number: int
    score: float | None
    target_weight: float
    kept_by: str | None
    grace_count: int | None
    gate: str | None


def follow(example: Example) -> Iterator[Day]:
    """Yield the days of the only name of a portfolio; every day is a session."""
    sessions = pl.Series([_FIRST + timedelta(days=number) for number in range(len(example.scores))])
    holdings, states = Holdings.create_empty(), pl.DataFrame(schema=STATE_COLUMNS)
    for number, score in enumerate(example.scores):
        row = [("default", "A", sessions[number], 0, score, None, None)] if score is not None else []
        result = rebalance(
            DayInputs(
                as_of_date=sessions[number],
                limits={"growth": example.limits},
                scores=pl.DataFrame(row, schema=_SCORES, orient="row"),
                assets=pl.DataFrame({"asset": ["A"], "bucket": ["Tech"]}),
                holdings=holdings,
                restrictions=Restrictions.create_empty(),
                states=count_days(states, sessions[number], sessions),
            )
        )
        decision = result.decisions.row(0, named=True)
        target = float(result.targets.filter(~pl.col("is_cash"))["target_weight"].sum())
        yield Day(number, score, target, decision["kept_by"], decision["grace_count"], decision["gate"])
        holdings, states = holdings_of(result.targets), result.lifecycle


def table(name: str) -> str:
    """Return an example as a Markdown table, one row a day."""
    rows = [
        f"| {day.number} | {_text(day.score)} | {_text(day.grace_count)} | {day.target_weight:.6f} "
        f"| {_text(day.kept_by or day.gate)} |"
        for day in follow(EXAMPLES[name])
    ]
    return "\n".join(["| day | score | k | target | kept by, or gate |", "|---|---|---|---|---|", *rows])


def _text(value: object) -> str:
    return "" if value is None else f"`{value}`" if isinstance(value, str) else str(value)
