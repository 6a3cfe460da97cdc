"""Publish the days of a range in order: the rules and rows of the daily run, a quarter of days at a time.

The days of a quarter are computed together (sizing/multi_day/day_chain.py), and written and checked in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate, pairwise, takewhile
from typing import NamedTuple

import polars as pl

from sizing.approval import ApprovalPolicy
from sizing.checks.volatility_coverage import find_missing_volatility
from sizing.frames.day_inputs import ENTRY_SCORES_UP_TO, DayFrames, DayInputs
from sizing.frames.holding_states import DUST_WEIGHT
from sizing.multi_day.day_chain import find_held_days, rebalance_days
from sizing.multi_day.followed_states import NO_FILES, Corrections
from sizing.multi_day.stacked_days import by_day, have_same_names
from sizing.pipeline import Rebalance, rebalance
from sizing.selection.score_coverage import find_missing_scores
from sizing.text import first_of, listed
from sql.errors import PublishRejectedError
from sql.records import StartedRun
from sql.warehouse import Warehouse
from tasks.config.feeds import Feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_prices import read_prices
from tasks.inputs.day_sources import Limits, continue_from, find_sources, newer_positions
from tasks.inputs.holding_states import files_of
from tasks.inputs.marked_books import books_to_mark, growth_between, with_prices
from tasks.inputs.portfolio_groups import Group
from tasks.renames import renamed_prices
from tasks.retries import RETRIES
from tasks.run_state import RunState
from tasks.runs.approval import find_approval_request
from tasks.runs.backfill_report import DayDone, summarise
from tasks.runs.ingest import Ingested, ingest_range
from tasks.runs.run_record import actor, as_started_first, describe
from tasks.stages import flow_run_id, run_logger, stage
from tasks.trading_calendar import find_calendar

_MOST = 250_000
"""Candidates of all days that are computed together: more take more memory, and are no faster."""
_DATED = ("targets", "risk_estimates")
"""The tables with the day of the run."""

_RUN = {"as_of_date": pl.Date, "run_id": pl.String}


class Approval(NamedTuple):
    """Who approves the days that ask for it, and why."""

    approver: str
    note: str


@dataclass(frozen=True)
class Book:
    """Where the runs are kept, under which limits, and who runs them; how days that ask for a person are approved.

    `others` are portfolios that have runs of their own: to name them is no typing error. A holding in a positions file
    that weighs less than `dust_weight` counts as gone. More than `entry_scores_up_to` portfolios have no entry scores.
    """

    warehouse: Warehouse
    exchange: str
    limits: Limits
    by: str
    flow_run_id: str | None
    policies: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    approval: Approval | None = None
    others: Sequence[str] = ()
    dust_weight: float = DUST_WEIGHT
    entry_scores_up_to: int = ENTRY_SCORES_UP_TO

    def describe(self, inputs: DayFrames, sources: pl.DataFrame, estimates: pl.DataFrame | None = None) -> StartedRun:
        """Name the run of a day. `estimates`: the day's, where they are known."""
        return describe(
            inputs,
            sources,
            self.exchange,
            self.flow_run_id,
            self.others,
            dust_weight=self.dust_weight,
            estimates=estimates,
        )

    def read_days(self, days: Sequence[date], sources: pl.DataFrame) -> dict[date, DayFrames]:
        """Return the inputs of each day."""
        return read_days(
            *(self.warehouse, self.exchange, days, self.limits, sources),
            dust_weight=self.dust_weight,
            entry_scores_up_to=self.entry_scores_up_to,
        )


class _Day(NamedTuple):
    inputs: DayFrames
    started: StartedRun

    @property
    def day(self) -> date:
        return self.inputs.as_of_date

    def done(self, state: RunState, reason: str = "") -> DayDone:
        return DayDone(self.day, state, self.started.record.run_id, reason, tuple(self.started.warnings))


class _Stretch(NamedTuple):
    """Days that follow each other, and their result together, which may have more days."""

    days: list[_Day]
    result: Rebalance


