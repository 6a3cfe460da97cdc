"""A reader of the tables and of the exports that looks all the time: whatever it sees must be whole.

It opens the snapshot as execution does, plainly and read-only, a lake as the commands do, and keeps a connection for a
while.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TypeAlias

import duckdb
import polars as pl

from sql.any_warehouse import AnyWarehouse
from sql.engine.statements import Connection as Database
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import WarehouseError
from sql.warehouse import Warehouse

Rows: TypeAlias = Mapping[str, Mapping[str, int]]
"""Rows of each table of a run, by run_id: what a whole run has."""

_LOOKS_PER_CONNECTION = 4
_SUMS = """
    SELECT portfolio_id, as_of_date, sum(target_weight) AS total,
        any_value(target_total_allocation) AS expected
    FROM visible_runs JOIN targets USING (run_id, portfolio_id, as_of_date) JOIN run_limits USING (run_id, portfolio_id)
    GROUP BY portfolio_id, as_of_date HAVING total <> expected
"""
_MIXED = """
    SELECT portfolio_id, count(DISTINCT run_id) AS runs, count(DISTINCT as_of_date) AS days,
        count(*) - count(DISTINCT asset) AS repeated
    FROM current_targets GROUP BY portfolio_id HAVING runs > 1 OR days > 1 OR repeated > 0
"""
_OF_A_PORTFOLIO = "FROM targets WHERE run_id = $1 AND portfolio_id = $2"
_PUBLISHED = "SELECT DISTINCT run_id FROM run_events WHERE state = 'published'"


@dataclass(frozen=True)
class Seen:
    """What a reader saw: how often it looked, and each thing that was torn, in words."""

    looks: int
    torn: tuple[str, ...]


@dataclass(frozen=True)
class Watch:
    """What a reader looks at, what is whole there, and how long it rests between two looks."""

    warehouse: AnyWarehouse
    whole: Rows
    pause_seconds: float = 0.1


def read_all_the_time(watch: Watch, stop: Event, report: Connection) -> None:
    """Look until `stop` is set, then send what was `Seen`."""
    looks, torn = 0, set[str]()
    published: set[str] = set()
    while not stop.is_set():
        if watch.warehouse.is_readable():
            try:
                for now in _look(watch, torn):
                    torn |= {f"run {run_id} was published, and is no more" for run_id in published - now}
                    published = now
                    looks += 1
                torn |= set(find_torn_exports(watch.warehouse.exports))
            except (duckdb.Error, WarehouseError, pl.exceptions.PolarsError, OSError) as error:
                torn.add(f"{type(error).__name__}: {error}")
        time.sleep(watch.pause_seconds)
    report.send(Seen(looks, tuple(sorted(torn))))


def find_torn(con: Database, whole: Rows) -> Iterator[str]:
    """Report what is no whole run, or visible without being published."""
    for portfolio_id, day, total, expected in con.sql(_SUMS).fetchall():
        yield f"{portfolio_id} adds up to {total} on {day}, expected {expected}"
    for portfolio_id, runs, days, repeated in con.sql(_MIXED).fetchall():
        yield f"{portfolio_id} shows {runs} runs of {days} days, {repeated} assets twice"
    published = {run_id for (run_id,) in con.sql(_PUBLISHED).fetchall()}
    yield from (f"{run_id} is published, which no work gives" for run_id in published - set(whole))
    for table in RUN_TABLES:
        rows = dict(con.sql(f"SELECT run_id, count(*) FROM {table} GROUP BY ALL").fetchall())
        yield from (f"{table} has rows of {run_id}, which is not published" for run_id in set(rows) - published)
        for run_id in published & set(whole):
            if rows.get(run_id, 0) != whole[run_id].get(table, 0):
                yield f"{table} has {rows.get(run_id, 0)} rows of {run_id}, expected {whole[run_id].get(table, 0)}"
    yield from _find_torn_portfolios(con)


def _find_torn_portfolios(con: Database) -> Iterator[str]:
    """Ask for each visible portfolio by itself, as execution does."""
    n_targets = con.sql("SELECT run_id, portfolio_id, count(*) FROM current_targets GROUP BY ALL").fetchall()
    for run_id, portfolio_id, expected in n_targets:
        found = len(con.execute(_OF_A_PORTFOLIO, [run_id, portfolio_id]).fetchall())
        if found != expected:
            yield f"{portfolio_id} has {found} targets in {run_id}, expected {expected}"


def find_torn_exports(exports: Path) -> Iterator[str]:
    """Report which exported day is of two runs of a portfolio, or of another day than its folder says."""
    for file in sorted(exports.glob("*/*.parquet")):
        rows = pl.read_parquet(file, hive_partitioning=False)
        runs = rows.group_by("portfolio_id").agg(pl.col("run_id").n_unique(), pl.col("asset").is_duplicated().sum())
        days = {f"as_of_date={day}" for day in rows["as_of_date"].unique()}
        if days - {file.parent.name} or runs.filter((pl.col("run_id") > 1) | (pl.col("asset") > 0)).height:
            yield f"{file.parent.name}/{file.name} has {rows.height} rows of {sorted(days)}: {runs.rows()}"


def _look(watch: Watch, torn: set[str]) -> Iterator[set[str]]:
    """Look several times through one connection, which must go on showing the same."""
    with opened(watch.warehouse) as con:
        first: set[str] | None = None
        for _ in range(_LOOKS_PER_CONNECTION):
            torn.update(find_torn(con, watch.whole))
            published = {run_id for (run_id,) in con.sql(_PUBLISHED).fetchall()}
            if first is not None and published != first:
                torn.add("an open connection showed another day than before")
            first = published
            yield published
            time.sleep(watch.pause_seconds)


@contextmanager
def opened(warehouse: AnyWarehouse) -> Iterator[Database]:
    """Open what readers see of the warehouse."""
    if not isinstance(warehouse, Warehouse):
        with warehouse.reading_snapshot() as con:
            yield con
        return
    with duckdb.connect(str(warehouse.snapshot_path), read_only=True) as con:
        con.execute("SET threads = 1").fetchall()
        yield con
