"""Copy tables from one attached database into another, each value compared before anybody sees it.

What does not belong here: opening either.
"""

from collections.abc import Sequence
from typing import Final

from sql.engine.statements import Connection, execute, fill, tables
from sql.errors import WarehouseError
from sql.text import listed

_OWN: Final = frozenset({"views_made"})
"""Each store records its own views."""
_ALWAYS: Final = _OWN | {"schema_migrations", "recoveries"}
"""What a warehouse has without anybody's data."""


def copy_tables(con: Connection, names: Sequence[str], source: str, target: str) -> dict[str, int]:
    """Copy every row of the tables, and return how many each has. *Requires* a transaction, and empty tables.

    *Raises* `WarehouseError` unless every value is the same.
    """
    n_rows: dict[str, int] = {}
    for table in sorted({*names} - _OWN):
        if table == "schema_migrations":  # which warehouse it is, and by which migrations
            execute(con, f"DELETE FROM {target}.{table}")  # noqa: S608 - our own tables, here and below
        execute(con, f"INSERT INTO {target}.{table} BY NAME SELECT * FROM {source}.{table}")  # noqa: S608
        expected, got = (fingerprint(con, f"{place}.{table}") for place in (source, target))
        if got != expected:
            msg = (
                f"table {table} is not the same after it was copied: {got[0]} rows, expected {expected[0]}, or other "
                "values. Nothing was kept: run again, and report it when it happens again"
            )
            raise WarehouseError(msg)
        n_rows[table] = expected[0]
    return n_rows


def require_empty(con: Connection, name: str) -> None:
    """Reject a database that has rows of its own. *Raises* `WarehouseError`."""
    full = [table for table in tables(con) if table not in _ALWAYS and fingerprint(con, table)[0]]
    if full:
        msg = f"{name} has rows already ({listed(full)}). Nothing was changed: move into an empty one"
        raise WarehouseError(msg)


def fingerprint(con: Connection, table: str) -> tuple[int, ...]:
    """Return how many rows a table or a query in parentheses has, and two hashes over all of its values."""
    found: tuple[int, ...] = execute(con, fill("fingerprint_table", table=table))[0]
    return found
