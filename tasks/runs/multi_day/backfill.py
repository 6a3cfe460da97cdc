"""Publish the days of a range in order: the rules and rows of the daily run, a quarter of days at a time.

The days of a quarter are computed together (sizing/multi_day/day_chain.py), and written and checked in one transaction.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from sizing.checks.volatility_coverage import find_missing_volatility
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import rebalance
from sizing.selection.score_coverage import find_missing_scores
from sizing.text import first_of, listed
from sql.errors import PublishRejectedError
from tasks.config.feeds import Feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.inputs.day_sources import Limits, find_sources
from tasks.inputs.portfolio_groups import Group
from tasks.retries import RETRIES
from tasks.run_state import RunState
from tasks.runs.approval import find_approval_request
from tasks.runs.ingest import Ingested, ingest_range
from tasks.runs.multi_day.backfill_report import DayDone, summarise
from tasks.runs.multi_day.day_stretches import Approval, Book, Day, Inputs, find_stretch
from tasks.runs.multi_day.guess_ahead import GuessAhead
from tasks.runs.run_record import actor, as_started_first
from tasks.stages import flow_run_id, run_logger, stage

_DATED = ("targets", "risk_estimates")
"""The tables with the day of the run."""

_RUN = {"as_of_date": pl.Date, "run_id": pl.String}


@stage("backfill", RETRIES)
def backfill_days(  # noqa: PLR0913 - the request of a backfill
    settings: Settings,
    days: tuple[date, ...],
    group: Group,
    approval: Approval | None,
    others: tuple[str, ...],
    *,
    keep_going: bool,
    ahead: GuessAhead,
    requested_by: str = "",
) -> tuple[DayDone, ...]:
    """Publish the days of a group in order, and export their targets. Days published with the same inputs stay.

    Ends after the first held day, unless it is to `keep_going`: then the targets published before stay held.
    *Raises* `PublishRejectedError` at a day that fails a check; the days before it are published.
    """
    with settings.open_warehouse().kept_open() as warehouse:
        started_by = (requested_by or actor(), flow_run_id())
        book = Book(
            warehouse,
            group.exchange,
            group.limits,
            *started_by,
            policies=group.policies,
            approval=approval,
            others=others,
            dust_weight=settings.dust_weight,
            entry_scores_up_to=settings.entry_scores_up_to,
            ahead=ahead,
        )
        visible = warehouse.query("visible_on_days", days=list(days))
        before = set(visible.filter(pl.col("portfolio_id").is_in(list(group.limits)))["as_of_date"])
        try:
            done = publish_days(book, days, keep_going=keep_going)
        finally:
            warehouse.export(days)
    done = tuple(one._replace(was_visible=one.day in before) for one in done)
    run_logger().info("backfill: %s", summarise(done))
    return done


def publish_days(book: Book, days: tuple[date, ...], *, keep_going: bool) -> tuple[DayDone, ...]:
    """Publish the days in order, without an engine; as `backfill_days`."""
    done: list[DayDone] = []
    while len(done) < len(days) and (keep_going or not done or done[-1].state != RunState.HELD):
        done += _next(book, days[len(done) :])
    return tuple(done)


@stage("ingest", RETRIES)
def ingest_days(settings: Settings, days: tuple[date, ...], limits: Limits, feeds: Feeds) -> tuple[Ingested, ...]:
    """Read what there is for the days into the warehouse, and return it. The same content twice is one ingest.

    *Raises* `SourceError` when a day has no scores then, before any is computed.
    """
    ingested = ingest_range(settings, days, feeds)
    sources = find_sources(settings.open_warehouse(), settings.exchange, days, limits)
    is_todays = (pl.col("kind") == "scores") & (pl.col("as_of_date") == pl.col("day"))
    missing = sorted(str(day) for day in set(days) - set(sources.filter(is_todays)["day"]))
    if missing:
        msg = (
            f"no scores for {len(missing)} of {len(days)} trading days: {listed(missing)}; nothing was computed. "
            f"Put them into {settings.inbox}, or correct the range"
        )
        raise SourceError(msg)
    return ingested


def _next(book: Book, days: Sequence[date]) -> list[DayDone]:
    """Do as many of the days as can be done in one step, at least the first."""
    inputs = book.read(days)
    first = days[0]
    return (
        _leave_unchanged(book, inputs)
        or _publish_stretch(book, inputs)
        or [_run_one(book, Day(inputs.frames[first], book.describe(inputs.frames[first], inputs.sources[first])))]
    )


def _leave_unchanged(book: Book, inputs: Inputs) -> list[DayDone]:
    """Find the first days that are published already with the same inputs, limits and code."""
    visible = book.warehouse.query("visible_on_days", days=list(inputs.frames))
    unchanged: list[Day] = []
    for day, own in inputs.frames.items():
        shown = visible.filter(pl.col("as_of_date") == day)
        if set(book.limits) - set(shown["portfolio_id"]):
            break
        one = Day(own, book.describe(own, inputs.sources[day]))
        ours = shown.filter(pl.col("portfolio_id").is_in(list(book.limits)))
        if set(ours["run_id"]) != {one.started.record.run_id}:
            break
        unchanged.append(one)
    book.warehouse.record_unchanged([one.started for one in unchanged], book.by)
    return [one.done(RunState.UNCHANGED) for one in unchanged]


def _publish_stretch(book: Book, inputs: Inputs) -> list[DayDone]:
    """Publish the first days together; none where each may ask for a person."""
    if book.policies:
        return []
    stretch = find_stretch(book, inputs)
    if not stretch.days:
        return []
    runs = pl.DataFrame([(one.day, one.started.record.run_id) for one in stretch.days], schema=_RUN, orient="row")
    frames = {
        table: frame.join(runs, on="as_of_date", how="inner", maintain_order="left")
        for table, frame in stretch.result._asdict().items()
    }
    frames = {table: frame if table in _DATED else frame.drop("as_of_date") for table, frame in frames.items()}
    try:
        book.warehouse.publish_many([one.started for one in stretch.days], frames, book.by)
    except PublishRejectedError:
        # One by one the sound days are published, and the other is recorded as the daily run records it.
        return [_run_one(book, one) for one in stretch.days]
    return [one.done(RunState.PUBLISHED) for one in stretch.days]


def _run_one(book: Book, one: Day) -> DayDone:
    """Do what the daily run does, and approve what asks for a person."""
    run_id, warnings = one.started.record.run_id, one.started.warnings
    before = book.warehouse.start_run(one.started.record, book.by, warnings)
    if before == RunState.PROPOSED and book.approval:
        return _approve(book, one, book.approval)
    inputs = DayInputs(*one.inputs)
    if before:
        inputs = as_started_first(book.warehouse, book.exchange, one.started.record, inputs)
    result = rebalance(inputs)
    missing = find_missing_scores(inputs) or find_missing_volatility(result, inputs)
    if missing:
        reason = "; ".join(first_of(missing))
        book.warehouse.record_event(run_id, RunState.HELD, book.by, reason)
        return one.done(RunState.HELD, reason)
    request = find_approval_request(book.warehouse, result, book.policies)
    if request.reasons and book.approval:
        book.warehouse.propose(run_id, result._asdict(), book.by, request.reasons, request.four_eyes, warnings)
        return _approve(book, one, book.approval)
    book.warehouse.publish(run_id, result._asdict(), book.by, warnings)
    return one.done(RunState.PUBLISHED)


def _approve(book: Book, one: Day, approval: Approval) -> DayDone:
    book.warehouse.approve(one.started.record.run_id, approval.approver, approval.note)
    return one.done(RunState.PUBLISHED)
