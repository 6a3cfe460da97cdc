"""The copy in a real PostgreSQL: the same rows to the last digit, each run whole or not there."""

import itertools
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.errors import DatabaseUnreachableError, WarehouseError
from sql.external.postgres import PostgresAddress
from sql.external.postgres_copy import copy_published
from sql.external.postgres_schema import UNIQUE
from sql.records import Copied
from sql.warehouse import Warehouse
from tests.helpers.postgres_server import PASSWORD, PostgresServer
from tests.sql.warehouse_samples import DAY, ONE, make_frames, make_run, publish

OTHER = {"p1": {"AAA": "0.4", "BBB": "0.3", "CCC": "0"}}

Copy = Callable[[], Copied]


@pytest.fixture
def schema(counter: Iterator[int]) -> str:
    return f"copy_{next(counter)}"


@pytest.fixture(scope="module")
def counter() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture(scope="module")
def with_a_run(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    made = make_migrated()
    publish(made, "r1")
    return made


@pytest.fixture
def published(with_a_run: Warehouse, warehouse: Warehouse) -> Warehouse:
    """A warehouse in which the run r1 is published."""
    shutil.copy(with_a_run.path, warehouse.path)
    return warehouse


@pytest.fixture
def copy(warehouse: Warehouse, postgres: PostgresServer, schema: str) -> Copy:
    return lambda: copy_published(warehouse, PostgresAddress(postgres.url()), schema)


def _readable(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """A numeric comes as text, with all its digits; nothing else is converted."""
    return [tuple(f"{value:f}" if isinstance(value, Decimal) else value for value in row) for row in rows]


def _assert_same(warehouse: Warehouse, postgres: PostgresServer, schema: str) -> int:
    """Compare every table, and give the number of rows."""
    n_rows = 0
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("SET TimeZone = 'UTC'")
        for table, key in UNIQUE.items():
            order = ", ".join(
                f'{column} COLLATE "C"' if column not in {"event_id", "halt_id"} else column
                for column in key or ("run_id", "asset")
            )
            columns = zip(con.sql(f"FROM {table}").columns, con.sql(f"FROM {table}").types, strict=True)
            names = ", ".join(f'"{name}"' for name, kind in columns if not str(kind).startswith("MAP"))
            ours = con.sql(f"SELECT {names} FROM {table} ORDER BY {order}").fetchall()
            theirs = postgres.ask(f"SELECT {names} FROM {schema}.{table} ORDER BY {order}")
            assert _readable(theirs) == _readable(ours)
            n_rows += len(ours)
    return n_rows


@pytest.fixture(scope="module")
def with_every_weight(with_a_run: Warehouse, make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """A warehouse whose targets have some thousand weights of all sizes, among them the largest and the smallest."""
    units = [0, 1, 9999, 10_000, 99_999_999, 100_000_000, 9_999_999_999, *range(3, 10**10, 7_654_321)]
    weights = pl.Series("weight", [Decimal(sign * unit).scaleb(-8) for unit in units for sign in (1, -1)])
    frame = weights.cast(pl.Decimal(10, 8)).to_frame().with_row_index("i")
    made = make_migrated()
    shutil.copy(with_a_run.path, made.path)
    with duckdb.connect(str(made.path)) as con:
        con.register("frame", frame)
        con.execute(
            "INSERT INTO targets SELECT targets.* REPLACE ('X' || i AS asset, weight AS target_weight) "
            "FROM targets, frame WHERE asset = 'AAA'"
        )
    return made


@pytest.fixture(scope="module")
def copied(with_every_weight: Warehouse, postgres: PostgresServer) -> Copied:
    return copy_published(with_every_weight, PostgresAddress(postgres.url()), "ballast")


def test_the_copy_is_the_warehouse_to_the_last_digit(
    with_every_weight: Warehouse, postgres: PostgresServer, copied: Copied
) -> None:
    assert copied.n_runs == 1
    assert copied.n_rows == _assert_same(with_every_weight, postgres, "ballast")
    assert postgres.ask(
        "SELECT sum(target_weight)::text FROM ballast.targets WHERE asset IN ('AAA', 'BBB', 'CASH')"
    ) == [("0.95000000",)]
    assert postgres.ask("SELECT max(target_weight)::text FROM ballast.targets") == [("99.99999999",)]


@pytest.mark.usefixtures("copied")
def test_every_table_and_column_of_the_copy_has_the_comment_of_the_warehouse(
    with_every_weight: Warehouse, postgres: PostgresServer
) -> None:
    rows = postgres.ask(
        "SELECT c.relname::text, obj_description(c.oid), a.attname::text, col_description(c.oid, a.attnum) "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND n.nspname = 'ballast'"
    )
    columns = with_every_weight.query("columns_to_copy", tables=list(UNIQUE)).drop("data_type", "column_default")
    assert set(rows) == set(columns.rows())
    assert set(columns["table_name"]) == set(UNIQUE)
    assert columns.null_count().row(0) == (0, 0, 0, 0)


def test_a_copy_again_writes_nothing_twice(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    assert (copy().n_runs, copy().n_rows) == (0, 0)
    publish(published, "r1")  # only tells that it is unchanged
    again = copy()
    n_current = sum(published.query(name).height for name in ("current_targets", "current_order_status"))
    assert (again.n_runs, again.n_rows) == (0, 2 + n_current)
    _assert_same(published, postgres, schema)


def test_a_run_that_supersedes_replaces_current_targets_and_keeps_the_history(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    publish(published, "r2", OTHER)
    copy()
    _assert_same(published, postgres, schema)
    assert postgres.ask(f"SELECT DISTINCT run_id FROM {schema}.current_targets") == [("r2",)]
    assert postgres.ask(f"SELECT DISTINCT run_id FROM {schema}.targets ORDER BY 1") == [("r1",), ("r2",)]
    last = f"SELECT state FROM {schema}.run_events WHERE run_id = 'r1' ORDER BY event_id DESC LIMIT 1"
    assert postgres.ask(last) == [("superseded",)]


def test_a_run_that_was_not_published_is_copied_with_its_events_and_its_rows_when_it_is(
    warehouse: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    warehouse.start_run(make_run("r1"), "test")
    warehouse.record_event("r1", "held", "test", "scores are missing")
    assert (copy().n_runs, postgres.ask(f"SELECT count(*) FROM {schema}.targets")) == (0, [(0,)])
    assert postgres.ask(f"SELECT state FROM {schema}.run_events ORDER BY event_id") == [("started",), ("held",)]
    publish(warehouse, "r1")
    assert copy().n_runs == 1
    _assert_same(warehouse, postgres, schema)


def test_a_proposal_and_a_halt_are_copied_and_the_rows_of_the_proposal_when_it_is_approved(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    published.start_run(make_run("r2", OTHER), "tom")
    published.propose("r2", make_frames(OTHER), "tom", {"p1": "first day"}, ["p1"])
    copy()
    assert postgres.ask(f"SELECT run_id, needs_four_eyes FROM {schema}.proposals") == [("r2", True)]
    for table in ("targets", "current_targets", "decisions", "constraint_checks"):
        assert postgres.ask(f"SELECT DISTINCT run_id FROM {schema}.{table}") == [("r1",)]
    published.halt(None, "eve", "a drill")
    copy()
    assert postgres.ask(f"SELECT portfolio_id, reason FROM {schema}.halts") == [(None, "a drill")]
    published.resume(None, "eve", "it is over")
    published.approve("r2", "anna", "fine")
    assert copy().n_runs == 1
    _assert_same(published, postgres, schema)
    assert (copy().n_runs, copy().n_rows) == (0, 0)


def test_what_a_stopped_server_missed_is_caught_up(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql.external.postgres_copy._RUNS_AT_ONCE", 1)
    copy()
    postgres.stop()
    try:
        for number in (2, 3):
            publish(published, f"r{number}", as_of_date=DAY + timedelta(days=number))
        with pytest.raises(DatabaseUnreachableError, match="start the server"):
            copy()
    finally:
        postgres.start()
    assert copy().n_runs == 2
    _assert_same(published, postgres, schema)
    attempts = published.query("copies").sort("copied_at")
    assert attempts["n_runs"].to_list() == [1, 0, 2]
    assert [error is None for error in attempts["error"]] == [True, False, True]
    assert set(attempts["target"]) == {f"postgresql://127.0.0.1:{postgres.port}/postgres schema {schema}"}


def test_a_wrong_password_is_told_and_recorded_without_it(
    published: Warehouse, postgres: PostgresServer, schema: str
) -> None:
    with pytest.raises(DatabaseUnreachableError, match="password authentication failed") as told:
        copy_published(published, PostgresAddress(postgres.url("wrong-secret")), schema)
    recorded = str(published.query("copies").rows())
    assert "password authentication failed" in recorded
    assert "wrong-secret" not in recorded + str(told.value) + repr(PostgresAddress(postgres.url("wrong-secret")))


def test_a_copy_that_is_killed_leaves_nothing_of_a_run(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    publish(published, "r2", OTHER)
    worker = str(Path(__file__).parents[1] / "copy_worker.py")
    killed = subprocess.run([sys.executable, worker, str(published.path.parent), postgres.url(), schema], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert postgres.ask(f"SELECT DISTINCT run_id FROM {schema}.current_targets") == [("r1",)]
    for table in ("runs", "run_events", "targets", "decisions"):
        assert postgres.ask(f"SELECT DISTINCT run_id FROM {schema}.{table}") == [("r1",)]
    assert copy().n_runs == 1
    _assert_same(published, postgres, schema)


def test_readers_see_every_day_whole_while_days_are_copied(
    warehouse: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    question = (
        f"SELECT array_agg(DISTINCT c.run_id), sum(c.target_weight)::text, count(*), "
        f"(SELECT count(*) FROM {schema}.targets t WHERE t.run_id = min(c.run_id)), "
        f"(SELECT state FROM {schema}.run_events e WHERE e.run_id = min(c.run_id) ORDER BY event_id DESC LIMIT 1) "
        f"FROM {schema}.current_targets c"
    )
    done = threading.Event()

    def read() -> list[tuple[object, ...]]:
        seen = []
        while not done.is_set():
            seen += postgres.ask(question)
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            for number in range(2, 5):
                publish(warehouse, f"r{number}", (ONE, OTHER)[number % 2])
                copy()
        finally:
            done.set()
        seen = reading.result()
    runs = {str(row[0]): row[1:] for row in seen if row[0]}
    assert len(runs) >= 2
    assert set(runs.values()) == {("0.95000000", 4, 4, "published")}
    assert all(len(row[0] or [1]) == 1 for row in seen)


def test_copies_at_once_write_each_run_once(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(copy) for _ in range(3)]
    assert sorted(one.result().n_runs for one in done) == [0, 0, 1]
    _assert_same(published, postgres, schema)


def test_the_copy_of_another_warehouse_is_left_alone(
    published: Warehouse, make_migrated: Callable[[], Warehouse], postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    other = make_migrated()
    address = PostgresAddress(postgres.url())
    for run_id in (None, "r1"):
        if run_id:
            publish(other, run_id, OTHER)
        with pytest.raises(WarehouseError, match=r"is the copy of another warehouse.*a schema of its own"):
            copy_published(other, address, schema)
    _assert_same(published, postgres, schema)


def test_a_column_that_a_later_version_adds_is_added_to_the_copy(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    with duckdb.connect(str(published.path)) as con:
        con.execute("ALTER TABLE sizing_summary ADD COLUMN more DECIMAL(10, 8)")
        con.execute("COMMENT ON COLUMN sizing_summary.more IS 'It''s more.'")
    copy()
    assert postgres.ask(f"SELECT run_id, more FROM {schema}.sizing_summary") == [("r1", None)]


def test_a_copy_that_was_made_before_trades_were_kept_is_brought_forward(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    later = ("DROP COLUMN post_trade_weight", "DROP COLUMN trade_reason", "DROP COLUMN trade_scale")
    for statement in (
        f"DROP TABLE {schema}.trade_summary",
        *(f"ALTER TABLE {schema}.{table} {', '.join(later)}" for table in ("targets", "current_targets")),
        f"ALTER TABLE {schema}.constraint_checks DROP COLUMN basis",
        f"ALTER TABLE {schema}.constraint_checks ADD PRIMARY KEY (run_id, portfolio_id, constraint_name)",
    ):
        postgres.ask(statement)
    frames = make_frames(ONE, DAY + timedelta(days=1))
    checks = frames["constraint_checks"]
    frames["constraint_checks"] = pl.concat([checks, checks.with_columns(basis=pl.lit("post_trade"))])
    published.start_run(make_run("r2", ONE, DAY + timedelta(days=1)), "test")
    published.publish("r2", frames, "test")
    assert copy().n_runs == 1
    told = postgres.ask(f"SELECT run_id, basis FROM {schema}.constraint_checks ORDER BY run_id, basis DESC")
    assert told == [("r1", "target"), ("r2", "target"), ("r2", "post_trade")]
    assert postgres.ask(f"SELECT run_id FROM {schema}.trade_summary") == [("r2",)]
    after = postgres.ask(
        f"SELECT run_id, count(*), count(post_trade_weight) FROM {schema}.targets GROUP BY 1 ORDER BY 1"
    )
    assert after == [("r1", 4, 0), ("r2", 4, 4)]
    assert postgres.ask(f"SELECT count(trade_reason) FROM {schema}.current_targets") == [(3,)]
    key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'constraint_checks_pkey'"
    keys = postgres.ask(f"{key} AND conrelid = '{schema}.constraint_checks'::regclass")
    assert keys == [("PRIMARY KEY (run_id, portfolio_id, constraint_name, basis)",)]


def test_runs_that_were_copied_with_lists_of_portfolios_get_their_rows(
    published: Warehouse, postgres: PostgresServer, schema: str, copy: Copy
) -> None:
    copy()
    for statement in (
        f"DROP TABLE {schema}.run_portfolios",
        f"DROP TABLE {schema}.limit_sets",
        f"ALTER TABLE {schema}.runs DROP COLUMN n_portfolios, ADD portfolio_ids text[], ADD config json",
    ):
        postgres.ask(statement)
    assert copy().n_runs == 0
    _assert_same(published, postgres, schema)


def test_a_role_that_may_not_make_a_schema_fills_one_that_is_made_for_it(
    published: Warehouse, postgres: PostgresServer, schema: str
) -> None:
    postgres.ask(f"CREATE ROLE {schema} LOGIN PASSWORD '{PASSWORD}'")
    address = PostgresAddress(postgres.url().replace("ballast:", f"{schema}:"))
    with pytest.raises(WarehouseError, match="permission denied for database"):
        copy_published(published, address, schema)
    postgres.ask(f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    assert copy_published(published, address, schema).n_runs == 1
