"""Find what describes a day: files in the inbox, or what the config's feeds name. Nothing is read here."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sizing.text import listed
from sql.records import IngestKind
from tasks.config.feeds import Feed, Feeds, without_secrets
from tasks.errors import SourceError
from tasks.file_contracts import CONTRACTS, Contract
from tasks.readers.formats import ENDINGS, OTHER_ENDINGS
from tasks.sources.locations import Place, find_places, local_place
from tasks.text import readable
from tasks.values.date_formats import parse_date

_DAY_IN_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_FEEDS: Mapping[IngestKind, Feed] = {}
_AS_IN_THE_INBOX = Feed(path=".")


@dataclass(frozen=True)
class Source:
    """What is to be read, the contract that it must keep, and how it is written.

    `place` None: the answer to the feed's query. `day` None: rows of many days, each of which says its own.
    """

    contract: Contract
    feed: Feed
    place: Place | None
    day: date | None

    @property
    def shown(self) -> str:
        """Its name in messages and in `ingests.source`."""
        if self.place:
            return self.place.shown
        return f"{without_secrets(self.feed.database or '')}: {' '.join((self.feed.query or '').split())}"


def find_sources(inbox: Path, day: date, feeds: Feeds = _NO_FEEDS) -> tuple[Source, ...]:
    """Return what describes the day, in the order of reading: of each kind its feed, or else its files of the inbox.

    Dated files (`scores_2024-12-02.csv`) and files of many days (`scores.parquet`) lie in the inbox; lists
    (`assets.csv`) there or in the folder above. Scores must be there, and whatever has a feed; the others may be.
    *Raises* `SourceError` when the inbox or what must be there is missing, for two files where one is meant, and for a
    file whose format is not read.
    """
    if "scores" not in feeds:
        _require_folder(inbox)
    found = find_all(inbox, day, feeds)
    kinds = {source.contract.kind for source in found}
    for contract in CONTRACTS:
        if contract.kind in feeds and contract.kind not in kinds:
            raise SourceError(_nothing_at(contract, feeds[contract.kind], day))
    if "scores" not in kinds:
        expected = f"scores_{day}.csv (or {_other_endings()})"
        msg = f"no scores for {day} in {readable(inbox)}: expected {expected}, {_what_is_there(inbox)}"
        raise SourceError(msg)
    return found


def find_all(inbox: Path, day: date, feeds: Feeds = _NO_FEEDS) -> tuple[Source, ...]:
    """Return what there is for the day, in the order of reading: a file of many days before one that may correct it.

    *Raises* `SourceError` for two files where one is meant, and for a feed that names no day and leads to nothing, or a
    file whose format is not read: the list of restrictions before it would go on counting in silence.
    """
    return tuple(
        source
        for contract in CONTRACTS
        for source in (
            _from_feed(contract, feeds[contract.kind], day)
            if contract.kind in feeds
            else _from_inbox(contract, inbox, day)
        )
    )


def days_in_inbox(inbox: Path, feeds: Feeds = _NO_FEEDS) -> tuple[date, ...]:
    """Return the days for which dated files of scores are there, in order; files of many days are not looked into.

    *Raises* `SourceError` when there is no inbox.
    """
    if "scores" not in feeds:
        _require_folder(inbox)
        return _days(inbox.glob("scores_????-??-??.*"), re.compile(r"^scores_(.{10})\."), "%Y-%m-%d")
    feed = feeds["scores"]
    if feed.path is None:
        return ()
    glob, finder, written = feed.path_on_any_day()
    return _days((Path(place.name) for place in find_places(glob, feed.deadline_seconds)[0]), finder, written)


def unread_in_inbox(inbox: Path) -> tuple[str, ...]:
    """Return the names of the files of an inbox that no run reads, in order; notes (`*.md`) and hidden files are none.

    *Requires* a folder.
    """
    stems = "|".join(f"{one.kind}(_{_DAY_IN_NAME.pattern})?" if one.is_dated else one.kind for one in CONTRACTS)
    read = re.compile(rf"({stems})({'|'.join(map(re.escape, ENDINGS))})")
    names = (path.name for path in inbox.iterdir() if not path.is_dir() and path.suffix != ".md")
    return tuple(sorted(readable(name) for name in names if not name.startswith(".") and not read.fullmatch(name)))


def _days(paths: Iterable[Path], finder: re.Pattern[str], written: str) -> tuple[date, ...]:
    days = set()
    for path in paths:
        found = finder.search(path.name)
        if found is None or not path.name.endswith(tuple(ENDINGS)):
            continue
        if (day := parse_date(found[1], written)) is None:
            msg = f"{readable(path)}: {readable(found[1])} is not a day: expected a name like scores_2024-12-02.csv"
            raise SourceError(msg)
        days.add(day)
    return tuple(sorted(days))


def _from_inbox(contract: Contract, inbox: Path, day: date) -> tuple[Source, ...]:
    folders = (inbox,) if contract.is_dated else (inbox, inbox.resolve().parent)
    for folder in folders:
        # Asked for by name: to list a folder of many years for each of its days would take longer than to read them.
        places = [local_place(path) for path in _named(contract, folder, day, ENDINGS)]
        if found := _in_folder(contract, _AS_IN_THE_INBOX, places, day):
            return found
    _reject_unread_formats(contract, inbox, day)
    return ()


def _named(contract: Contract, folder: Path, day: date, endings: Iterable[str]) -> list[Path]:
    """Return what a folder has under the kind's name, alone or with the day: whatever it is, so that none is missed."""
    paths = (folder / f"{stem}{ending}" for stem in (contract.kind, f"{contract.kind}_{day}") for ending in endings)
    return [path for path in paths if os.path.lexists(path)]


