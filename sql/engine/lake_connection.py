"""A connection to a lake that promises what an embedded file does: checks, keys, and COMMIT known to be done or not.

DuckLake keeps no CHECK and no PRIMARY KEY, and its INSERT returns no rows. What does not belong here: opening, locks.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from sql.engine.connections import commit
from sql.engine.statements import Connection, execute, literal
from sql.errors import WarehouseError

_INSERT: Final = re.compile(
    r"^INSERT INTO (?P<table>\w+) BY NAME\s+(?P<rows>.+?)(?:\nRETURNING (?P<returned>.+?))?;?\s*\Z",
    re.DOTALL | re.MULTILINE,
)
_GUARDED: Final = "SELECT * FROM ({rows}\n) AS guarded_rows WHERE CASE {checks} ELSE true END"


@dataclass(frozen=True)
class Guards:
    """What guards each table: expressions that no row may make false, and the columns of its key."""

    checks: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, tuple[str, ...]]

    def guard(self, table: str, rows: str) -> str:
        """Return a query of the rows that fails at the first of them that a check of the table rejects."""
        if not (checks := self.checks.get(table)):
            return rows
        cases = " ".join(f"WHEN NOT {check} THEN error({_failure(table, check)})" for check in checks)
        return _GUARDED.format(rows=rows, checks=cases)


def _failure(table: str, check: str) -> str:
    return literal(f"CHECK constraint failed on table {table} with expression CHECK{check}")


@dataclass
class LakeConnection:
    """A DuckDB connection to an attached lake.

    `require_turn` raises where another writer may have come meanwhile. `is_committed` asks the catalog for a token.
    `hidden_files` keeps DuckLake away from the files of the lake, see lake_files.py.
    """

    con: Connection
    guards: Guards
    require_turn: Callable[[], None]
    is_committed: Callable[[str], bool]
    hidden_files: Callable[[], AbstractContextManager[None]] = nullcontext
    _written: set[str] = field(default_factory=set, init=False)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever DuckDB has
        return getattr(self.con, name)

    def begin(self) -> None:
        """Begin a transaction."""
        self._written.clear()
        self.con.begin()

    def commit(self) -> None:
        """Commit what keeps every key, under a token by which it is found again when the answer is lost.

        *Raises* `WarehouseError` where a key stands twice, or the turn was lost.
        """
        for table in sorted(self._written & set(self.guards.keys)):
            self._require_unique(table)
        token = uuid4().hex
        if self._written:
            execute(self.con, f"CALL lake.set_commit_message('ballast', NULL, extra_info => '{token}')")
            self.require_turn()
        with self.hidden_files():
            commit(self.con, lambda: self.is_committed(token))

    def execute(self, statement: str, given: object = None) -> Connection:
        """Run a statement. Rows for a table are validated by its checks, and returned where the statement asks."""
        if not (insert := _INSERT.search(statement)):
            return self.con.execute(statement, given)
        table = insert["table"]
        self._written.add(table)
        guarded = self.guards.guard(table, insert["rows"])
        if not insert["returned"]:
            return self.con.execute(f"INSERT INTO {table} BY NAME {guarded}", given)
        appended = self.con.execute(guarded, given).pl()  # noqa: F841 - DuckDB finds it by its name
        execute(self.con, f"INSERT INTO {table} BY NAME FROM appended")
        return self.con.execute(f"SELECT {insert['returned']} FROM appended")  # noqa: S608 - of our own commands

    def _require_unique(self, table: str) -> None:
        key = ", ".join(f'"{column}"' for column in self.guards.keys[table])
        repeated = execute(self.con, f"SELECT {key} FROM {table} GROUP BY ALL HAVING count(*) > 1 LIMIT 1")  # noqa: S608
        if repeated:
            values = ", ".join(
                f"{name}: {value}" for name, value in zip(self.guards.keys[table], repeated[0], strict=True)
            )
            msg = (
                f'Duplicate key "{values}" violates primary key constraint of {table}. What was not finished '
                "was rolled back: correct the cause and run again"
            )
            raise WarehouseError(msg)
