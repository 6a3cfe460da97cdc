"""Several new runs in one transaction: the rows and events of runs one by one, or nothing of any."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import insert
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import PublishRejectedError, WarehouseError
from sql.records import StartedRun
from sql.store import run_batches, runs
from sql.warehouse import Warehouse
from tests.sql.checks.warehouse_broken_lifecycles import BROKEN_LIFECYCLES
from tests.sql.checks.warehouse_broken_runs import BROKEN
from tests.sql.warehouse_samples import DAY, ONE, TWO, Weights, make_frames, make_run, publish

NEXT = DAY + timedelta(1)
MOST_GROWTH = 2
"""Of the rows that are handled, when 150 times as many are stored."""
Frames = dict[str, pl.DataFrame]


def _together(*runs: tuple[str, Frames]) -> Frames:
    return {
        table: pl.concat(
            (frames[table].with_columns(run_id=pl.lit(run_id)) for run_id, frames in runs), how="vertical_relaxed"
        )
        for table in RUN_TABLES
    }


def _publish_two(warehouse: Warehouse, portfolios: Weights = ONE) -> None:
    started = [
        StartedRun(make_run("r1", portfolios), ["a typing error"]),
        StartedRun(make_run("r2", portfolios, NEXT)),
    ]
    frames = _together(("r1", make_frames(portfolios)), ("r2", make_frames(portfolios, NEXT)))
    warehouse.publish_many(started, frames, "test")


def _ask(warehouse: Warehouse, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        return con.execute(query).fetchall()


def _rows(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    return {table: _ask(warehouse, f"FROM {table} ORDER BY ALL") for table in RUN_TABLES}


@pytest.mark.slow
def test_runs_at_once_leave_the_rows_events_and_targets_of_runs_one_by_one(
    warehouse: Warehouse, make_migrated: Callable[[], Warehouse]
) -> None:
    alone = make_migrated()
    for one in (warehouse, alone):
        publish(one, "r0", TWO, NEXT)
        publish(one, "r00", ONE)
    _publish_two(warehouse, TWO)
    alone.start_run(make_run("r1", TWO), "test", ["a typing error"])
    alone.publish("r1", make_frames(TWO), "test", ["a typing error"])
    alone.start_run(make_run("r2", TWO, NEXT), "test")
    alone.publish("r2", make_frames(TWO, NEXT), "test")
    assert _rows(warehouse) == _rows(alone)
    events = 'SELECT run_id, state, "by", reason FROM run_events ORDER BY run_id, event_id'
    assert _ask(warehouse, events) == _ask(alone, events)
    runs = "SELECT * EXCLUDE (created_at) FROM runs ORDER BY ALL"
    assert _ask(warehouse, runs) == _ask(alone, runs)
    shown = "SELECT * EXCLUDE (published_at) FROM current_targets ORDER BY ALL"
    assert _ask(warehouse, shown) == _ask(alone, shown)


@pytest.mark.slow
def test_every_check_finds_its_broken_run_among_many_and_none_in_a_sound_one(warehouse: Warehouse) -> None:
    broken = BROKEN | BROKEN_LIFECYCLES
    names = [f"r{number}" for number in range(len(broken))]
    frames = {name: breaks(make_frames()) for name, (_, breaks, _) in zip(names, broken.values(), strict=True)}
    with duckdb.connect(str(warehouse.path)) as con:
        for name in [*names, "sound"]:
            runs.start(con, make_run(name), "test")
        for table, rows in _together(("sound", make_frames()), *frames.items()).items():
            insert(con, table, rows)
        found = run_batches.find_failures(con, [*names, "sound"], read_scripts("checks/publication"))
    assert found.filter(run_id="sound").is_empty()
    for name, (check, _, detail) in zip(names, broken.values(), strict=True):
        assert detail in runs.as_failure(check, found.filter(run_id=name, name=check))[2]


def _rows_handled(con: duckdb.DuckDBPyConnection, folder: Path, run_ids: list[str]) -> int:
    """Return how many rows all operators of all checks give on, for these runs."""
    con.execute(f"PRAGMA enable_profiling = 'json'; SET profiling_output = '{folder / 'profile.json'}'")
    n_rows = 0
    for check in read_scripts("checks/publication"):
        con.execute(run_batches.of_many(check), {"run_ids": run_ids}).fetchall()
        n_rows += json.loads((folder / "profile.json").read_text())["cumulative_cardinality"]
    con.execute("PRAGMA disable_profiling")
    return n_rows


@pytest.mark.slow
@pytest.mark.parametrize("check", read_scripts("checks/publication"), ids=lambda check: check.name)
def test_no_check_asks_whether_a_value_is_in_rows_of_its_run(check: Script) -> None:
    # For many runs at once DuckDB 1.5 looks for it among the rows of all of them: join instead.
    assert not re.search(r"\bIN\s*\(\s*(SELECT|FROM)\b", check.sql)


def test_checks_of_many_runs_handle_no_rows_of_others(warehouse: Warehouse, tmp_path: Path) -> None:
    publish(warehouse, "r0", TWO)
    publish(warehouse, "r1", TWO, NEXT)
    with duckdb.connect(str(warehouse.path)) as con:
        first = _rows_handled(con, tmp_path, ["r0", "r1"])
        # Names before and after those that are asked for: nothing is left out by a range of names.
        for table in ("runs", "run_portfolios", *RUN_TABLES):
            con.execute(f"CREATE OR REPLACE TEMP TABLE one AS FROM {table} WHERE run_id = 'r0'")
            named = "format('{}{}', chr((97 + copy % 26)::INTEGER), copy)"
            others = f"SELECT * EXCLUDE (copy) REPLACE ({named} AS run_id) FROM one, range(2, 300) AS t(copy)"
            con.execute(f"INSERT INTO {table} {others}")
        assert _rows_handled(con, tmp_path, ["r0", "r1"]) < MOST_GROWTH * first


def test_a_broken_run_among_sound_ones_is_named_and_nothing_is_kept(warehouse: Warehouse) -> None:
    check, breaks, detail = BROKEN["a unit too much"]
    frames = _together(("r2", make_frames(ONE, NEXT)), ("r1", breaks(make_frames())))
    started = [StartedRun(make_run("r2", ONE, NEXT)), StartedRun(make_run("r1"))]
    with pytest.raises(PublishRejectedError) as rejected:
        warehouse.publish_many(started, frames, "test")
    assert rejected.value.run_id == "r1"
    assert detail in {failed: text for failed, _, text in rejected.value.failures}[check]
    assert not any(_rows(warehouse).values())
    assert _ask(warehouse, "SELECT count(*) FROM runs") == _ask(warehouse, "SELECT count(*) FROM run_events") == [(0,)]


def test_a_run_that_is_known_is_not_written_again(warehouse: Warehouse) -> None:
    publish(warehouse, "r2", ONE, NEXT)
    before = _rows(warehouse)
    with pytest.raises(WarehouseError, match="1 of 2 runs are recorded already, the first is r2"):
        _publish_two(warehouse)
    assert _rows(warehouse) == before


def test_what_is_visible_already_is_recorded_as_unchanged(warehouse: Warehouse) -> None:
    _publish_two(warehouse)
    started = [StartedRun(make_run("r1"), ["a typing error"]), StartedRun(make_run("r2", ONE, NEXT))]
    warehouse.record_unchanged(started, "again")
    assert _ask(warehouse, "SELECT run_id, reason FROM run_events WHERE state = 'unchanged' ORDER BY event_id") == [
        ("r1", "published already; warning: a typing error"),
        ("r2", "published already"),
    ]
    assert [state for (state,) in _ask(warehouse, "SELECT state FROM run_states")] == ["published"] * 2


def test_the_export_of_many_days_is_that_of_each(warehouse: Warehouse) -> None:
    _publish_two(warehouse)
    paths = warehouse.export([DAY, NEXT, NEXT + timedelta(1)])
    together = [path.read_bytes() for path in paths]
    assert [path.parent.name for path in paths] == [f"as_of_date={DAY}", f"as_of_date={NEXT}"]
    alone = [warehouse.snapshot(day).export_path for day in (DAY, NEXT)]
    assert [path.read_bytes() for path in alone if path] == together


MANY_RUNS, LOOKS = 40, 3
"""Runs of a history, and how often a check may look at its own rows, or at those of an earlier run."""


def _scans(operator: dict[str, Any]) -> Iterator[tuple[str, int]]:
    table = operator.get("extra_info", {}).get("Table", "").rpartition(".")[2]
    if table:
        yield table, operator["operator_cardinality"]
    for below in operator.get("children", []):
        yield from _scans(below)


def test_a_check_of_a_run_reads_no_other_rows_of_a_long_history(warehouse: Warehouse) -> None:
    names = [f"r{number:02}" for number in range(MANY_RUNS)]
    days = [DAY + timedelta(number) for number in range(MANY_RUNS)]
    started = [
        StartedRun(make_run(name, TWO, day, max_total_positions=number + 3), [])
        for number, (name, day) in enumerate(zip(names, days, strict=True))
    ]
    frames = _together(*((name, make_frames(TWO, day)) for name, day in zip(names, days, strict=True)))
    warehouse.publish_many(started, frames, "test")
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        own = {
            table: con.execute(f"SELECT count(*) FROM {table} WHERE run_id = ?", [names[-1]]).fetchall()[0][0]
            for table in (*RUN_TABLES, "runs", "run_portfolios")
        }
        seen = set[str]()
        for check in read_scripts("checks/publication"):
            asked = con.execute(f"EXPLAIN (ANALYZE, FORMAT json) {check.sql}", {"run_id": names[-1]})
            read = list(_scans(json.loads(asked.fetchall()[0][1])))
            seen.update(table for table, _ in read)
            too_many = [(table, count) for table, count in read if count > LOOKS * max(1, own.get(table, MANY_RUNS))]
            assert not too_many, (check.name, too_many)
        assert seen >= {"targets", "decisions", "trade_summary", "runs", "run_portfolios", "lifecycle"}
