"""Rows of a run that stand in files already: registered with a lake as they are, and compared with what was written.

What does not belong here: how they were written and checked (part_of_run.py).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from sql.engine.scripts import read_scripts
from sql.engine.statements import Connection, columns_of, execute, read
from sql.engine.table_contracts import RunRows
from sql.errors import Failure, PublishRejectedError
from sql.records import StoredRows, Totals
from sql.text import listed

_OF_ALL_SHARDS: Final = ("every_portfolio_is_summarised", "every_portfolio_has_a_trade_summary")
"""Checks that no shard can answer for the others: no portfolio is there twice, and none is missing."""


def register(con: Connection, table: str, rows: StoredRows) -> None:
    """Make the files part of a table of the lake. *Requires* a transaction; the files are the lake's from then on."""
    for file in rows.files:
        execute(con, "CALL ducklake_add_data_files(current_database(), $table, $file)", table=table, file=file)


def read_totals(con: Connection, table: str, run_id: str) -> Totals:
    """Return how many rows of a run the table has, as `n_rows`, and the sum of each of its exact columns."""
    exact = [name for name, kind in columns_of(con, table, without="run_id").items() if kind.startswith("DECIMAL")]
    sums = "".join(f', sum("{name}") AS "{name}"' for name in exact)
    found = read(con, f"SELECT count(*) AS n_rows{sums} FROM {table} WHERE run_id = $run_id", run_id=run_id)  # noqa: S608
    return {name: Decimal(value or 0) for name, value in found.row(0, named=True).items()}


def require_whole(con: Connection, run_id: str, frames: Mapping[str, RunRows]) -> None:
    """Compare what was registered with what was written. *Raises* `PublishRejectedError`."""
    failures = [*_other_totals(con, run_id, frames)]
    for check in read_scripts("checks/publication"):
        if check.name in _OF_ALL_SHARDS:
            rows = read(con, check.sql, run_id=run_id)
            if rows.height:
                failures.append((check.name, rows.height, listed(rows["detail"].to_list())))
    if failures:
        raise PublishRejectedError(run_id, tuple(failures))


def _other_totals(con: Connection, run_id: str, frames: Mapping[str, RunRows]) -> Iterator[Failure]:
    for table, rows in frames.items():
        if isinstance(rows, StoredRows):
            found = read_totals(con, table, run_id)
            others = [
                f"{name} of {table} is {found.get(name)}, written was {total}"
                for name, total in rows.totals.items()
                if found.get(name) != total
            ]
            if others:
                yield "every_shard_is_there_once", len(others), listed(others)
