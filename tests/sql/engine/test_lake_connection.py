"""What guards the tables of a database file guards those of a lake: each CHECK at once, each key at COMMIT."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest

from sql.engine.lake_connection import LakeConnection
from sql.engine.lake_schema import guards
from sql.engine.opening import apply_migration
from sql.engine.scripts import read_scripts
from sql.engine.statements import command, execute
from sql.errors import WarehouseError

EVENT = {"run_id": "r1", "by": "test", "reason": "because", "happened_at": datetime(2025, 6, 2, tzinfo=UTC)}


@pytest.fixture
def lake() -> Iterator[LakeConnection]:
    """The guards of a lake over a database in memory whose tables have none of their own."""
    with duckdb.connect() as con:
        for migration in read_scripts("migrations"):
            apply_migration(con, migration)
        execute(con, "CREATE SCHEMA bare; SET TimeZone = 'UTC'; SET python_scan_all_frames = true")
        for table in guards().keys | guards().checks:
            execute(con, f"CREATE TABLE bare.{table} AS FROM main.{table} LIMIT 0")
        execute(con, "USE memory.bare")
        yield LakeConnection(con, guards(), lambda: None, lambda _: False)


def test_every_key_and_check_of_the_migrations_is_guarded() -> None:
    assert guards().keys["run_events"] == ("event_id",)
    assert guards().keys["proposals"] == ("event_id", "portfolio_id")
    assert {"decisions", "targets", "scores", "run_events", "ingests", "orders"} <= set(guards().checks)


def test_every_insert_of_a_command_is_seen(lake: LakeConnection) -> None:
    """A command that appends in another form would go by the guards."""
    own = {"repeated_keys"}  # temporary
    for script in read_scripts("commands"):
        for table in set(re.findall(r"INSERT INTO (\w+)", script.sql)) - own:
            assert re.search(rf"^INSERT INTO {table} BY NAME\n", script.sql, re.MULTILINE), script.name
    assert lake


def test_rows_that_are_appended_are_returned(lake: LakeConnection) -> None:
    assert command(lake, "record_event", state="started", **EVENT) == EVENT["happened_at"]
    assert command(lake, "record_event", state="failed", **EVENT) == EVENT["happened_at"]
    assert execute(lake, "SELECT event_id, state FROM run_events") == [(1, "started"), (2, "failed")]


def test_a_row_that_a_check_rejects_is_not_written(lake: LakeConnection) -> None:
    with pytest.raises(duckdb.Error, match="CHECK constraint failed on table run_events"):
        command(lake, "record_event", state="finished", **EVENT)
    assert execute(lake, "FROM run_events") == []


def test_an_unknown_value_passes_a_check_as_in_sql(lake: LakeConnection) -> None:
    execute(lake, "INSERT INTO decisions BY NAME SELECT 'r1' AS run_id, NULL AS restriction")
    assert execute(lake, "SELECT run_id FROM decisions") == [("r1",)]


def test_a_key_that_stands_twice_ends_the_transaction(lake: LakeConnection) -> None:
    lake.begin()
    command(lake, "record_event", state="started", **EVENT)
    execute(lake, "INSERT INTO run_events BY NAME SELECT * FROM run_events")
    with pytest.raises(WarehouseError, match='Duplicate key "event_id: 1"'):
        lake.commit()
