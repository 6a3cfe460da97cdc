"""What waits in the inbox: files of days that were not read, and files that changed since they were."""

from collections.abc import Callable, Iterator
from datetime import date

from flows.cli.queries.health import Concern
from sizing.text import listed
from sql.snapshot_reader import Reader
from tasks.config.portfolios import load_feeds
from tasks.config.settings import Settings
from tasks.errors import ConfigError, SourceError
from tasks.sources.discovery import Source, days_in_inbox, find_all
from tasks.sources.reader import fetch_source
from tasks.text import readable


def find_unread(
    reader: Reader, settings: Settings, newest: date, read_days: frozenset[date], waits: Callable[[date], bool]
) -> tuple[Concern, ...]:
    """Name the files of the inbox that a run would read again. Feeds are not queried.

    `newest`: the newest published day. `read_days`: the days that were read. `waits`: whether a later day is still to
    be run, so that its files may lie there.
    """
    if not settings.inbox.is_dir():
        return ()
    try:
        feeds = frozenset(load_feeds(settings.config))
        days = [day for day in days_in_inbox(settings.inbox) if day >= newest and "scores" not in feeds]
        unread = [day for day in days if day not in read_days and waits(day)]
        changed = {day: [*_changed(reader, settings, day, feeds)] for day in sorted({newest, *days} & read_days)}
    except ConfigError:
        return ()
    except SourceError as problem:
        return (Concern("the inbox cannot be read", str(problem), "ballast validate"),)
    return (*_changed_concerns(changed), *_unread_concerns(unread))


def _changed(reader: Reader, settings: Settings, day: date, feeds: frozenset[str]) -> Iterator[str]:
    for source in find_all(settings.inbox, day):
        if source.contract.kind not in feeds and source.place and not _is_known(reader, source, day):
            yield readable(source.place.name)


def _is_known(reader: Reader, source: Source, day: date) -> bool:
    with fetch_source(source, day) as fetched:
        found = reader.query("find_ingest", kind=source.contract.kind, as_of_date=source.day, sha256=fetched.sha256)
    return not found.is_empty()


def _changed_concerns(changed: dict[date, list[str]]) -> Iterator[Concern]:
    for day, names in changed.items():
        if names:
            what = f"{listed(names)} changed in the inbox since {day} was read"
            yield Concern(what, f"the targets of {day} do not rest on them", f"ballast run --as-of {day}")


def _unread_concerns(days: list[date]) -> Iterator[Concern]:
    if len(days) == 1:
        yield Concern(
            f"scores of {days[0]} in the inbox are not read", "no run took them", f"ballast run --as-of {days[0]}"
        )
    elif days:
        what = f"scores of {len(days)} days in the inbox are not read"
        yield Concern(what, listed(list(map(str, days))), f"ballast run --from {days[0]} --to {days[-1]}")