def _reject_unread_formats(contract: Contract, inbox: Path, day: date) -> None:
    """Reject a file of the inbox that is named as what is missing: another format, or a list with a day."""
    if there := _named(contract, inbox, day, (*OTHER_ENDINGS, *ENDINGS)):
        path = there[0]
        stem = path.name.partition(".")[0] if contract.is_dated else contract.kind
        why = "of a format" if path.name.endswith(OTHER_ENDINGS) else "under a name"
        msg = (
            f"{readable(path)} is {why} that is not read: save its {contract.kind} as {stem}.csv (or "
            f"{_other_endings()}), or take it out of the inbox"
        )
        raise SourceError(msg)


def _other_endings() -> str:
    return ", ".join(ending for ending in ENDINGS if ending != ".csv")


def _from_feed(contract: Contract, feed: Feed, day: date) -> tuple[Source, ...]:
    many = None if contract.is_dated else day
    if feed.path is None:
        return (Source(contract, feed, None, day if feed.is_of_one_day else many),)
    address = feed.path_on(day)
    places, is_folder = find_places(address, feed.deadline_seconds)
    if not places and not feed.is_of_one_day:
        raise SourceError(_nothing_at(contract, feed, day))
    if is_folder:
        return _in_folder(contract, feed, places, day)
    if feed.is_of_one_day:
        return _one(contract, feed, places, day)
    of_the_day = [place for place in places if day.isoformat() in place.name and contract.is_dated]
    of_no_day = [place for place in places if not _DAY_IN_NAME.search(place.name)]
    return _one(contract, feed, of_no_day, many) + _one(contract, feed, of_the_day, day)


def _in_folder(contract: Contract, feed: Feed, places: Iterable[Place], day: date) -> tuple[Source, ...]:
    """Take from a folder what is named by its kind: `scores.parquet`, `scores_2024-12-02.csv`."""
    of_no_day = {f"{contract.kind}{ending}" for ending in ENDINGS}
    undated = [place for place in places if place.name in of_no_day]
    if not contract.is_dated:
        return _one(contract, feed, undated, day)
    of_the_day = {f"{contract.kind}_{day}{ending}" for ending in ENDINGS}
    dated = [place for place in places if place.name in of_the_day]
    return _one(contract, feed, undated, None) + _one(contract, feed, dated, day)


def _one(contract: Contract, feed: Feed, places: Sequence[Place], day: date | None) -> tuple[Source, ...]:
    if len(places) > 1:
        names = listed([place.shown for place in places], between=" and ")
        of_day = f" of {day}" if day else ""
        msg = f"{len(places)} files of {contract.kind}{of_day}, expected one: {names}. Nothing was read: keep one"
        raise SourceError(msg)
    return tuple(Source(contract, feed, place, day) for place in places)


def _require_folder(inbox: Path) -> None:
    if not inbox.is_dir():
        msg = f"no inbox folder at {readable(inbox)}: give its path with --inbox or BALLAST_INBOX"
        raise SourceError(msg)


def _nothing_at(contract: Contract, feed: Feed, day: date) -> str:
    address = without_secrets(readable(feed.path_on(day)))
    return f"no {contract.kind} for {day} at {address}: deliver them, or correct the feed in the config"


def _what_is_there(inbox: Path) -> str:
    days = days_in_inbox(inbox)
    if not days:
        return "and found no scores_YYYY-MM-DD.csv at all"
    return f"found {days[0]}" if len(days) == 1 else f"found {len(days)} days from {days[0]} to {days[-1]}"
