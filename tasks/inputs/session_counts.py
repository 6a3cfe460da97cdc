"""How many sessions a run counted from each date that it read to its day: recorded, so that a replay counts the same.

What does not belong here: which days are sessions (trading_calendar.py).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.plans import run_plan

SESSIONS_SINCE = "sessions_since"
"""Key of the counts in the record of a run's inputs."""


def count_sessions(inputs: DayFrames) -> dict[str, int]:
    """Return by date the sessions since: of older scores, and of the states that a limit of their portfolio reads."""
    states = inputs.states.lazy().filter(_is_read(inputs))
    dated = (
        inputs.scores.lazy().filter(pl.col("score_age_days") > 0).select(since="score_date", count="score_age_days"),
        states.select(since="opened_on", count="days_held"),
        states.select(since="term_started_on", count="days_in_term"),
        states.select(since="closed_on", count="days_since_closes").explode("since", "count"),
    )
    counts = run_plan(pl.concat(dated).drop_nulls().unique().sort("since"))
    return {since.isoformat(): count for since, count in counts.iter_rows()}


def counted_as(inputs: DayFrames, counts: Mapping[str, int]) -> DayFrames:
    """Return the day with its dates counted as recorded; a date that is not recorded keeps its count."""
    if not counts:
        return inputs
    recorded = {date.fromisoformat(since): count for since, count in counts.items()}

    def since(column: str, count: str) -> pl.Expr:
        return pl.col(column).replace_strict(recorded, default=pl.col(count), return_dtype=pl.Int32).alias(count)

    closes = pl.col("closed_on").list.eval(pl.element().replace_strict(recorded, default=None, return_dtype=pl.Int32))
    is_known = _is_read(inputs) & ~closes.list.contains(None)
    return inputs._replace(
        scores=inputs.scores.with_columns(since("score_date", "score_age_days")),
        states=inputs.states.with_columns(
            since("opened_on", "days_held"),
            since("term_started_on", "days_in_term"),
            days_since_closes=pl.when(is_known).then(closes).otherwise("days_since_closes"),
        ),
    )


def describe_other_calendar(day: date, counts: Mapping[str, int], now: Mapping[str, int], calendar: str) -> str:
    """Return in words where the calendar of today counts otherwise than recorded; nothing where it does not."""
    differing = [since for since, count in counts.items() if now.get(since, count) != count]
    if not differing:
        return ""
    since = max(differing)
    return f"from {since} to {day} it counted {counts[since]} trading days, {calendar} now has {now[since]}"


def _is_read(inputs: DayFrames) -> pl.Expr:
    return pl.col("portfolio_id").is_in([name for name, one in inputs.limits.items() if one.reads_lifecycle])
