"""The answer of another database to a feed's query, kept as text in a temporary file: hashed, and read as any other."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from sql.databases import read_batches
from tasks.feeds import Feed
from tasks.places import Fetched, with_environment
from tasks.read_arrow import frame_as_text

_BATCH_ROWS = 1 << 16
_NULL = "\\N"


@contextmanager
def fetched_answer(feed: Feed, day: date) -> Iterator[Fetched]:
    """Ask the feed's database and give the answer as an Arrow file, with the SHA-256 of its rows as text.

    The same rows in the same order have the same hash: a query should say its ORDER BY.
    *Raises* `WarehouseError` for what the database refuses, `SourceError` for a column that is no text, number or date.
    """
    url, query = with_environment(feed.database or ""), feed.query or ""
    digest = hashlib.sha256()
    writer: pa.RecordBatchFileWriter | None = None
    with tempfile.NamedTemporaryFile(prefix="ballast-", suffix=".arrow") as file:
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
        path = Path(file.name)
        yield Fetched.of(path, digest.hexdigest())
