"""Runs as tests write them, without the checks of publication: the portfolios of a record, rows, what is visible."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import duckdb
import polars as pl

from sql.engine.scripts import read_script

_FILLS = "".join(read_script("migrations", "V016__a_row_a_portfolio").sql.partition("INSERT INTO visibility")[1:])


def covering(limits: Mapping[str, Mapping[str, Any]], **columns: Iterable[object]) -> dict[str, Any]:
    """Return the portfolios of a record with their limits; `columns` are others of run_portfolios."""
    frame = pl.DataFrame({"portfolio_id": [*limits], "limit_set": range(len(limits)), **columns})
    return {"portfolios": frame, "limit_sets": [json.dumps(one) for one in limits.values()]}


def insert_run(con: duckdb.DuckDBPyConnection, run_id: str, day: date, inputs: str = "{}") -> None:
    """Write a run of portfolio p1 that is published, but not visible yet."""
    con.execute("INSERT INTO runs VALUES (?, ?, 1, 'i', 'c', 'k', ?, NULL, now())", [run_id, day, inputs])
    con.execute("INSERT INTO run_portfolios (run_id, portfolio_id) VALUES (?, 'p1')", [run_id])
    con.execute(
        "INSERT INTO run_events SELECT count(*) + 1, ?, 'published', now(), 'test', 'because' FROM run_events", [run_id]
    )


def make_visible(con: duckdb.DuckDBPyConnection) -> None:
    """Write what is visible again, as the events tell it."""
    con.execute(f"DELETE FROM visibility; {_FILLS}")
