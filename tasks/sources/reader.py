"""From a source to its rows, each validated against the contract of its kind. Nothing is stored here."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta

from sql.records import IngestBatch
from tasks.errors import SourceError, SourceUnavailableError
from tasks.readers.formats import format_of, read_rows
from tasks.sources.database_query import fetched_answer
from tasks.sources.discovery import Source
from tasks.sources.locations import Fetched
from tasks.validation.header import Layout
from tasks.validation.row_validation import Delivery, apply_contract


def fetch_source(source: Source, day: date) -> AbstractContextManager[Fetched]:
    """Return the content as a file of this machine: the file itself, a copy, or the answer to its query."""
    return source.place.fetched() if source.place else fetched_answer(source.feed, day)


def read_source(source: Source, fetched: Fetched) -> Iterator[IngestBatch]:
    """Return its rows batch by batch, accepted or rejected.

    *Raises* `SourceError` for a day in the future, and for content that cannot be read as what it should be.
    """
    latest = datetime.now(UTC).date() + timedelta(days=1)
    if source.day and source.day > latest:
        msg = f"is of {source.day}, a day in the future: correct its name, or the clock of this machine"
        raise SourceError(msg)
    delivery = Delivery(source.day, latest, source.feed.notation)
    layout = Layout(source.contract, source.feed)
    name = source.feed.format or (format_of(source.place.name) if source.place else "arrow")
    try:
        for raw in read_rows(fetched.path, name, layout, delivery.notation):
            kept = raw._replace(rows=layout.without_left_out(raw.rows))
            yield apply_contract(source.contract, kept, delivery)
    except OSError as error:
        msg = f"cannot be read any more ({error.strerror or error}): see that it stays where it is, and run again"
        raise SourceUnavailableError(msg) from None
    fetched.require_unchanged()
