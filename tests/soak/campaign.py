"""Kill the process again and again while it works through the days, and hold everything against a run without kills.

After each kill the day is simply started again. It must complete by itself, with the same content; what was
acknowledged must be there; the trail of events must tell what happened; a reader looks all the time.
"""

import json
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from sql.engine.statements import Connection
from sql.files.atomic_files import count_wal_bytes
from tasks.config.settings import Settings
from tests.soak.contents import Contents, differences, read_contents
from tests.soak.faults import Kill, Step, When
from tests.soak.market import CONFIG, WITH_A_PAST, Work
from tests.soak.processes import processes, reading
from tests.soak.reader import Watch, opened
from tests.soak.worker import Order, live

KILLED = -signal.SIGKILL
KEPT_OPEN_SHARE = 0.3
"""Lives that keep one connection open, as a backfill does: what is committed is then not yet in the file itself."""

SECONDS = 120
"""A life that takes longer hangs."""


_AGAIN_SHARE = 0.3
_MOST_KILLS_A_WORK = 3
_TRAIL = re.compile(
    r"(started (failed )?)+(published (unchanged )*(superseded )?(unchanged )*)?|(started (failed )?|held )+"
)


class Life(Protocol):
    """A process that was given an order."""

    exitcode: int | None

    def join(self, timeout: float | None = None) -> None: ...

    def kill(self) -> None: ...


Start = Callable[[Order], Life]
Install = Callable[[Path], Settings]
"""Makes an installation in a folder."""


@dataclass
class Figures:
    """What a campaign counted and measured. `findings` says what went wrong: nothing, if all is well."""

    kills: Counter[str] = field(default_factory=Counter)
    steps: set[tuple[str, str]] = field(default_factory=set)
    works_completed: int = 0
    recoveries: int = 0
    acknowledged: int = 0
    looks: int = 0
    seconds_to_open: list[float] = field(default_factory=list)
    seconds_to_complete: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """How a work goes without kills: its steps, its time, what the installation holds after it."""

    work: Work
    steps: tuple[Step, ...]
    seconds: float
    contents: Contents


@dataclass(frozen=True)
class Plan:
    """When a life ends: by itself at a step, or by us after some time; neither: never."""

    name: str
    kill: Kill | None = None
    seconds: float | None = None


def start_process(order: Order) -> Life:
    """Start a life in a process of its own."""
    process = processes().Process(target=live, args=(order,))
    process.start()
    return process


def make_installation(home: Path) -> Settings:
    """Make the folder of a new installation."""
    home.mkdir(parents=True)
    config = home / "portfolios.yaml"
    config.write_text(CONFIG.read_text().replace("\ndefaults:", f"\ndefaults:{WITH_A_PAST} ", 1))
    return Settings(
        config=config,
        warehouse=home / "warehouse.duckdb",
        snapshot=home / "readers" / "snapshot.duckdb",
        export_folder=home / "targets",
    )


def make_references(
    folder: Path,
    works: Sequence[Work],
    advance: Callable[[], None] = lambda: None,
    install: Install = make_installation,
) -> tuple[Reference, ...]:
    """Do all works without a kill, and keep what each did and left."""
    settings, references = install(folder / "installation"), list[Reference]()
    for number, work in enumerate(works):
        journal = folder / f"{number}.jsonl"
        process = start_process(make_order(settings, work, journal))
        process.join(SECONDS)
        lines = _read(journal)
        if lines[-1].get("outcome") != work.outcome:
            msg = f"{work.name} without a kill did not end as {work.outcome}: {lines[-1]}"
            raise AssertionError(msg)
        steps = tuple(Step(**step) for step in lines[-1]["steps"])
        references.append(Reference(work, steps, lines[-1]["at"] - lines[0]["at"], read_contents(settings)))
        advance()
    return tuple(references)


