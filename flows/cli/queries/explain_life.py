"""The life of a name in `ballast explain`: each stay with its graces, and what comes next with its day."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from sizing.text import counted
from sql.snapshot_reader import Reader
from tasks.reports.lifecycle_tables import with_progress
from tasks.reports.outlook import Outlook, outlook_of
from tasks.trading_calendar import exchange_of, find_calendar

LIFE = ("stay", "in grace", "round trips", "grace ends", "locked until", "judged anew", "may be opened")
"""Steps about the life of a name, past and to come."""

_STEP = {"quantity": pl.String, "value": pl.String, "limit_value": pl.String, "words": pl.String}

Row = Mapping[str, Any]
Step = tuple[str, str | None, str | None, str]


def read_life(reader: Reader, portfolio: str, asset: str, day: date) -> pl.DataFrame:
    """Return the steps of a name's life up to the day and from then on: `quantity, value, limit_value, words`."""
    past = reader.query("life_of_asset", portfolio_id=portfolio, asset=asset, as_of_date=day)
    runs = reader.query("report_targets", day=day).filter(portfolio_id=portfolio, state="published")["run_id"]
    now = reader.query("lifecycle_outlook", run_ids=runs.to_list(), portfolio_ids=[portfolio]).filter(asset=asset)
    following = [*_round_trips(now), *_next_steps(with_progress(outlook_of(now)))]
    return pl.concat([past, pl.DataFrame(following, _STEP, orient="row")], how="vertical_relaxed")


def with_life(steps: pl.DataFrame, life: pl.DataFrame) -> pl.DataFrame:
    """Return the explanation with the life before what would change it, numbered through."""
    is_change = pl.col("is_change")
    more = life.select(pl.lit(value=False).alias("is_change"), pl.lit(0, pl.Int64).alias("step"), pl.all())
    story = pl.concat([steps.filter(~is_change), more], how="vertical_relaxed")
    numbered = story.with_columns(step=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    return pl.concat([numbered, steps.filter(is_change)])


def _round_trips(now: pl.DataFrame) -> Iterator[Step]:
    for row in now.drop_nulls("max_round_trips").iter_rows(named=True):
        window = row["round_trip_window_days"]
        first = find_calendar(row["exchange"]).before(row["as_of_date"], window)
        n_closed = sum(day >= first for day in row["closed_on"])
        words = f"Closings in the last {window} sessions; with {row['max_round_trips']} it may not be opened."
        yield "round trips", f"{n_closed} of {row['max_round_trips']}", f"round_trip_window_days {window}", words


def _next_steps(outlook: Outlook) -> Iterator[Step]:
    for row in outlook.in_grace.iter_rows(named=True):
        yield _of_grace(row)
    for row in outlook.locked.iter_rows(named=True):
        yield _of_lock(row)
    for row in outlook.reviews.iter_rows(named=True):
        yield _of_review(row)
    for row in outlook.shut_out.iter_rows(named=True):
        yield _of_shut_out(row)


def _of_grace(row: Row) -> Step:
    left = max(row["grace_period_days"] - row["grace_count"], 1)
    following = f"; the next one leaves {row['next_weight']:f}" if row["next_weight"] else ""
    words = (
        f"Grace {row['progress']}: closes after {counted(left, 'more failing score')}, on this day at the earliest"
        f"{following}. From {row['grace_recovery_score']:.12g} it is sized again."
    )
    return "grace ends", _day(row, "closes_on"), f"grace_period_days {row['grace_period_days']}", words


def _of_lock(row: Row) -> Step:
    if row["why"] == "core_assets":
        limit, words = f"core_assets until {row['core_until']}", f"{row['core_reason']}."
    else:
        limit = f"min_holding_days {row['min_holding_days']}"
        words = f"Opened {row['opened_on']}, day {row['progress']}: it cannot lose its place before this day."
    if row["kept_from"]:
        goes_on = row["closes_on"] and row["free_on"] and row["closes_on"] > row["free_on"]
        words = f"{words} With a score of {row['score']:.12g} {'its grace goes on' if goes_on else 'it closes'} then."
    return "locked until", _day(row, "free_on"), limit, words


def _of_review(row: Row) -> Step:
    what = "It is closed then." if row["max_holding_action"] == "close" else "It then needs the score of a new name."
    words = f"Its term began {row['term_started_on']}, session {row['progress']}. {what}"
    return "judged anew", _day(row, "review_on"), f"max_holding_days {row['max_holding_days']}", words


def _of_shut_out(row: Row) -> Step:
    score = row["reentry_score"]
    early = "" if score is None else f" With a score of {score:.12g} at any time."
    words = f"Closed {row['last_closed_on']}: not opened before this day.{early}"
    return "may be opened", _day(row, "opens_on"), f"{row['why']} {row['progress']}", words


def _day(row: Row, name: str) -> str:
    """Return a day, or that the calendar ends before it."""
    if row[name] is not None:
        return str(row[name])
    return f"after {find_calendar(row['exchange']).last}, where the calendar of {exchange_of(row['exchange'])} ends"
