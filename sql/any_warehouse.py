"""The warehouse, whichever store has its tables: one embedded file, or a lake. What both do is asked of this class.

What does not belong here: how a store is opened.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import polars as pl

from sql.engine import connections
from sql.engine.statements import Connection, query
from sql.records import Snapshot
from sql.store.operations import Steps


class AnyWarehouse(Steps):
    """The tables, what readers see of them, and the Parquet exports."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How messages name it; never with a password."""

    @property
    @abstractmethod
    def exports(self) -> Path:
        """The folder of the Parquet exports."""

    @abstractmethod
    def count_bytes(self, con: Connection) -> int:
        """Return the size of what the store keeps, bytes."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is one; it need not be sound."""

    @abstractmethod
    def migrate(self) -> tuple[str, ...]:
        """Make what is missing, tables and views, and return the versions applied. *Raises* `MigrationError`."""

    @abstractmethod
    def kept_open(self) -> AbstractContextManager["AnyWarehouse"]:
        """Return the warehouse on one open connection, for many small steps: each is still a transaction of its own.

        *Requires* one thread. It is held for the whole block: no other process can write meanwhile.
        """

    @abstractmethod
    def export(self, days: Sequence[date]) -> tuple[Path, ...]:
        """Export the visible targets of the days, one Parquet file a day, each whole or not at all."""

    @abstractmethod
    def require_own_copies(self, con: Connection, days: Sequence[date] | None) -> None:
        """Reject to replace copies of another warehouse: exports of the days (None: of all), the newest, a snapshot.

        *Raises* `ForeignFileError`.
        """

    @abstractmethod
    def snapshot(self, as_of_date: date | None = None) -> Snapshot:
        """Let readers see what is visible, and export the targets of the day, by default the newest visible one."""

    @abstractmethod
    def is_readable(self) -> bool:
        """Whether readers find anything: if not, `reading_snapshot` raises."""

    @abstractmethod
    def reading_snapshot(self) -> AbstractContextManager[Connection]:
        """Open what readers see, read-only: nothing that is published meanwhile changes it."""

    @property
    @abstractmethod
    def readers_open(self) -> str:
        """How messages name what readers open."""

    @abstractmethod
    def copy_for_readers(self, path: Path) -> None:
        """Write what readers see into a new database file, which may be changed. *Raises* `WarehouseError`."""

    @abstractmethod
    def translated_errors(self, con: Connection) -> AbstractContextManager[None]:
        """Translate an error of the database in the block into one that says what happened, and what to do."""

    def describe(self) -> pl.DataFrame:
        """Return the rows of the query `schema_columns`: tables, views and macros with their comments."""
        with self.reading_snapshot() as con:
            return query(con, "schema_columns")

    def query_snapshot(self, sql: str) -> pl.DataFrame:
        """Run one query on the snapshot as `query_snapshot_each` does, and return its rows; of several, the first's."""
        answer, *_ = self.query_snapshot_each(sql)
        return answer

    def query_snapshot_each(self, sql: str, *, is_flat: bool = False) -> Iterator[pl.DataFrame]:
        """Run each query of a text on the snapshot, read-only, and yield its rows, as `read_answer` returns them.

        *Raises* `WarehouseError` when there is no snapshot yet; `QueryError` before any runs when one is no query.
        """
        with self.reading_snapshot() as con:
            yield from connections.answer_queries(con, sql, is_flat=is_flat)