@dataclass
class Campaign:
    """Works through the days as often as it takes, a new installation each time, until there were enough kills.

    `install` makes an installation, `start` a process for an order. `points_share` of the kills are at a step (of this
    `call`, where one is given), the others at random moments. The reader rests `pause_seconds` between two looks.
    """

    folder: Path
    references: Sequence[Reference]
    seed: int = 0
    sabotage: str | None = None
    install: Install = make_installation
    start: Start = start_process
    points_share: float = 0.75
    call: str | None = None
    pause_seconds: float = 0.1
    progress: Callable[[], None] = lambda: None
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self._numbers = count()
        self._random = random.Random(self.seed)
        self._killed: Counter[object] = Counter()

    def run(self, kills: int, *, plan: Plan | None = None) -> Figures:
        """Kill so often, or more to end an installation; a given plan is that of every first life."""
        while self.figures.kills.total() < kills and not self.figures.findings:
            home = self.folder / f"installation-{next(self._numbers)}"
            settings = self.install(home)
            with self._reading(settings):
                for reference in self.references:
                    if self.figures.kills.total() >= kills or self.figures.findings:
                        break
                    _Day(self, settings, reference).complete(plan or self._plan(reference))
            if not self.figures.findings:
                shutil.rmtree(home)
        return self.figures

    def order(self, settings: Settings, work: Work, journal: Path, kill: Kill | None) -> Order:
        """Return the order for one life."""
        is_kept_open = work.first is None and self._random.random() < KEPT_OPEN_SHARE
        return replace(
            make_order(settings, work, journal), kill=kill, sabotage=self.sabotage, is_kept_open=is_kept_open
        )

    def count(self, plan: Plan) -> None:
        """Count one kill."""
        self.figures.kills[plan.name] += 1
        if plan.kill:
            self.figures.steps.add((plan.kill.stage, plan.kill.call))
        self.progress()

    def plan_again(self, reference: Reference, kills: int) -> Plan:
        """Report whether the recovery is killed too, and when."""
        if kills >= _MOST_KILLS_A_WORK or self._random.random() > _AGAIN_SHARE:
            return Plan("none")
        if self._random.random() > self.points_share:
            return self._random_moment(reference)
        number = self._random.randrange(len(reference.steps))
        return Plan("during a recovery", self._kill(reference, number, "during"))

    def _plan(self, reference: Reference) -> Plan:
        if self._random.random() > self.points_share:
            return self._random_moment(reference)
        points = [
            (self._killed[step.stage, step.call, when], self._killed[step.stage], self._random.random(), number, when)
            for number, step in enumerate(reference.steps)
            if self.call in {None, step.call}
            for when in ("before", "during", "after")
        ]
        *_, number, when = min(points)
        step = reference.steps[number]
        self._killed.update([(step.stage, step.call, when), step.stage])
        return Plan(step.stage, self._kill(reference, number, when))

    def _kill(self, reference: Reference, number: int, when: When) -> Kill:
        step = reference.steps[number]
        repetition = sum((one.stage, one.call) == (step.stage, step.call) for one in reference.steps[:number])
        return Kill(step.stage, step.call, when, repetition, self._random.uniform(0, step.seconds))

    def _random_moment(self, reference: Reference) -> Plan:
        return Plan("at a random moment", seconds=self._random.uniform(0, reference.seconds))

    @contextmanager
    def _reading(self, settings: Settings) -> Iterator[None]:
        """Let a reader look at the tables and the exports while the block runs."""
        whole = self.references[-1].contents.rows
        with reading(Watch(settings.open_warehouse(), whole, self.pause_seconds)) as seen:
            yield
        self.figures.looks += seen().looks
        self.figures.findings += [f"torn: {torn}" for torn in seen().torn]