@stage("backfill", RETRIES)
def backfill_days(  # noqa: PLR0913 - the request of a backfill
    settings: Settings,
    days: tuple[date, ...],
    group: Group,
    approval: Approval | None,
    others: tuple[str, ...],
    *,
    keep_going: bool,
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
    sources = find_sources(book.warehouse, book.exchange, days, book.limits)
    days = _that_fit(days, sources, len(book.limits))
    inputs = book.read_days(days, sources.filter(pl.col("day").is_in(days)))
    own = {day: sources.filter(pl.col("day") == day) for day in days}
    return (
        _leave_unchanged(book, inputs, own)
        or _publish_stretch(book, inputs, own)
        or [_run_one(book, _Day(inputs[days[0]], book.describe(inputs[days[0]], own[days[0]])))]
    )


def _that_fit(days: Sequence[date], sources: pl.DataFrame, n_portfolios: int) -> list[date]:
    """Take as many days as have candidates for the memory: at least one."""
    is_todays = (pl.col("kind") == "scores") & (pl.col("as_of_date") == pl.col("day"))
    scored = dict(sources.filter(is_todays).select("day", "n_rows").iter_rows())
    candidates = accumulate(scored.get(day, 0) * n_portfolios for day in days)
    return [
        day for number, (day, count) in enumerate(zip(days, candidates, strict=True)) if not number or count <= _MOST
    ]


def _leave_unchanged(book: Book, inputs: dict[date, DayFrames], sources: dict[date, pl.DataFrame]) -> list[DayDone]:
    """Find the first days that are published already with the same inputs, limits and code."""
    visible = book.warehouse.query("visible_on_days", days=list(inputs))
    unchanged: list[_Day] = []
    for day, own in inputs.items():
        shown = visible.filter(pl.col("as_of_date") == day)
        if set(book.limits) - set(shown["portfolio_id"]):
            break
        one = _Day(own, book.describe(own, sources[day]))
        ours = shown.filter(pl.col("portfolio_id").is_in(list(book.limits)))
        if set(ours["run_id"]) != {one.started.record.run_id}:
            break
        unchanged.append(one)
    book.warehouse.record_unchanged([one.started for one in unchanged], book.by)
    return [one.done(RunState.UNCHANGED) for one in unchanged]


def _find_stretch(book: Book, inputs: dict[date, DayFrames], sources: dict[date, pl.DataFrame]) -> _Stretch:
    """Compute the first days, each from what the one before it leaves, up to a run that is known, or a held day."""
    known = set(book.warehouse.query("runs_of_days", days=list(inputs))["run_id"])
    first = next(iter(inputs.values()))
    alike = list(takewhile(lambda one: have_same_names(first, one), inputs.values()))
    prices = renamed_prices(read_prices(book.warehouse, pl.concat(sources.values())), first.renamed)
    corrections = _corrections(book, [one.as_of_date for one in alike], sources)
    chained = rebalance_days(alike, corrections, growth_between(alike, prices, book.exchange))
    together, held = chained.days, find_held_days(chained)
    holdings, states = by_day(together.holdings), by_day(together.states)
    estimates = chained.result.risk_estimates
    days: list[_Day] = []
    for given in alike:
        day, inputs_of_day, read = given.as_of_date, given, sources[given.as_of_date]
        if days:
            read = continue_from(day, read, (days[-1].day, days[-1].started.record.run_id), book.limits)
            started = given._replace(holdings=holdings(day), states=states(day))
            inputs_of_day = with_prices(started, books_to_mark(read, book.limits), prices)
        started_run = book.describe(inputs_of_day, read, estimates.filter(as_of_date=day))
        if day in held or started_run.record.run_id in known:
            break
        days.append(_Day(inputs_of_day, started_run))
    return _Stretch(days, chained.result)


def _corrections(book: Book, days: Sequence[date], sources: Mapping[date, pl.DataFrame]) -> Corrections:
    """Return what corrects the states of the days: their calendar, and positions that are newer than the day before."""
    newer = [
        files_of(sources[day], newer_positions(book.limits, sources[day], before)) for before, day in pairwise(days)
    ]
    files = pl.concat(newer) if newer else NO_FILES
    return Corrections.of(find_calendar(book.exchange).sessions, files, book.dust_weight)


def _publish_stretch(book: Book, inputs: dict[date, DayFrames], sources: dict[date, pl.DataFrame]) -> list[DayDone]:
    """Publish the first days together; none where each may ask for a person."""
    if book.policies:
        return []
    stretch = _find_stretch(book, inputs, sources)
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


def _run_one(book: Book, one: _Day) -> DayDone:
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


def _approve(book: Book, one: _Day, approval: Approval) -> DayDone:
    book.warehouse.approve(one.started.record.run_id, approval.approver, approval.note)
    return one.done(RunState.PUBLISHED)
