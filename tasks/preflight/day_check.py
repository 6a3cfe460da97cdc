"""What is wrong with a config and the files of a day, and what cannot be reached with both: looked at before a run.

What does not belong here: how a single file is read (file_check.py), and how what was found is shown.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from sizing.checks.feasibility import objections
from sizing.errors import BallastError
from sizing.frames.day_inputs import DayFrames
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.limits.model import RebalancingLimits
from sizing.text import counted, listed
from sql.errors import WarehouseError
from sql.snapshot_reader import reading_snapshot
from tasks.config.feeds import Feeds
from tasks.config.portfolios import ConfigFile, read_config
from tasks.config.portfolios_file import LIMIT_SETS
from tasks.config.settings import Settings
from tasks.config.yaml_file import Problem
from tasks.errors import ConfigError, SourceError
from tasks.inputs.warnings.unknown_names import find_unknown_names, require_known_buckets
from tasks.inputs.warnings.unnamed_portfolios import describe_unnamed, named_before
from tasks.preflight.file_check import ERROR, WARNING, FileRows, Finding, certify, frames_of, read_file
from tasks.preflight.price_coverage import days_with_prices, describe_missing_prices
from tasks.sources.discovery import days_in_inbox, find_all, find_sources, unread_in_inbox
from tasks.text import readable
from tasks.trading_calendar import calendar_ends, find_calendar

_STALE_DAYS = 1
"""Scores of the last day that is over may still be on their way."""


class DayValidation:
    """What has been looked at so far, and what was found."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.found: list[Finding] = []
        self.files: list[FileRows] = []
        self.reach: pl.DataFrame | None = None
        self.day: date | None = None
        self._config: ConfigFile | None = None

    @property
    def limits(self) -> dict[str, RebalancingLimits]:
        """The portfolios of the config; none where it cannot be read."""
        return dict(self._config.limits) if self._config else {}

    def check(self, as_of: date | None) -> None:
        """Check the config, the day, its files, and what the limits reach with them."""
        self._check_config()
        feeds = self._config.feeds if self._config else {}
        self.day = as_of or self._newest_day(feeds)
        if self.day is None:
            return
        self._check_day(self.day, is_requested=as_of is not None)
        self._check_files(self.day, feeds)
        self._check_unread_files()
        self._check_prices(self.day)
        frames = frames_of(self.day, self.limits, self.files)
        if self.files and frames.scores.is_empty() and all(file.counts for file in self.files):
            self._report(ERROR, self._settings.inbox, f"no scores of {self.day} among the files: deliver them")
        if self._config:
            self._check_names(frames)
            if frames.scores.height and frames.assets.height:
                self._check_reach(frames_of(self.day, _one_of_each(self._config), self.files), self._config)
        self.found.sort(key=lambda one: one.level)

    @property
    def has_table(self) -> bool:
        """Whether a table says which portfolio has which limit set: then `reach` has the first one of each."""
        return self._config is not None and bool(self._config.set_of)

    def _report(self, level: str, where: object, what: object) -> None:
        self.found.append(Finding(level, readable(str(where)), readable(str(what))))

    def _check_config(self) -> None:
        path = self._settings.config
        try:
            config = read_config(path)
        except ConfigError as error:
            for where, what in error.mistakes or ((str(path), str(error)),):
                self._report(ERROR, where, what)
            return
        self._config = config
        written = {name: one for name, one in config.limits.items() if name not in config.set_of}
        doubts = [
            Problem((section, name), f"{noun} {name}: {sentence}")
            for section, noun, limits in (
                ("portfolios", "portfolio", written),
                (LIMIT_SETS, "limit set", config.limit_sets),
            )
            for name, sentence in objections(limits)
        ]
        for line, column, message in config.document.locate([*config.notes, *doubts]):
            self._report(WARNING, f"{path}:{line}:{column}", message)

    def _newest_day(self, feeds: Feeds) -> date | None:
        try:
            days = days_in_inbox(self._settings.inbox, feeds)
        except SourceError as error:
            self._report(ERROR, self._settings.inbox, error)
            return None
        if not days:
            what = "no scores with a day in their name, such as scores_2024-12-02.csv; set the day with --as-of"
            self._report(ERROR, self._settings.inbox, what)
            return None
        return days[-1]

    def _check_day(self, day: date, *, is_requested: bool) -> None:
        calendars = self._calendars()
        try:
            ends = calendar_ends(calendars, datetime.now(UTC).date())
            for calendar in calendars:
                find_calendar(calendar).require_within(day)
            if not any(day in find_calendar(calendar) for calendar in calendars):
                find_calendar(calendars[0]).require_open(day)
            # What the newest day is behind is unknown past the end of a calendar.
            latest = day if is_requested or ends else find_calendar(calendars[0]).last_closed(datetime.now(UTC))
            behind = len(find_calendar(calendars[0]).between(day, latest)) - 1 if day < latest else 0
        except BallastError as error:
            self._report(ERROR, day, error)
            return
        for end in ends:
            self._report(WARNING, self._settings.config, f"{end.words}; {end.todo}")
        if behind > _STALE_DAYS:
            what = f"the newest scores are {behind} trading days old: the last day that is over is {latest}"
            self._report(WARNING, self._settings.inbox, what)

    def _calendars(self) -> list[str]:
        terms = self._config.terms.values() if self._config else ()
        return sorted({one.calendar(self._settings.exchange) for one in terms} or {self._settings.exchange})

    def _check_files(self, day: date, feeds: Feeds) -> None:
        inbox = self._settings.inbox
        try:
            sources = find_sources(inbox, day, feeds)
        except BallastError as error:
            self._report(ERROR, inbox, error)
            try:  # the other files can be checked
                sources = find_all(inbox, day, feeds)
            except BallastError:
                return
        assets: set[str] | None = None
        for source in sources:
            file = read_file(source, day, self._settings.max_reject_share, assets)
            if source.contract.kind == "assets" and file.counts and file.accepted.height:
                assets = set(file.accepted["asset"])
            self.files.append(file)
            self.found += file.findings
        if not any(source.contract.kind == "assets" for source in sources):
            known = self._settings.open_warehouse().exists()
            level, what = (WARNING, "the last one read counts") if known else (ERROR, "expected assets.csv")
            self._report(level, inbox, f"no asset list among the files: {what}")

    def _check_unread_files(self) -> None:
        inbox = self._settings.inbox
        if inbox.is_dir() and (names := unread_in_inbox(inbox)):
            what = (
                f"{counted(len(names), 'file')} that no run reads: {listed(names)}. A name is a kind, with the "
                "day where it has one, and an ending that is read, such as restrictions.csv or scores_2024-12-02.csv"
            )
            self._report(WARNING, inbox, what)

    def _check_names(self, frames: DayFrames) -> None:
        where = self._settings.config
        try:
            if frames.assets.height:
                require_known_buckets(frames)
        except ConfigError as error:
            self._report(ERROR, where, error)
        positions = [
            file.accepted["portfolio_id"].unique()
            for file in self.files
            if file.source.contract.kind == "positions" and file.accepted.height
        ]
        named = sorted({name for names in positions for name in names})
        if frames.assets.height:
            for sentence in find_unknown_names(frames, named):
                is_limit = sentence.partition(":")[0] in {*RebalancingLimits.model_fields, "portfolios"}
                self._report(WARNING, where if is_limit else self._settings.inbox, sentence)
        self._check_unnamed(frames.as_of_date)

    def _check_unnamed(self, day: date) -> None:
        """Report which portfolios of the config only earlier positions name, where the snapshot knows them."""
        of_the_day = [
            file.accepted.filter(pl.col("as_of_date") == day)["portfolio_id"]
            for file in self.files
            if file.source.contract.kind == "positions" and file.counts and file.accepted.height
        ]
        named = next((set(names) for names in reversed(of_the_day) if len(names)), None)
        if named is None or not self._settings.open_warehouse().is_readable():
            return
        try:
            with reading_snapshot(self._settings.open_warehouse()) as snapshot:
                before = named_before(snapshot, day)
        except WarehouseError as error:
            self._report(WARNING, self._settings.open_warehouse().readers_open, error)
            return
        unnamed = {name: taken for name, taken in before.items() if name in self.limits and name not in named}
        for sentence in describe_unnamed(unnamed):
            self._report(WARNING, self._settings.inbox, sentence)

    def _check_prices(self, day: date) -> None:
        """Report for which sessions that limits read neither a file nor the snapshot has prices."""
        terms = self._config.terms if self._config else {}
        reading = {name: one for name, one in self.limits.items() if one.reads_returns}
        calendar_of = {name: terms[name].calendar(self._settings.exchange) for name in reading}
        calendars = {
            calendar: {name: one for name, one in reading.items() if calendar_of[name] == calendar}
            for calendar in sorted({*calendar_of.values()})
        }
        priced = {
            session
            for file in self.files
            if file.source.contract.kind == "prices" and file.counts and file.accepted.height
            for session in file.accepted["as_of_date"].unique()
        }
        if calendars and self._settings.open_warehouse().is_readable():
            try:
                with reading_snapshot(self._settings.open_warehouse()) as snapshot:
                    priced |= days_with_prices(snapshot, day, calendars)
            except WarehouseError as error:
                self._report(WARNING, self._settings.open_warehouse().readers_open, error)
                return
        for sentence in describe_missing_prices(day, calendars, priced):
            self._report(WARNING, self._settings.inbox, sentence)

    def _check_reach(self, frames: DayFrames, config: ConfigFile) -> None:
        self.reach = certify(frames)
        short = self.reach.filter(pl.col("target") - pl.col("reachable") > WEIGHT_TOLERANCE).iter_rows(named=True)
        named = ((row["portfolio_id"], row) for row in short)
        problems = [Problem(_place_of(config, name), _short(row, config.limits[name].model)) for name, row in named]
        for line, column, message in config.document.locate(problems):
            self._report(WARNING, f"{self._settings.config}:{line}:{column}", message)


