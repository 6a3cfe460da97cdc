"""`ballast db`: how the warehouse is, whether all of it is right, copies of it, and the way back.

Heavy imports wait until a command needs them.
"""

from pathlib import Path

from cyclopts import App

from flows.cli.groups import OPERATE
from flows.terminal.parameters import AS_TABLE, Form

db = App(
    name="db", group=OPERATE, help="Look after the warehouse: bring it forward, prove it, copy it, put a copy back."
)


@db.command
def status(  # noqa: D417 - Form says its own flags
    *, warehouse: Path | None = None, snapshot: Path | None = None, form: Form = AS_TABLE
) -> int:
    """Say how the warehouse is: version, size, rows, last publication, snapshot, recoveries.

    Example: `ballast db status`

    Parameters
    ----------
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.

    """
    from flows.cli.handlers.db import show_status  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_status(_paths(warehouse=warehouse, snapshot=snapshot), form)


@db.command
def verify(  # noqa: D417 - Form says its own flags
    *,
    warehouse: Path | None = None,
    snapshot: Path | None = None,
    export_folder: Path | None = None,
    form: Form = AS_TABLE,
) -> int:
    """Read every value and prove every promise: sums, uniqueness, each published run, the copies for readers.

    Example: `ballast db verify`

    Nothing is changed. Exit codes: 0 all is right; 1 something is not, with a table of what.

    Parameters
    ----------
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.
    export_folder
        Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.

    """
    from flows.cli.handlers.db import show_verification  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_verification(_paths(warehouse=warehouse, snapshot=snapshot, export_folder=export_folder), form)


@db.command
def migrate(*, warehouse: Path | None = None) -> int:
    """Make the warehouse, or bring it forward to this version of Ballast.

    Example: `ballast db migrate`

    Parameters
    ----------
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.

    """
    from flows.cli.handlers.db import migrate_warehouse  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return migrate_warehouse(_paths(warehouse=warehouse))


@db.command
def snapshot(*, warehouse: Path | None = None, snapshot: Path | None = None, export_folder: Path | None = None) -> int:
    """Make the copy that readers open anew, and the exports that are not as in the warehouse.

    Example: `ballast db snapshot`

    Parameters
    ----------
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.
    export_folder
        Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.

    """
    from flows.cli.handlers.db import make_snapshot  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return make_snapshot(_paths(warehouse=warehouse, snapshot=snapshot, export_folder=export_folder))


@db.command
def backup(path: Path | None = None, /, *, warehouse: Path | None = None) -> int:
    """Write a consistent copy, and open it before it gets its name.

    Example: `ballast db backup monday.duckdb`

    Parameters
    ----------
    path
        The new file; none is overwritten. Default: in BALLAST_BACKUP_FOLDER or backups/ beside the
        warehouse, with the time (UTC) in its name.
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.

    """
    from flows.cli.handlers.db import make_backup  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return make_backup(path, _paths(warehouse=warehouse))


@db.command
def restore(
    path: Path,
    /,
    *,
    warehouse: Path | None = None,
    snapshot: Path | None = None,
    export_folder: Path | None = None,
) -> int:
    """Prove a backup, put it in the place of the warehouse, make a new snapshot and the exports of its days.

    Example: `ballast db restore monday.duckdb`

    The file that is replaced is kept beside it, and so are exports that are not as in the backup. A backup that is not
    sound is refused, and nothing is changed.

    Parameters
    ----------
    path
        The backup.
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.
    export_folder
        Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.

    """
    from flows.cli.handlers.db import restore_backup  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return restore_backup(path, _paths(warehouse=warehouse, snapshot=snapshot, export_folder=export_folder))


@db.command
def copy(*, warehouse: Path | None = None) -> int:
    """Bring the copy in PostgreSQL up to date: what is published and not there yet.

    Example: `ballast db copy`

    Each run does that by itself. The server is BALLAST_POSTGRES_URL, the schema BALLAST_POSTGRES_SCHEMA.

    Parameters
    ----------
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.

    """
    from flows.cli.handlers.db_copy import copy_now  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return copy_now(_paths(warehouse=warehouse))


@db.command
def schema(*, snapshot: Path | None = None) -> int:
    """Print every table, view and macro with its columns, and questions to ask them, as Markdown.

    Example: `ballast db schema > schema.md`

    Parameters
    ----------
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.

    """
    from flows.cli.queries.sql import show_schema  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_schema(_paths(snapshot=snapshot))


def _paths(**paths: Path | None) -> dict[str, Path]:
    return {name: path for name, path in paths.items() if path is not None}
