"""The warehouse as a lake: its tables are Parquet files in a folder or a bucket, its catalog is in PostgreSQL.

One writer at a time holds a lock in PostgreSQL; readers hold none and read the lake itself, each at one moment. What
does not belong here: what is asked of PostgreSQL beside DuckLake, which is in sql/external/lake_catalog.py.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from sql.any_warehouse import AnyWarehouse
from sql.engine import lake_schema, owners
from sql.engine.connections import opened_kept, reworded
from sql.engine.connections import upgrade as migrate_file
from sql.engine.lake_connection import LakeConnection
from sql.engine.lake_errors import explain_lake
from sql.engine.lake_files import hidden_bucket, hidden_folder, link_of, make_link
from sql.engine.opening import apply_migration, pending_migrations
from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import Connection, execute, insert, literal, query, tables, transaction
from sql.engine.table_copies import copy_tables
from sql.engine.views import record_views_of, views_are_of_code
from sql.errors import ForeignFileError, MigrationError, WarehouseError
from sql.external.lake_catalog import LakeCatalog
from sql.external.postgres import Connection as PostgresConnection
from sql.object_store import ObjectStore, load_extension, make_secret
from sql.records import Snapshot
from sql.shared_opening import connected
from sql.store.exports import export_days, exported

READER: Final = "lake_reader"
"""How a connection that only reads names the lake."""
_WRITER: Final = "lake"
_EXTENSIONS: Final = ("ducklake", "postgres_scanner")
_FILE: Final = "ballast_file"
_NO_DOWNLOADS: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
# DuckLake would try a commit again beside another writer's, whose rows no check has seen.
_SETTINGS: Final = "SET ducklake_max_retry_count = 0"


@dataclass(frozen=True)
class LakePlace:
    """Where a lake is, and how it is opened: catalog, data path, and what DuckDB may take."""

    catalog: LakeCatalog
    data_path: str
    object_store: ObjectStore
    memory_limit: str
    spill_folder: Path

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield a connection that writes, while no other process has one."""
        with self.catalog.turn() as turn:
            self._require(is_there=self.catalog.is_on(turn))
            with self._opened_to_write(turn) as con:
                yield con

    @contextmanager
    def created(self) -> Iterator[Connection]:
        """Do as `connected`, and make the catalog where there is none."""
        with self.catalog.turn() as turn, self._opened_to_write(turn) as con:
            yield con

    @contextmanager
    def _opened_to_write(self, turn: PostgresConnection) -> Iterator[Connection]:
        with self._opened(_WRITER, "CREATE_IF_NOT_EXISTS true") as con:
            require_turn = partial(self.catalog.require_turn, turn)
            hidden = partial(hidden_bucket, con) if self.is_in_bucket else partial(hidden_folder, self._link)
            yield LakeConnection(con, lake_schema.guards(), require_turn, self.catalog.is_committed, hidden)

    @property
    def is_in_bucket(self) -> bool:
        """Whether the files are in a bucket; else they are in a folder."""
        return self.data_path.startswith("s3://")

    @property
    def metadata(self) -> str:
        """How a connection that writes names the tables of DuckLake itself."""
        return f'__ducklake_metadata_{_WRITER}."{self.catalog.schema}"'

    def _make_link(self) -> None:
        try:
            make_link(self.data_path, self._link)
        except OSError as error:
            raise self.explained(error) from None

    @property
    def _link(self) -> Path:
        return link_of(self.data_path, self.spill_folder.with_name("lake.links"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that only reads, as of one moment, and can open nothing but the files of the lake."""
        self._require(is_there=self.catalog.has_tables())
        lock = f"SET allowed_directories = [{literal(self.data_path)}]; SET enable_external_access = false"
        with self._opened(READER, "READ_ONLY", lock) as con, transaction(con):
            yield con

    @contextmanager
    def opened_to_copy(self) -> Iterator[Connection]:
        """Yield a connection that only reads the lake, and may write files."""
        self._require(is_there=self.catalog.has_tables())
        with self._opened(READER, "READ_ONLY") as con:
            yield con

    def _require(self, *, is_there: bool) -> None:
        if not is_there:
            msg = f"no lake at {self.catalog}: publish a day first, with `ballast run`, or correct the address"
            raise WarehouseError(msg)

    @contextmanager
    def _opened(self, name: str, mode: str, settings: str = "") -> Iterator[Connection]:
        """Open a database in memory with the lake attached. *Raises* `WarehouseError` for whatever is rejected.

        The process keeps it: to load the extensions and attach the lake takes longer than most steps.
        """
        config = {"memory_limit": self.memory_limit, "temp_directory": str(self.spill_folder), **_NO_DOWNLOADS}

        def prepare(con: Connection) -> None:
            self._load(con)
            self._attach(con, name, self.data_path, mode)
            if name != READER and not self.is_in_bucket:  # what the catalog says of the data path is right
                self._make_link()
                execute(con, f"DETACH {name}")
                self._attach(con, name, f"{self._link}/", f"OVERRIDE_DATA_PATH true, {mode}")
            execute(con, settings or "SELECT 1")

        with opened_kept((self, name, settings), config, prepare, self.explained) as con:
            execute(con, f"{_SETTINGS}; USE {name}")
            yield con

    def _load(self, con: Connection) -> None:
        for extension in _EXTENSIONS:
            load_extension(con, extension)
        login = self.catalog.address.login
        parts = {"HOST": login.hosts, "PORT": login.ports, "USER": login.user, "PASSWORD": login.password}
        make_secret(con, "catalog_login", "postgres", parts | {"DATABASE": login.database})
        if self.is_in_bucket:
            self.object_store.reach(con)

    def _attach(self, con: Connection, name: str, data_path: str, mode: str) -> None:
        options = " ".join(f"{option}={_quoted(value)}" for option, value in self.catalog.address.login.options)
        execute(
            con,
            f"ATTACH {literal(f'ducklake:postgres:{options}')} AS {name} (META_SECRET 'catalog_login', "
            f"METADATA_SCHEMA {literal(self.catalog.schema)}, DATA_PATH {literal(data_path)}, "
            f"DATA_INLINING_ROW_LIMIT 0, {mode})",
        )

    def explained(self, error: Exception) -> WarehouseError:
        """Return what happened to the lake and what to do, without a password."""
        return WarehouseError(explain_lake(str(self.catalog), self.data_path, error, self._without_secrets))

    def _without_secrets(self, text: str) -> str:
        return self.object_store.without_secrets(self.catalog.address.without_secrets(text))


@dataclass(frozen=True)
class Lake(AnyWarehouse):
    """The tables in a lake, and the folder of the Parquet exports.

    Safe to share between threads, processes and machines. *Raises* `WarehouseError` and nothing else for whatever the
    lake, its catalog or its files reject.
    """

    place: LakePlace
    export_folder: Path

    @property
    def name(self) -> str:
        """The address of the catalog, without user and password."""
        return str(self.place.catalog)

    @property
    def exports(self) -> Path:
        """The folder of the Parquet exports."""
        return self.export_folder

    def count_bytes(self, con: Connection) -> int:
        """Return the size of the files that the tables have now, bytes."""
        sizes = "sum(file_size_bytes + delete_file_size_bytes)"
        found = execute(con, f"SELECT coalesce({sizes}, 0)::BIGINT FROM ducklake_table_info(current_database())")  # noqa: S608
        return int(found[0][0])

    def exists(self) -> bool:
        """Whether there is a catalog."""
        return self.place.catalog.exists()

    def is_readable(self) -> bool:
        """Whether there are tables: readers need no copy."""
        return self.place.catalog.has_tables()

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield an open connection, which no other process has meanwhile; for the functions of this package."""
        with connected(self.place) as con:
            yield con

    def migrate(self) -> tuple[str, ...]:
        """Make the lake where there is none, then the views where they differ, and return the versions applied.

        *Raises* `MigrationError` for a lake of an earlier version, which is moved; of a later one; `ForeignFileError`.
        """
        if not self.exists():
            with self.place.created() as con:
                return upgrade(con, self.name)
        with self.connected() as con:
            return upgrade(con, self.name)

    @contextmanager
    def kept_open(self) -> Iterator["Lake"]:
        """Yield the lake on one open connection, for many small steps: each is still a transaction of its own."""
        with self.connected() as con:
            yield _KeptOpen(self.place, self.export_folder, con=con)

    def export(self, days: Sequence[date]) -> tuple[Path, ...]:
        """Export the visible targets of the days, one Parquet file a day, each whole or not at all."""
        with self.reading_snapshot() as con:
            self.require_own_copies(con, days)
            return export_days(con, self.export_folder, days)

    def snapshot(self, as_of_date: date | None = None) -> Snapshot:
        """Export the visible targets of the day, by default of the newest. Readers need no copy."""
        with self.reading_snapshot() as con:
            day: date | None = as_of_date or query(con, "newest_visible_day")["as_of_date"][0]
            self.require_own_copies(con, [day] if day else [])
            exports = export_days(con, self.export_folder, [day]) if day else ()
            return Snapshot(None, exports[0] if exports else None)

    def require_own_copies(self, con: Connection, days: Sequence[date] | None) -> None:
        """Reject to replace exports of another warehouse. *Raises* `ForeignFileError`."""
        owners.require_own_exports(con, {owners.warehouse_id(con)}, exported(self.export_folder, days), self.name)

    @contextmanager
    def reading_snapshot(self) -> Iterator[Connection]:
        """Open the lake read-only, as of one moment: nothing that is published meanwhile changes it."""
        with self.place.reading() as con:
            yield con

    @contextmanager
    def kept_readable(self) -> Iterator["Lake"]:
        """Yield the lake as of one moment, for many steps that only read: others write meanwhile."""
        with self.reading_snapshot() as con:
            yield _KeptOpen(self.place, self.export_folder, con=con)

    @property
    def readers_open(self) -> str:
        """The address of the catalog: readers open the lake itself."""
        return self.name

    def copy_for_readers(self, path: Path) -> None:
        """Copy every table into a new database file."""
        self.copy_into(path)

    def copy_into(self, path: Path) -> dict[str, int]:
        """Copy every table, as of one moment, into a new database file; return how many rows each has.

        The file is first of the version of the lake, then migrated to that of the code. *Raises* `WarehouseError`
        unless every value is the same.
        """
        with self.place.opened_to_copy() as con:
            versions, names = set(query(con, "applied_migrations")["version"]), tables(con)
            execute(con, f"ATTACH {literal(path)} AS {_FILE}; USE {_FILE}")
            for migration in read_scripts("migrations"):
                if migration.version in versions:
                    apply_migration(con, migration)
            with transaction(con):
                n_rows = copy_tables(con, names, f"{READER}.main", f"{_FILE}.main")
            migrate_file(con)
            execute(con, f"CHECKPOINT {_FILE}; USE {READER}; DETACH {_FILE}")
        return n_rows

    def translated_errors(self, con: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 - a lake has no damage that reading shows
        """Translate an error of DuckDB into one about the lake."""
        return reworded(self.place.explained)

    def describe(self) -> pl.DataFrame:
        """Return tables, views and macros with their comments, which a lake does not keep all."""
        return lake_schema.describe()


@dataclass(frozen=True, kw_only=True)
class _KeptOpen(Lake):
    """The lake on a connection that is open already."""

    con: Connection

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield the connection that is open already."""
        with self.translated_errors(self.con):
            yield self.con


def upgrade(con: Connection, name: str) -> tuple[str, ...]:
    """Make tables and views in an empty lake, else the views where they differ; return the versions applied."""
    known = tables(con)
    if not known:
        return _make(con)
    if "schema_migrations" not in known:
        msg = f"{name} is a lake of another application. Nothing was changed: correct the address, or the schema"
        raise ForeignFileError(msg)
    if pending := pending_migrations(con):
        msg = (
            f"{name} is of version {query(con, 'applied_migrations')['version'][-1]}, the code is of "
            f"{pending[-1].version}. Nothing was changed: move it into a file with `ballast db move --to embedded`, "
            "which is migrated, then back into a schema of its own (BALLAST_LAKE_SCHEMA) with `--to ducklake`"
        )
        raise MigrationError(msg)
    if not views_are_of_code(con):
        with transaction(con):
            lake_schema.make_views(con)
            record_views_of(con)
    return ()


def _make(con: Connection) -> tuple[str, ...]:
    migrations = read_scripts("migrations")
    with transaction(con):
        lake_schema.make_tables(con)
        insert(con, "schema_migrations", _applied(migrations))
        lake_schema.make_views(con)
        record_views_of(con)
    return tuple(migration.version for migration in migrations)


def _applied(migrations: Sequence[Script]) -> pl.DataFrame:
    rows = {name: [getattr(migration, name) for migration in migrations] for name in ("version", "name", "checksum")}
    return pl.DataFrame(rows).with_columns(applied_at=pl.lit(datetime.now(UTC)))


def _quoted(value: str) -> str:
    """Quote a value for libpq."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
