"""Merge the small files of a lake: each transaction writes one for each table, and whoever reads opens all of them.

The rows are written again and deleted where they were, in one transaction that compares them. DuckLake's own
`ducklake_merge_adjacent_files` compares nothing, crashes on some registered files (ducklake#1419), and of files that it
made a DELETE can miss rows (ducklake#917). What does not belong here: removing what was merged (orphans.py).
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from sql.engine.statements import Connection, execute, fill, literal, tables, transaction
from sql.engine.table_copies import fingerprint
from sql.errors import WarehouseError
from sql.lake import Lake

ENOUGH_FILES: Final = 8
"""So many small files of a table are merged; fewer would write the same rows again every night."""
SMALL_BYTES: Final = 32 << 20
_MOST_BYTES: Final = 64 << 20
"""So much is merged in one transaction: others wait for the turn meanwhile."""


class Merged(NamedTuple):
    """How many files of a table were merged, and how many rows they have."""

    table: str
    n_files: int
    n_rows: int


class _File(NamedTuple):
    path: str
    n_bytes: int
    n_deletes: int
    """Files of deleted rows that belong to it, 0 or 1."""


def merge_small_files(lake: Lake, *, enough: int = ENOUGH_FILES) -> tuple[Merged, ...]:
    """Merge what every table has in small files, and return what was merged; readers see the same rows throughout.

    The turn of the one writer is taken for each transaction. *Raises* `WarehouseError` when a value differs: nothing of
    that table was changed then.
    """
    with lake.connected() as con:
        names = tables(con)
    return tuple(merged for table in names for merged in _merge_table(lake, table, enough))


def _merge_table(lake: Lake, table: str, enough: int) -> Iterator[Merged]:
    n_before: int | None = None
    while True:
        with lake.connected() as con:
            files = _files(con, table)
            small = [file for file in files if file.n_bytes < SMALL_BYTES]
            n_small = sum(1 + file.n_deletes for file in small)
            if n_small < enough or (n_before is not None and n_small >= n_before):
                return
            n_before = n_small
            some = _first(small)
            yield Merged(table, len(some), _merge(con, table, some, files))


def _files(con: Connection, table: str) -> list[_File]:
    rows = execute(
        con,
        "SELECT data_file, data_file_size_bytes, (delete_file IS NOT NULL)::INTEGER "
        "FROM ducklake_list_files(current_database(), $table)",
        table=table,
    )
    return [_File(*row) for row in rows]


def _first(small: list[_File]) -> list[_File]:
    """Return the first files that are not too much for one transaction; the first two, whatever they have."""
    ends = accumulate(file.n_bytes for file in small)
    return [file for place, (file, end) in enumerate(zip(small, ends, strict=True)) if place <= 1 or end <= _MOST_BYTES]


def _merge(con: Connection, table: str, some: list[_File], files: list[_File]) -> int:
    """Write the rows of some of the files into a new one, and return how many there are."""
    old, known = (", ".join(literal(file.path) for file in group) for group in (some, files))
    of_old, of_new = f"filename IN ({old})", f"filename NOT IN ({known})"
    with transaction(con):
        expected = _look(con, table, of_old)
        execute(con, fill("append_rows_of_files", table=table, files=old))
        execute(con, fill("delete_rows_of_files", table=table, files=old))
        got, left = _look(con, table, of_new), _look(con, table, of_old)[0]
        if got != expected or left:
            msg = (
                f"small files of table {table} are not the same after they were merged: {got[0]} rows and {left} that "
                f"are left, expected {expected[0]}, or other values. Nothing was kept: report it when it happens again"
            )
            raise WarehouseError(msg)
    return expected[0]


def _look(con: Connection, table: str, which: str) -> tuple[int, ...]:
    return fingerprint(con, f"(SELECT * FROM {table} WHERE {which})")  # noqa: S608 - one of our own tables
