"""The views and macros of a file: made again only when they are not those of the code, since that takes a while."""

import hashlib
from datetime import UTC, datetime

from sql.engine.scripts import read_scripts
from sql.engine.statements import Connection, command, execute, query, transaction


def make_views(con: Connection) -> None:
    """Make every view and macro, each in the place of the one that is there. *Requires* every migration."""
    with transaction(con):
        for view in read_scripts("views"):
            execute(con, view.sql)
        _record(con, None)


def are_current(con: Connection) -> bool:
    """Whether the views are those of the code, and nobody changed them since. *Requires* every migration."""
    made = query(con, "views_made").rows()
    return bool(made) and made[0] == (_text_checksum(), _catalog_checksum(con))


def are_just_made(con: Connection) -> bool:
    """Whether `record_views` is still to come."""
    return query(con, "views_made").rows() == [(_text_checksum(), None)]


def record_views(con: Connection) -> None:
    """Keep what the database says of the views that were made just now.

    *Requires* a connection that opened the file after that: before, DuckDB says it in other words.
    """
    with transaction(con):
        if are_just_made(con):
            _record(con, _catalog_checksum(con))


def _record(con: Connection, catalog_checksum: str | None) -> None:
    checksums = {"text_checksum": _text_checksum(), "catalog_checksum": catalog_checksum}
    command(con, "record_views", **checksums, made_at=datetime.now(UTC))


def _text_checksum() -> str:
    return hashlib.sha256("\n".join(view.sql for view in read_scripts("views")).encode()).hexdigest()


def _catalog_checksum(con: Connection) -> str:
    checksum: str = query(con, "view_catalog").item()
    return checksum