class _Day:
    """One work of one installation, from its first life to its completion."""

    def __init__(self, campaign: Campaign, settings: Settings, reference: Reference) -> None:
        self._campaign = campaign
        self._settings = settings
        self._work = reference.work
        self._reference = reference
        self._journal = settings.warehouse.parent.with_suffix(".jsonl")
        self._recoveries = self._count_recoveries()

    def complete(self, plan: Plan) -> None:
        """Live, be killed, live again, until the work is done; then look at everything."""
        kills = wals = sure = 0
        while True:
            lines_before = len(_read(self._journal))
            exitcode = self._live(plan)
            lines = _read(self._journal)[lines_before:]
            if exitcode == KILLED:
                kills += 1
                wals += count_wal_bytes(self._settings.warehouse) > 0
                sure += count_wal_bytes(self._settings.warehouse) > 0 and self._has_history()
                self._campaign.count(plan)
                plan = self._campaign.plan_again(self._reference, kills)
                continue
            self._measure(lines, kills)
            break
        findings = self._campaign.figures.findings
        outcome = lines[-1].get("outcome") or lines[-1].get("error")
        if outcome not in {self._work.outcome, *(["Unchanged"] if kills else [])}:
            findings.append(f"not recovered: {self._work.name} after {kills} kills ended with {exitcode}: {outcome}")
            return
        findings += [f"{self._work.name}: {found}" for found in self._look(wals, sure)]
        self._campaign.figures.works_completed += 1

    def _live(self, plan: Plan) -> int:
        process = self._campaign.start(self._campaign.order(self._settings, self._work, self._journal, plan.kill))
        if plan.seconds is not None:
            time.sleep(plan.seconds)
            process.kill()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            self._campaign.figures.findings.append(f"hangs: {self._work.name}, {plan}")
        return int(process.exitcode or 0)

    def _measure(self, lines: list[dict[str, Any]], kills: int) -> None:
        if kills:
            opened = next((line["at"] for line in lines if line["what"] == "migrate"), lines[-1]["at"])
            self._campaign.figures.seconds_to_open.append(opened - lines[0]["at"])
            self._campaign.figures.seconds_to_complete.append(lines[-1]["at"] - lines[0]["at"])

    def _look(self, wals: int, sure: int) -> Iterator[str]:
        """Report what is lost, different, left over or not told after the work.

        `wals` kills left a log, `sure` of them after a migration, before which there is no table to tell of it.
        """
        yield from differences(read_contents(self._settings), self._reference.contents)
        with opened(self._settings.open_warehouse()) as con:
            yield from self._find_lost(con)
            yield from _find_bad_trails(con)
        recoveries = self._count_recoveries() - self._recoveries
        self._campaign.figures.recoveries += recoveries
        if not min(sure, 1) <= recoveries <= wals:
            yield f"not told: {recoveries} recoveries recorded after {wals} kills that left a log"

    def _find_lost(self, con: Connection) -> Iterator[str]:
        lines = [line for line in _read(self._journal) if line["what"] not in {"order", "done", "failed"}]
        self._campaign.figures.acknowledged += len(lines)
        ingests = {one for (one,) in con.sql("SELECT ingest_id FROM ingests").fetchall()}
        yield from (f"lost: ingest {one}" for line in lines for one in set(line["ingests"]) - ingests)
        for what, states in (("start_run", ("started", "unchanged")), ("publish", ("published", "published"))):
            told = Counter(run_id for line in lines if line["what"].startswith(what) for run_id in line["runs"])
            events = con.sql(f"SELECT run_id, count(*) FROM run_events WHERE state IN {states!r} GROUP BY ALL")
            kept = dict(events.fetchall())
            for run_id, times in told.items():
                expected = times if what == "start_run" else 1
                if kept.get(run_id, 0) < expected:
                    yield f"lost: {what} of {run_id} was acknowledged {times} times, found {kept.get(run_id, 0)}"

    def _has_history(self) -> bool:
        """Whether a migration was acknowledged, so that recoveries are recorded."""
        return any(line["what"] == "migrate" for line in _read(self._journal))

    def _count_recoveries(self) -> int:
        if not self._settings.open_warehouse().is_readable():
            return 0
        with opened(self._settings.open_warehouse()) as con:
            return int(con.sql("SELECT count(*) FROM recoveries").fetchall()[0][0])


def _find_bad_trails(con: Connection) -> Iterator[str]:
    trails = "SELECT run_id, string_agg(state, ' ' ORDER BY event_id) || ' ' FROM run_events GROUP BY ALL"
    for run_id, trail in con.sql(trails).fetchall():
        if not _TRAIL.fullmatch(trail):
            yield f"not told: the events of {run_id} are {trail}"


def make_order(settings: Settings, work: Work, journal: Path) -> Order:
    """Order a work as it is without kills."""
    return Order(settings.at({"inbox": work.inbox}), work.day, journal, work.first)


def _read(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
