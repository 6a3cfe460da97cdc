"""The answer of another database to a feed's query, kept as text in a temporary file: hashed, and read as any other."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from sql.external.databases import read_batches
from tasks.config.feeds import Feed, with_environment, without_secrets
from tasks.readers.arrow_reader import frame_as_text
from tasks.sources.deadlines import within
from tasks.sources.locations import Fetched

_BATCH_ROWS = 1 << 16
_NULL = "\\N"


@contextmanager
def fetched_answer(feed: Feed, day: date) -> Iterator[Fetched]:
    """Query the feed's database and return the rows as an Arrow file, with the SHA-256 of its rows as text.

    The same rows in the same order have the same hash: a query should have an ORDER BY.
    *Raises* `WarehouseError` for what the database rejects, `SourceError` where it does not answer in time, and
    for a column that is no text, number or date.
    """
    with tempfile.NamedTemporaryFile(prefix="ballast-", suffix=".arrow") as file:
        what = f"the query on {without_secrets(feed.database or '')}"
        digest = within(feed.deadline_seconds, what, lambda: _write_answer(feed, day, file))
        yield Fetched.of(Path(file.name), digest)


def _write_answer(feed: Feed, day: date, file: Any) -> str:  # noqa: ANN401 - a temporary file
    url, query = with_environment(feed.database or ""), feed.query or ""
    digest = hashlib.sha256()
    writer: pa.RecordBatchFileWriter | None = None
    for frame in read_batches(url, query, {"as_of_date": day}, _BATCH_ROWS):
        table = frame_as_text(frame, feed.notation).to_arrow()
        if writer is None:
            digest.update("\n".join(table.schema.names).encode())
            writer = pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        writer.write_table(table)
        digest.update(pl.DataFrame(table).write_csv(include_header=False, null_value=_NULL).encode())
    if writer:
        writer.close()
    file.flush()
    return digest.hexdigest()
