"""Whose a copy is: a snapshot and an export carry the id of their warehouse, and those of another are never replaced.

The id comes from the moment of the first migration, which every copy and backup has, those of earlier releases too. An
export of an earlier release has no id: it is known by its runs.
"""

import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import polars as pl

from sql.engine.statements import Connection, query, tables, using
from sql.errors import ForeignFileError
from sql.files.atomic_files import written_beside
from sql.files.plain_files import read_text, require_file

METADATA_KEY = "ballast_warehouse_id"
"""Under this key the metadata of an export has the id."""

_LOG = logging.getLogger(__name__)
_FOREIGN = (
    "%s is the snapshot of another warehouse than %s: correct BALLAST_SNAPSHOT or BALLAST_WAREHOUSE, or the flags"
)
_LONGEST_ID = 1_000
_OTHER_APPLICATION = "another application"
_OWN = "own"
UNKNOWN = "unknown"
"""Whose an export of an earlier release is when the open warehouse has none of its runs."""


def warehouse_id(con: Connection) -> str | None:
    """Return the id of the open database, None where it has no table; another application's is no id."""
    names = tables(con)
    if "schema_migrations" in names:
        found: str = query(con, "warehouse_id").item()
        return found
    return _OTHER_APPLICATION if names else None


def read_owner(con: Connection, path: Path) -> str | None:
    """Return the id of the warehouse that a database file is a copy of. The file is only read."""
    with using(con, path):
        return warehouse_id(con)


Owners: TypeAlias = Collection[str | None]
"""The ids whose copies may be replaced."""


def require_own_snapshot(own: Owners, owner: str | None, path: Path, live: Path) -> None:
    """Reject to replace a snapshot of another owner. *Raises* `ForeignFileError`."""
    if path.exists() and live.exists() and path.samefile(live):
        msg = f"the snapshot {path} would be the warehouse itself. Nothing was changed: set BALLAST_SNAPSHOT"
        raise ForeignFileError(msg)
    if owner not in {None, *own}:
        raise ForeignFileError(_refusal("snapshot", path, live, "BALLAST_SNAPSHOT"))


def require_own_exports(con: Connection, own: Owners, exports: Iterable[Path], live: Path | str) -> None:
    """Reject to replace exports of another owner. *Raises* `ForeignFileError`."""
    for path in exports:
        if _owner_of_export(con, path) not in {None, _OWN, *own}:
            raise ForeignFileError(_refusal("export", path, live, "BALLAST_EXPORT_FOLDER"))


def keep_id(con: Connection, live: Path) -> None:
    """Write the id beside the warehouse, for readers, who never open it."""
    own = warehouse_id(con)
    # Without it readers cannot warn of a snapshot of another warehouse; nothing rests on it.
    with suppress(OSError):
        if own and own != kept_id(live):
            with written_beside(_id_path(live)) as temporary:
                temporary.write_text(own, encoding="utf-8")


def kept_id(live: Path) -> str | None:
    """Read the id beside the warehouse; None where there is no warehouse, or it is not known."""
    with suppress(OSError, UnicodeDecodeError):
        return read_text(_id_path(live), _LONGEST_ID) if live.exists() else None
    return None


def warn_of_foreign(con: Connection, path: Path, live: Path) -> None:
    """Warn whoever reads a snapshot that is of another warehouse than `live`."""
    if kept_id(live) not in {None, warehouse_id(con)}:
        _LOG.warning(_FOREIGN, path, live)


def _owner_of_export(con: Connection, path: Path) -> str | None:
    """Return the id in an export; of one without, whether its runs are of the open warehouse; None: unreadable."""
    try:
        require_file(path)
        owner = pl.read_parquet_metadata(path).get(METADATA_KEY)
        run_ids = [] if owner else pl.read_parquet(path, columns=["run_id"], glob=False)["run_id"].unique().to_list()
    except (OSError, pl.exceptions.PolarsError):
        return None
    return owner or (_OWN if query(con, "n_known_runs", run_ids=run_ids).item() else UNKNOWN)


def _refusal(what: str, path: Path, live: Path | str, setting: str) -> str:
    return (
        f"{what} {path} belongs to another warehouse than {live} and is not replaced. Nothing was changed: give this "
        f"warehouse a place of its own with {setting}, or move the other file away"
    )


def _id_path(live: Path) -> Path:
    return live.with_name(f"{live.name}.id")
