"""Days of a range that follow each other, computed together: with what they start, and which of them can be published.

What does not belong here: what is published and recorded of them (backfill.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate, pairwise, takewhile
from typing import NamedTuple

import polars as pl

from sizing.approval import ApprovalPolicy
from sizing.frames.day_inputs import ENTRY_SCORES_UP_TO, DayFrames
from sizing.frames.holding_states import DUST_WEIGHT
from sizing.multi_day.day_chain import ChainedDays, DayChain, find_held_days
from sizing.multi_day.day_starts import DayEnd
from sizing.multi_day.followed_states import NO_FILES, Corrections
from sizing.multi_day.stacked_days import by_day, have_same_names
from sizing.pipeline import Rebalance
from sql.any_warehouse import AnyWarehouse
from sql.records import StartedRun
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_prices import read_prices
from tasks.inputs.day_sources import Limits, continue_from, find_sources, newer_positions
from tasks.inputs.holding_states import files_of
from tasks.inputs.marked_books import books_to_mark, growth_between, with_prices
from tasks.renames import renamed_prices
from tasks.run_state import RunState
from tasks.runs.multi_day.backfill_report import DayDone
from tasks.runs.multi_day.guess_ahead import GuessAhead
from tasks.runs.run_record import describe
from tasks.trading_calendar import find_calendar

_MOST = 250_000
"""Candidates of all days that are computed together: more take more memory, and are no faster."""


class Approval(NamedTuple):
    """Who approves the days that ask for it, and why."""

    approver: str
    note: str


@dataclass(frozen=True)
class Book:
    """Where the runs are kept, under which limits, and who runs them; how days that ask for a person are approved.

    `others` are portfolios that have runs of their own: to name them is no typing error. A holding in a positions file
    that weighs less than `dust_weight` counts as gone. More than `entry_scores_up_to` portfolios have no entry scores.
    `ahead` guesses what later days start from.
    """

    warehouse: AnyWarehouse
    exchange: str
    limits: Limits
    by: str
    flow_run_id: str | None
    policies: Mapping[str, ApprovalPolicy] = field(default_factory=dict)
    approval: Approval | None = None
    others: Sequence[str] = ()
    dust_weight: float = DUST_WEIGHT
    entry_scores_up_to: int = ENTRY_SCORES_UP_TO
    ahead: GuessAhead = field(default_factory=GuessAhead)

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

    def read(self, days: Sequence[date], before: date | None = None) -> "Inputs":
        """Read the inputs of as many of the days as are computed together, at least of one.

        Days that follow a day `before`, whose run is not published yet, have also the prices that move its book.
        """
        known = find_sources(self.warehouse, self.exchange, [*([before] if before else []), *days], self.limits)
        days = _that_fit(days, known, len(self.limits))
        sources = known.filter(pl.col("day").is_in(days))
        frames = read_days(
            *(self.warehouse, self.exchange, days, self.limits, sources),
            dust_weight=self.dust_weight,
            entry_scores_up_to=self.entry_scores_up_to,
        )
        return Inputs(frames, {day: sources.filter(pl.col("day") == day) for day in days})


class Inputs(NamedTuple):
    """What decides days, and the sources that each day reads."""

    frames: dict[date, DayFrames]
    sources: dict[date, pl.DataFrame]

    def of_same_names(self) -> list[DayFrames]:
        """Return the first days that have the same asset list and renames."""
        first = next(iter(self.frames.values()))
        return list(takewhile(lambda one: have_same_names(first, one), self.frames.values()))

    def prices(self, book: Book) -> pl.DataFrame:
        """Return the prices that the days read, under the names of the first."""
        first = next(iter(self.frames.values()))
        return renamed_prices(read_prices(book.warehouse, pl.concat(self.sources.values())), first.renamed)


class Day(NamedTuple):
    """What decides a day, and its run."""

    inputs: DayFrames
    started: StartedRun

    @property
    def day(self) -> date:
        """The day itself."""
        return self.inputs.as_of_date

    def done(self, state: RunState, reason: str = "") -> DayDone:
        """Return what is reported of the day."""
        return DayDone(self.day, state, self.started.record.run_id, reason, tuple(self.started.warnings))


class Stretch(NamedTuple):
    """Days that follow each other, and their result together, which may have more days."""

    days: list[Day]
    result: Rebalance


def find_stretch(book: Book, inputs: Inputs) -> Stretch:
    """Compute the first days, each from what the one before it leaves, up to a run that is known, or a held day."""
    known = set(book.warehouse.query("runs_of_days", days=list(inputs.frames))["run_id"])
    alike, prices = inputs.of_same_names(), inputs.prices(book)
    chained = _rebalance(book, DayChain.of(alike, *_links(book, alike, inputs, prices)))
    together, held = chained.days, find_held_days(chained)
    holdings, states = by_day(together.holdings), by_day(together.states)
    estimates = chained.result.risk_estimates
    days: list[Day] = []
    for given in alike:
        day, inputs_of_day, read = given.as_of_date, given, inputs.sources[given.as_of_date]
        if days:
            read = continue_from(day, read, (days[-1].day, days[-1].started.record.run_id), book.limits)
            started = given._replace(holdings=holdings(day), states=states(day))
            inputs_of_day = with_prices(started, books_to_mark(read, book.limits), prices)
        started_run = book.describe(inputs_of_day, read, estimates.filter(as_of_date=day))
        if day in held or started_run.record.run_id in known:
            break
        days.append(Day(inputs_of_day, started_run))
    return Stretch(days, chained.result)


def _rebalance(book: Book, chain: DayChain) -> ChainedDays:
    """Compute the days; meanwhile it is guessed with what those after them start."""
    last, ahead = chain.days[-1], book.ahead
    following = ahead.days_after(last.as_of_date)
    upcoming = book.read(following, last.as_of_date) if following else None
    guessed = ahead.take(chain)
    starts = guessed or chain.guess()
    if upcoming:
        alike, prices = upcoming.of_same_names(), upcoming.prices(book)
        ahead.submit(DayEnd.of(chain.days, starts), alike, *_links(book, [last, *alike], upcoming, prices))
    return chain.rebalance(starts, are_own=not guessed)


def _links(
    book: Book, days: Sequence[DayFrames], inputs: Inputs, prices: pl.DataFrame
) -> tuple[Corrections, pl.DataFrame]:
    """Return what leads from each day to the next: what corrects states, and how prices move books."""
    pairs = pairwise(day.as_of_date for day in days)
    newer = [
        files_of(inputs.sources[day], newer_positions(book.limits, inputs.sources[day], before))
        for before, day in pairs
    ]
    files = pl.concat(newer) if newer else NO_FILES
    corrections = Corrections.of(find_calendar(book.exchange).sessions, files, book.dust_weight)
    return corrections, growth_between(days, prices, book.exchange)


def _that_fit(days: Sequence[date], sources: pl.DataFrame, n_portfolios: int) -> list[date]:
    """Take as many days as have candidates for the memory: at least one."""
    is_todays = (pl.col("kind") == "scores") & (pl.col("as_of_date") == pl.col("day"))
    scored = dict(sources.filter(is_todays).select("day", "n_rows").iter_rows())
    candidates = accumulate(scored.get(day, 0) * n_portfolios for day in days)
    return [
        day for number, (day, count) in enumerate(zip(days, candidates, strict=True)) if not number or count <= _MOST
    ]
