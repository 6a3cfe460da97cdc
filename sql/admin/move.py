"""Take every table from a database file into a lake, or back, each value compared before COMMIT.

What does not belong here: how either is opened.
"""

from pathlib import Path
from typing import Final, NamedTuple

from sql.admin.retention import require_new
from sql.engine.copied_files import written_copy
from sql.engine.locks import exclusive
from sql.engine.opening import pending_migrations
from sql.engine.statements import execute, literal, tables, transaction
from sql.engine.table_copies import copy_tables, require_empty
from sql.errors import MigrationError, WarehouseError
from sql.files.atomic_files import make_folder
from sql.lake import Lake
from sql.text import listed
from sql.warehouse import Warehouse

_FILE: Final = "ballast_file"


class Moved(NamedTuple):
    """From where to where, and the rows of each table, all of them compared."""

    source: str
    target: str
    n_rows: dict[str, int]


def move_to_lake(warehouse: Warehouse, lake: Lake) -> Moved:
    """Copy every table of the file into an empty lake in one transaction; the file stays as it is.

    *Raises* `WarehouseError` when the lake has rows, the file is not of this code, or any value differs: nothing of it
    is kept then.
    """
    with exclusive(warehouse.file.lock_path, warehouse.lock_timeout_seconds):
        _require_current(warehouse)
        lake.migrate()
        with lake.place.connected() as con:
            require_empty(con, lake.name)
            names = tables(con)
            execute(con, f"ATTACH {literal(warehouse.path)} AS {_FILE} (READ_ONLY)")
            with transaction(con):
                n_rows = copy_tables(con, names, f"{_FILE}.main", "lake.main")
            execute(con, f"DETACH {_FILE}")
    return Moved(warehouse.name, lake.name, n_rows)


def move_to_file(lake: Lake, warehouse: Warehouse) -> Moved:
    """Copy every table of the lake, as of one moment, into a new database file, which gets its name when it is whole.

    A lake of an earlier version becomes a file of that version, which is then migrated. *Raises* `WarehouseError` when
    there is a file with rows, or any value differs: nothing was changed then.
    """
    make_folder(warehouse.path.parent)
    with exclusive(warehouse.file.lock_path, warehouse.lock_timeout_seconds):
        if warehouse.exists():
            with warehouse.file.opened(warehouse.lock_timeout_seconds) as con:
                require_empty(con, warehouse.name)
        with written_copy(warehouse.path) as temporary:
            n_rows = lake.copy_into(temporary)
    return Moved(lake.name, warehouse.name, n_rows)


def copy_to_file(lake: Lake, path: Path) -> None:
    """Copy every table of the lake, as of one moment, into a new database file: its backup.

    *Raises* `WarehouseError` when there is a file of that name, or any value differs: nothing was changed then.
    """
    require_new(path)
    make_folder(path.parent)
    with written_copy(path) as temporary:
        lake.copy_into(temporary)


def _require_current(warehouse: Warehouse) -> None:
    """Write the log of the file into it. *Raises* `WarehouseError` for a file that lacks migrations."""
    if not warehouse.exists():
        msg = f"no warehouse at {warehouse.path}. Nothing was changed: correct the path"
        raise WarehouseError(msg)
    with warehouse.file.opened(warehouse.lock_timeout_seconds) as con:
        if pending := pending_migrations(con):
            msg = (
                f"{warehouse.path} lacks {listed([script.name for script in pending])}. Nothing was changed: migrate "
                "it with `ballast db migrate`"
            )
            raise MigrationError(msg)
        execute(con, "CHECKPOINT")
