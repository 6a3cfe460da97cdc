"""What is asked of the PostgreSQL of a lake beside DuckLake: whose turn it is, whose catalog, and what is committed.

What does not belong here: the tables of the lake, which DuckLake reads and writes.
"""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sql.engine.locks import OTHER_PROCESS, attempts, log_waiting
from sql.errors import DatabaseUnreachableError, ForeignFileError, WarehouseError, WarehouseLockedError
from sql.external.postgres import Connection, PostgresAddress, connected, execute, kept_open, translated_errors
from sql.text import listed

_PREFIX: Final = "ducklake_"
_SHOWN_NAME: Final = 63
"""PostgreSQL cuts an application's name there."""


@dataclass(frozen=True)
class LakeCatalog:
    """The schema of a PostgreSQL database in which DuckLake keeps its catalog."""

    address: PostgresAddress
    schema: str
    lock_timeout_seconds: float

    def __str__(self) -> str:
        return f"{self.address} (schema {self.schema})"

    def exists(self) -> bool:
        """Whether the schema has a catalog of DuckLake.

        *Raises* `ForeignFileError` for tables of another application, `WarehouseError` when there is no answer.
        """
        with kept_open(self.address) as con:
            return self.is_on(con)

    def has_tables(self) -> bool:
        """Whether the lake has tables: of one that is being made, or whose maker was killed, there is only a catalog.

        *Raises* as `exists`.
        """
        with kept_open(self.address) as con:
            if not self.is_on(con):
                return False
            with translated_errors(self.address):
                return bool(execute(con, f"SELECT 1 FROM {self._quoted}.ducklake_table LIMIT 1"))  # noqa: S608 - quoted

    def is_on(self, con: Connection) -> bool:
        """Do as `exists`, over a connection that is open."""
        with translated_errors(self.address):
            rows = execute(con, "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = $1", self.schema)
        names = sorted(name for (name,) in rows)
        if foreign := [name for name in names if not name.startswith(_PREFIX)]:
            msg = (
                f"{self} has tables of another application ({listed(foreign)}). Nothing was changed: give the lake a "
                "schema of its own with BALLAST_LAKE_SCHEMA"
            )
            raise ForeignFileError(msg)
        return bool(names)

    def require_own_data_path(self, data_path: str) -> None:
        """Reject what would remove files of another lake of this database. *Raises* `WarehouseError`."""
        with kept_open(self.address) as con, translated_errors(self.address):
            sql = "SELECT schemaname FROM pg_catalog.pg_tables WHERE tablename = 'ducklake_metadata'"
            others = {schema for (schema,) in execute(con, sql)} - {self.schema}
            if same := sorted(schema for schema in others if _data_path(con, schema) == data_path):
                msg = (
                    f"{self} and the lakes in {listed(same)} have one data path, {data_path}. Nothing was removed: "
                    "give each lake a data path of its own"
                )
                raise WarehouseError(msg)

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """Hold the lock of the one writer; yield the connection that holds it, which frees it however it ends.

        *Raises* `WarehouseLockedError` naming the process that holds it for longer than `lock_timeout_seconds`.
        """
        with kept_open(self.address) as con:
            with translated_errors(self.address):
                name = f"ballast process {os.getpid()} on {socket.gethostname()}"[:_SHOWN_NAME]
                execute(con, "SELECT set_config('application_name', $1, false)", name)
                self._acquire(con)
            yield con

    def require_turn(self, con: Connection) -> None:
        """Ask whether the connection with the lock still stands. *Raises* `WarehouseError` where it does not."""
        with translated_errors(self.address):
            execute(con, "SELECT 1")

    def _acquire(self, con: Connection) -> None:
        holder = OTHER_PROCESS
        for attempt in attempts(self.lock_timeout_seconds):
            if execute(con, "SELECT pg_try_advisory_lock($1)", self._key)[0][0]:
                return
            holder = self._holder(con)
            log_waiting(attempt, str(self), holder, self.lock_timeout_seconds)
        msg = (
            f"the lake at {self} is held by {holder}, waited {self.lock_timeout_seconds:g} s. Nothing was changed: run "
            "again when it has ended; readers wait for nobody"
        )
        raise WarehouseLockedError(msg)

    def _holder(self, con: Connection) -> str:
        rows = execute(
            con,
            "SELECT application_name FROM pg_catalog.pg_locks JOIN pg_catalog.pg_stat_activity USING (pid) WHERE "
            "locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32) + objid::bigint = $1",
            self._key,
        )
        return str(rows[0][0]) if rows and rows[0][0] else OTHER_PROCESS

    @property
    def _key(self) -> int:
        """The number of the lock: below 2^62, the same for every process that has this schema."""
        return int.from_bytes(hashlib.sha256(f"ballast lake {self.schema}".encode()).digest()[:8], "big") >> 2

    def is_committed(self, token: str) -> bool:
        """Whether a transaction with the token is committed; waits for one that is being committed.

        *Raises* `WarehouseError` when the server does not say so in time: it is not known then.
        """
        try:
            for _ in attempts(self.lock_timeout_seconds):
                try:
                    return self._find(token)
                except DatabaseUnreachableError:
                    continue
            return self._find(token)
        except WarehouseError as error:
            msg = (
                f"the connection to {self} was lost at COMMIT, and it is not known whether this was kept: {error}. Run "
                "again when it answers: what was kept is found and not done twice"
            )
            raise WarehouseError(msg) from None

    def _find(self, token: str) -> bool:
        with connected(self.address) as con:
            execute(con, "SELECT set_config('lock_timeout', $1, true)", f"{max(1, int(self.lock_timeout_seconds))}s")
            # Whoever commits holds a weaker lock until the end.
            execute(con, f"LOCK TABLE {self._quoted}.ducklake_snapshot IN SHARE MODE")
            sql = f"SELECT count(*) FROM {self._quoted}.ducklake_snapshot_changes WHERE commit_extra_info = $1"  # noqa: S608
            return bool(execute(con, sql, token)[0][0])

    @property
    def _quoted(self) -> str:
        return _quote(self.schema)


def _quote(schema: str) -> str:
    return '"' + schema.replace('"', '""') + '"'


def _data_path(con: Connection, schema: str) -> str | None:
    sql = f"SELECT value FROM {_quote(schema)}.ducklake_metadata WHERE key = 'data_path'"  # noqa: S608 - a name that is there
    rows = execute(con, sql)
    return str(rows[0][0]) if rows else None
