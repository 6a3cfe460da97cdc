"""The rows of some portfolios of a run, checked as a publication checks them, and written as their tables keep them.

Everything happens in memory: no warehouse is opened, so many processes and machines do this at the same time. What does
not belong here: who publishes the files that are written.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

import polars as pl

from sql.engine.connections import opened_in_memory, opened_kept, reworded
from sql.engine.opening import apply_migration
from sql.engine.scripts import read_script, read_scripts
from sql.engine.statements import Connection, command, execute, fill, insert, literal, query, read, transaction
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import PublishRejectedError, WarehouseError
from sql.files.atomic_files import written_beside
from sql.object_store import ObjectStore, is_in_bucket
from sql.records import RunRecord, Totals
from sql.store.runs import as_row, find_failures, record_portfolios
from sql.store.stored_rows import read_totals

_CONFIG: Final = {"threads": "1"}
"""So the same rows are the same bytes."""


def write_checked(
    record: RunRecord, frames: Mapping[str, pl.DataFrame], files: Mapping[str, str], store: ObjectStore
) -> Mapping[str, Totals]:
    """Write the rows of each of these tables into its file, run_id included, and return their totals.

    A file is a path, or an address in the bucket of `store`.

    *Requires* in `record` the portfolios of the frames, and those alone; the frames of `RUN_TABLES`, without run_id.
    *Raises* `PublishRejectedError` when a check fails; nothing is written then.
    """
    with _warehouse_in_memory() as con:
        with transaction(con):
            command(con, "record_run", **as_row(record, datetime.now(UTC)))
            record_portfolios(con, [record])
            for table in RUN_TABLES:
                insert(con, table, frames[table].with_columns(run_id=pl.lit(record.run_id)))
        if failures := find_failures(con, record.run_id, read_scripts("checks/publication")):
            raise PublishRejectedError(record.run_id, failures)
        for table, file in files.items():
            with _written(con, file, store) as path:
                execute(con, fill("write_table", table=table, file=literal(path)))
        return {table: read_totals(con, table, record.run_id) for table in files}


@contextmanager
def _written(con: Connection, file: str, store: ObjectStore) -> Iterator[str | Path]:
    """Yield what is written for a file: an object in a bucket is whole or not there by itself."""
    if not is_in_bucket(file):
        with written_beside(Path(file)) as path:
            yield path
        return
    with reworded(partial(_unreached, store)):
        store.reach(con)
        yield file


def hash_files(files: Sequence[str], store: ObjectStore) -> tuple[str, ...]:
    """Return the SHA-256 of each of some files in the bucket of `store`.

    *Raises* `WarehouseError` where one is not there, or the bucket cannot be read.
    """
    with opened_kept(store, _CONFIG, store.reach, partial(_unreached, store)) as con:
        found = dict(execute(con, "SELECT filename, sha256(content) FROM read_blob($files)", files=list(files)))
    return tuple(found[file] for file in files)


def scan_files(files: Sequence[str], store: ObjectStore) -> pl.LazyFrame:
    """Return the rows of files of one table, which are read when they are collected."""
    if not is_in_bucket(files[0]):
        return pl.scan_parquet(list(files))
    return pl.defer(partial(_read, files, store), schema=lambda: _read(files[:1], store, "LIMIT 0").schema)


def _read(files: Sequence[str], store: ObjectStore, some: str = "") -> pl.DataFrame:
    with opened_kept(store, _CONFIG, store.reach, partial(_unreached, store)) as con:
        return read(con, f"FROM read_parquet($files) {some}", files=list(files))


@contextmanager
def _warehouse_in_memory() -> Iterator[Connection]:
    """Open an empty warehouse with what a publication writes and checks read, each table with its constraints."""
    with opened_in_memory(_CONFIG, _failed) as con:
        for statement in (*_tables(), read_script("views", "070_run_limits").sql):
            execute(con, statement)
        yield con


@cache
def _tables() -> tuple[str, ...]:
    """Return the statements that make the tables: they take a fiftieth of the time of the migrations."""
    with opened_in_memory(_CONFIG, _failed) as con:
        for migration in read_scripts("migrations"):
            apply_migration(con, migration)
        return tuple(query(con, "table_statements")["statement"])


def _failed(error: Exception) -> WarehouseError:
    return WarehouseError(f"the rows of a shard cannot be checked: {error}. Nothing was published: run again")


def _unreached(store: ObjectStore, error: Exception) -> WarehouseError:
    reason = store.without_secrets(" ".join(str(error).split())).rstrip(".")
    return WarehouseError(
        f"the files of a shard cannot be written or read in the bucket: {reason}. Nothing was published: correct the "
        "address, the keys, the rights or the clock, and run again"
    )
