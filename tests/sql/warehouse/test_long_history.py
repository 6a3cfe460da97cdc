"""What a run of a day and questions about it read of a long history: the rows of that day, and of what is current."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from sql.engine.scripts import read_script
from sql.engine.table_contracts import RUN_TABLES
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, make_frames, make_run

PORTFOLIOS, EARLIER = 40, 50
WEIGHTS = {f"p{number:02}": ONE["p1"] for number in range(PORTFOLIOS)}
OF_DAY = {"as_of_date": DAY}
NAMED = {"portfolio_ids": ["p07"]}
ASKED = {
    "sources_of_days": {"days": [DAY + timedelta(1)], "since": [DAY], "known_at": "infinity"},
    "holdings_after_runs": {"run_ids": ["last"]},
    "states_of_runs": {"run_ids": ["last"]},
    "visible_on_days": {"days": [DAY]},
    "run_visibility": {"run_id": "last"},
    "runs_to_order": OF_DAY,
    "missing_orders": OF_DAY,
    "targets_to_order": {"run_id": "last", **NAMED},
    "orders_of_days": {"days": [DAY]},
    "targets_of_days": {"days": [DAY], "first": None, "last": None},
    "day_summary": {"run_ids": ["last"]},
    "days_of_portfolios": {},
    "shown_targets": {**NAMED, "as_of_date": None, "visible_at": "infinity"},
    "shown_orders": {**NAMED, "as_of_date": None},
    "report_decisions": {"run_ids": ["last"], **NAMED},
}


def _add_days(con: duckdb.DuckDBPyConnection) -> None:
    """Write the rows of the run under earlier days too, each published on its day; none of them is the newest."""
    values = {
        "run_id": "format('{}{}', chr((97 + age % 26)::INTEGER), age)",
        "as_of_date": "as_of_date - age::INTEGER",
        "event_id": "event_id - 2 * age",
        "happened_at": "happened_at - INTERVAL (age) DAY",
        "published_at": "published_at - INTERVAL (age) DAY",
        "created_at": "created_at - INTERVAL (age) DAY",
        "current_until": "published_at - INTERVAL (age - 1) DAY",
    }
    for table in ("runs", "run_events", "run_portfolios", *RUN_TABLES, "visibility", "order_status"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE one AS FROM {table}")
        columns = con.sql(f"FROM {table} LIMIT 0").columns
        own = ", ".join(f"{value} AS {name}" for name, value in values.items() if name in columns)
        earlier = f"SELECT * EXCLUDE (age) REPLACE ({own}) FROM one, range(1, {EARLIER + 1}) AS days(age)"
        con.execute(f"INSERT INTO {table} {earlier}")


def _rows_handled(con: duckdb.DuckDBPyConnection, folder: Path, name: str) -> int:
    """Return how many rows all operators of a query give on."""
    profile = folder / "profile.json"
    con.execute(f"PRAGMA enable_profiling = 'json'; SET profiling_output = '{profile}'")
    con.execute(read_script("queries", name).sql, ASKED[name] or None).fetchall()
    con.execute("PRAGMA disable_profiling")
    return int(json.loads(profile.read_text())["cumulative_cardinality"])


@pytest.fixture(scope="module")
def warehouse(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    made = make_migrated()
    with made.kept_open() as session:
        session.start_run(make_run("last", WEIGHTS), "test")
        session.publish("last", make_frames(WEIGHTS), "test")
        with session.connected() as con:
            con.execute("""
                INSERT INTO order_status BY NAME
                SELECT run_id, portfolio_id, now() AS happened_at, 'missing_value' AS status,
                    0 AS n_trades, 0 AS n_orders, 0 AS n_problem_assets
                FROM run_portfolios
            """)
    return made


@pytest.fixture(scope="module")
def handled(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """How many rows each query handles without earlier days, and after them."""
    folder = tmp_path_factory.mktemp("profiles")
    with duckdb.connect(str(warehouse.path)) as con:
        before = {name: _rows_handled(con, folder, name) for name in ASKED}
        _add_days(con)
        con.execute("CHECKPOINT")
        return {name: (before[name], _rows_handled(con, folder, name)) for name in ASKED}


@pytest.mark.parametrize("name", ASKED)
def test_a_question_about_a_day_handles_no_rows_of_the_days_before_it(
    handled: dict[str, tuple[int, int]], name: str
) -> None:
    before, after = handled[name]
    # Runs, events and ingests are one or a few a day; a row of each portfolio and day is what must not be read.
    assert after - before < EARLIER * PORTFOLIOS, (before, after)
