"""Sources to tables: read what describes a day, keep the good rows, keep the rejected ones with the rule they broke."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date

from sizing.text import counted
from sql.any_warehouse import AnyWarehouse
from sql.records import Ingest, IngestSource
from sql.shared_opening import closed_meanwhile
from tasks.config.feeds import Feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError, SourceUnavailableError
from tasks.retries import RETRIES
from tasks.sources.discovery import Source, find_all, find_sources
from tasks.sources.locations import Fetched
from tasks.sources.reader import fetch_source, read_source
from tasks.stages import run_logger, stage
from tasks.text import readable
from tasks.validation.file_acceptance import FileAcceptance


@dataclass(frozen=True)
class Ingested:
    """What came in with one source for one day."""

    kind: str
    source: str
    ingest: Ingest


@stage("ingest", RETRIES, is_quick=True)
def ingest_day(settings: Settings, day: date, feeds: Feeds) -> tuple[Ingested, ...]:
    """Read what describes the day into the warehouse. The same content twice is one ingest.

    *Raises* `SourceError` for scores that are missing, and for content that is rejected whole, which is recorded.
    """
    sources = find_sources(settings.inbox, day, feeds)
    ingested = _take_in(settings, (day,), [(source, day) for source in sources])
    if not any(one.kind == "scores" and one.ingest.refusal is None for one in ingested):
        shown = " and ".join(source.shown for source in sources if source.contract.kind == "scores")
        msg = f"no scores for {day} in {shown}: deliver them, or correct the day"
        raise SourceError(msg)
    accepted = sum(one.ingest.rows_accepted for one in ingested)
    rejected = sum(one.ingest.rows_rejected for one in ingested)
    run_logger().info("ingest: %d files, %d rows accepted, %d rejected", len(ingested), accepted, rejected)
    return ingested


def ingest_range(settings: Settings, days: Sequence[date], feeds: Feeds) -> tuple[Ingested, ...]:
    """Read what there is for these days, in order: lists, dated files, and each file of many days once.

    A day without scores is no error here. Content that the warehouse has already is hashed, not read.
    *Returns* what there is of these days. *Raises* `SourceError` for content that is rejected whole, which is recorded,
    and for two files where one is meant.
    """
    found = [(source, day) for day in sorted(days) for source in find_all(settings.inbox, day, feeds)]
    return _take_in(settings, days, found)


def _take_in(settings: Settings, days: Sequence[date], found: Sequence[tuple[Source, date]]) -> tuple[Ingested, ...]:
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    # What is fetched from elsewhere may take long: nobody should wait for the warehouse meanwhile.
    is_here = all(source.place and source.place.is_here for source, _ in found)
    ingested: dict[tuple[str, str, date], Ingested] = {}
    with ExitStack() as stack:
        session = stack.enter_context(warehouse.kept_open() if is_here else _opened_for_each_step(warehouse))
        # Before anything is published that its readers then would not see.
        with session.connected() as con:
            session.require_own_copies(con, days)
        intake = _Intake(session, settings, tuple(sorted(days)), stack)
        for source, day in found:
            for one in intake.take(source, day):
                ingested.setdefault((one.kind, one.source, one.ingest.as_of_date), one)
    return tuple(ingested.values())


@contextmanager
def _opened_for_each_step(warehouse: AnyWarehouse) -> Iterator[AnyWarehouse]:
    with closed_meanwhile():
        yield warehouse


class _Intake:
    """The way into one warehouse for the days of one range. What is of no single day is fetched and read once."""

    def __init__(self, warehouse: AnyWarehouse, settings: Settings, days: tuple[date, ...], stack: ExitStack) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._days = days
        self._stack = stack
        self._kept: dict[str, Fetched] = {}
        self._histories: set[str] = set()

    def take(self, source: Source, day: date) -> Iterator[Ingested]:
        """Read one source of what was found for the day, unless it was read before."""
        if source.day is None and source.shown in self._histories:
            return
        if source.contract.kind == "scores":
            self._require_assets(day)
        with self._fetched(source, day) as fetched:
            ingests = self._record(source, fetched)
        if source.day is None:
            self._histories.add(source.shown)
        name = readable(source.place.name) if source.place else source.shown
        yield from (Ingested(source.contract.kind, name, one) for one in ingests)

    def _fetched(self, source: Source, day: date) -> AbstractContextManager[Fetched]:
        if source.feed.is_of_one_day or (source.place and source.place.is_here):
            return fetch_source(source, day)
        if source.shown not in self._kept:
            self._kept[source.shown] = self._stack.enter_context(fetch_source(source, day))
        return nullcontext(self._kept[source.shown])

    def _record(self, source: Source, fetched: Fetched) -> tuple[Ingest, ...]:
        kind, sha256 = source.contract.kind, _identity(source, fetched)
        known = self._warehouse.find_ingest(kind, source.day, sha256)
        if known is None or known.refusal is not None:
            record = IngestSource(kind, source.shown, sha256, source.day or self._days[-1])
            ingests = self._read(source, fetched, record)
            return tuple(one for one in ingests if source.day or one.as_of_date in self._days)
        if source.day:
            return (known,)
        of_days = (self._warehouse.find_ingest(kind, day, sha256) for day in self._days)
        return tuple(one for one in of_days if one)

    def _read(self, source: Source, fetched: Fetched, record: IngestSource) -> tuple[Ingest, ...]:
        acceptance = FileAcceptance(source.contract, self._settings.max_reject_share, self._known_assets(source))
        batches = acceptance.watch(read_source(source, fetched))
        try:
            if source.day:
                ingests: tuple[Ingest, ...] = (self._warehouse.record_ingest(record, batches, acceptance),)
            else:
                ingests = self._warehouse.record_history(record, batches, acceptance)
        except SourceUnavailableError as error:
            msg = f"{source.shown} {error}"
            raise SourceUnavailableError(msg) from None
        except SourceError as error:
            self._warehouse.record_refusal(record, str(error))
            msg = f"{source.shown} {error}"
            raise SourceError(msg) from None
        if acceptance.refusal:
            msg = f"{source.shown} {acceptance.refusal}"
            raise SourceError(msg)
        return ingests

    def _known_assets(self, source: Source) -> frozenset[str] | None:
        if source.contract.kind != "positions":
            return None
        return frozenset(self._warehouse.query("assets_ever_listed")["asset"])

    def _require_assets(self, day: date) -> None:
        if self._warehouse.query("assets_for_day", as_of_date=day).is_empty():
            msg = (
                f"no asset list: expected assets.csv in {readable(self._settings.inbox)} or in the folder above, or a "
                "feed of assets, with asset, bucket"
            )
            raise SourceError(msg)


def _identity(source: Source, fetched: Fetched) -> str:
    """Hash the content, and how it is to be read where that is not as in the inbox: read otherwise, it is another."""
    declared = source.feed.model_dump(exclude_defaults=True, exclude={"path", "database", "query", "deadline_seconds"})
    if not declared:
        return fetched.sha256
    return hashlib.sha256(f"{fetched.sha256} {json.dumps(declared, sort_keys=True)}".encode()).hexdigest()


def summarise_rejects(ingested: tuple[Ingested, ...]) -> tuple[str, ...]:
    """Return how many rows were rejected; nothing when none was."""
    n_refused = sum(one.ingest.rows_rejected for one in ingested)
    return (f"{counted(n_refused, 'row')} rejected, see rejected_rows",) if n_refused else ()