def _one_of_each(config: ConfigFile) -> dict[str, RebalancingLimits]:
    """Return the portfolios of the YAML file, and of those of its table the first of each set of limits."""
    first = {one: name for name, one in reversed(config.set_of.items())}
    skipped = config.set_of.keys() - first.values()
    return {name: one for name, one in config.limits.items() if name not in skipped}


def _place_of(config: ConfigFile, portfolio_id: str) -> tuple[str, str]:
    """Return the keys under which the limits of a portfolio are written."""
    own = config.set_of.get(portfolio_id)
    return (LIMIT_SETS, own) if own else ("portfolios", portfolio_id)


def _short(row: Mapping[str, Any], model: str) -> str:
    """Return what a portfolio cannot reach, and why."""
    who = f"portfolio {row['portfolio_id']}"
    if not row["n_scored"]:
        return f"{who}: no name of its universe has a score of its model {model}: nothing can be bought"
    names = f"{row['n_pass']} of {row['n_scored']} names pass, {row['n_places']} find a place"
    why = f", {row['binds']} binds" if row["n_places"] and row["binds"] else ""
    fix = f"; {row['fix']}" if row["fix"] else ""
    return f"{who}: {names}: at most {row['reachable']:.4g} of {row['target']:.4g} can be invested{why}{fix}"
