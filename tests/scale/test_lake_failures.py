"""What fails around a lake: all of a transaction is there or nothing, and one sentence says what happened."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pytest
from pydantic import SecretStr

from flows.server.scale.local_postgres import find_binaries
from sql.engine.extensions import find_extension
from sql.engine.statements import execute
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import WarehouseError, WarehouseLockedError
from sql.lake import Lake
from tasks.config.settings import Settings
from tests.helpers.postgres_server import PASSWORD, PostgresServer, running_postgres
from tests.scale.conftest import MakeLake, lake_in
from tests.scale.cutting_proxy import CuttingProxy, When, cutting_proxy
from tests.sql.warehouse_samples import make_frames, make_run

ROOT = Path(__file__).parents[2]
AGAIN = "SELECT * REPLACE (event_id + 1 AS event_id) FROM"
WORKER = [sys.executable, "-m", "tests.scale.lake_worker"]


def _environment(lake: Settings) -> dict[str, str]:
    assert lake.lake_catalog
    names = ("store", "lake_schema", "lake_data", "warehouse", "export_folder")
    own = {f"BALLAST_{name.upper()}": str(getattr(lake, name)) for name in names}
    return os.environ | own | {"BALLAST_LAKE_CATALOG": lake.lake_catalog.get_secret_value()}


def _work(lake: Settings, *words: object) -> subprocess.Popen[str]:
    command = [*WORKER, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=_environment(lake), stdout=subprocess.PIPE, text=True)


def _count(lake: Settings) -> dict[str, int]:
    """Return how many rows each table of a run has, its visibility too."""
    with lake.open_warehouse().reading_snapshot() as con:
        tables = (*RUN_TABLES, "visibility")
        return {table: con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables}


def _states(lake: Settings) -> list[str]:
    return lake.open_warehouse().query_snapshot("FROM run_events ORDER BY event_id")["state"].to_list()


@pytest.fixture(scope="module")
def whole() -> dict[str, int]:
    """The rows of a published run."""
    return {**{table: frame.height for table, frame in make_frames().items()}, "visibility": 1}


@pytest.mark.parametrize("milliseconds", [-1, 0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64])
def test_a_kill_around_commit_leaves_all_or_nothing(lake: Settings, whole: dict[str, int], milliseconds: int) -> None:
    with _work(lake, "publish", "r1", 2, milliseconds) as process:
        process.wait(timeout=120)
    counted = _count(lake)
    is_published = "published" in _states(lake)
    assert counted == (whole if is_published else dict.fromkeys(whole, 0))
    warehouse = lake.open_warehouse()
    assert warehouse.start_run(make_run("r1"), "test") == ("published" if is_published else "started")
    assert warehouse.publish("r1", make_frames(), "test").is_new is not is_published
    assert _count(lake) == whole


def test_a_second_writer_waits_and_readers_do_not(lake: Settings) -> None:
    with _work(lake, "hold", 3) as process:
        assert process.stdout
        assert process.stdout.readline() == "holding\n"
        hasty = lake.model_copy(update={"lock_seconds": 0.2}).open_warehouse()
        with pytest.raises(WarehouseLockedError, match=rf"held by ballast process {process.pid} on .* waited 0\.2 s"):
            hasty.start_run(make_run("r1"), "test")
        assert hasty.query_snapshot("FROM runs").is_empty()
        assert lake.open_warehouse().start_run(make_run("r1"), "test") is None
    assert _states(lake) == ["started"]


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[CuttingProxy]:
    with cutting_proxy(postgres.port) as started:
        yield started


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_lost_at_commit_is_looked_up(
    make_lake: MakeLake, postgres: PostgresServer, proxy: CuttingProxy, whole: dict[str, int], when: When
) -> None:
    lake = make_lake(lake_catalog=SecretStr(postgres.url(port=proxy.port)))
    warehouse = lake.open_warehouse()
    warehouse.migrate()
    warehouse.start_run(make_run("r1"), "test")
    proxy.when = when
    if when == "before":
        with pytest.raises(WarehouseError) as lost:
            warehouse.publish("r1", make_frames(), "test")
        assert PASSWORD not in str(lost.value)
        assert _count(lake) == dict.fromkeys(whole, 0)
    else:
        assert warehouse.publish("r1", make_frames(), "test").is_new
    assert proxy.cuts == 1
    assert warehouse.publish("r1", make_frames(), "test").is_new is (when == "before")
    assert _count(lake) == whole


def test_a_server_that_was_stopped_is_used_again(lake: Settings, postgres: PostgresServer) -> None:
    warehouse = lake.open_warehouse()
    assert warehouse.query_snapshot("FROM runs").is_empty()
    postgres.stop()
    try:
        with pytest.raises(WarehouseError, match="Nothing was done: start the server"):
            warehouse.start_run(make_run("r1"), "test")
    finally:
        postgres.start()
    assert warehouse.start_run(make_run("r1"), "test") is None
    assert warehouse.query_snapshot("FROM runs").height == 1


def test_a_wrong_password_is_one_sentence_without_it(make_lake: MakeLake, postgres: PostgresServer) -> None:
    lake = make_lake(lake_catalog=SecretStr(postgres.url(password="battery-staple")))  # noqa: S106 - a wrong one
    with pytest.raises(WarehouseError, match="correct the address") as rejected:
        lake.open_warehouse().migrate()
    assert "battery-staple" not in str(rejected.value)


def test_a_schema_of_another_application_is_not_touched(make_lake: MakeLake, postgres: PostgresServer) -> None:
    postgres.ask("CREATE SCHEMA theirs")
    postgres.ask("CREATE TABLE theirs.things (a integer)")
    with pytest.raises(WarehouseError, match=r"tables of another application \(things\)"):
        make_lake(lake_schema="theirs").open_warehouse().migrate()
    assert postgres.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'theirs'") == [("things",)]


def test_a_lake_whose_maker_was_killed_is_none_until_it_is_made(make_lake: MakeLake) -> None:
    lake = make_lake()
    warehouse = lake.open_warehouse()
    assert isinstance(warehouse, Lake)
    with warehouse.place.created():
        pass
    assert not warehouse.is_readable()
    with pytest.raises(WarehouseError, match="no lake at"):
        warehouse.query_snapshot("FROM runs")
    assert warehouse.migrate()
    assert warehouse.is_readable()
    assert warehouse.query_snapshot("FROM runs").is_empty()


def test_a_folder_that_cannot_be_written_leaves_nothing(make_lake: MakeLake, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lake = make_lake(lake_data=str(tmp_path / "file" / "lake"))
    with pytest.raises(WarehouseError, match=r"data path .*file/lake/ cannot be read or written"):
        lake.open_warehouse().migrate()
    moved = lake.model_copy(update={"lake_data": str(tmp_path / "lake"), "lake_schema": f"{lake.lake_schema}_moved"})
    assert moved.open_warehouse().migrate()


def test_another_data_path_is_refused(lake: Settings, tmp_path: Path) -> None:
    other = lake.model_copy(update={"lake_data": str(tmp_path / "other")}).open_warehouse()
    with pytest.raises(WarehouseError, match="another data path than"):
        other.query("newest_days")


def test_a_run_that_a_check_rejects_leaves_no_row(lake: Settings) -> None:
    warehouse = lake.open_warehouse()
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["decisions"] = frames["decisions"].with_columns(restriction=pl.lit("never_heard_of"))
    with pytest.raises(WarehouseError, match="CHECK constraint failed on table decisions"):
        warehouse.publish("r1", frames, "test")
    assert _count(lake) == dict.fromkeys(_count(lake), 0)
    assert _states(lake) == ["started"]


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A server that says everything in German."""
    binaries, localedef = find_binaries(), shutil.which("localedef")
    if not (binaries and localedef and Path("/usr/share/i18n/locales/de_DE").exists()):
        pytest.skip("no German: the distribution's packages postgresql and locales have it")
    with TemporaryDirectory(prefix="ballast-locale-") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([localedef, "-i", "de_DE", "-f", "UTF-8", f"{folder}/de_DE.UTF-8"], check=True)
        monkeypatch.setenv("LOCPATH", folder)
        with running_postgres(binaries) as server:
            server.ask("ALTER SYSTEM SET lc_messages TO 'de_DE.UTF-8'")
            server.ask("SELECT pg_reload_conf()")
            yield server


@pytest.mark.slow
def test_messages_in_another_language_change_nothing(
    tmp_path: Path, german: PostgresServer, whole: dict[str, int]
) -> None:
    lake = lake_in(tmp_path, german)
    with pytest.raises(WarehouseError, match=r"Passwort-Authentifizierung.*correct the address"):
        lake_in(tmp_path, german, lake_catalog=SecretStr(german.url(password="x"))).open_warehouse().migrate()  # noqa: S106
    with pytest.raises(WarehouseError, match="no lake at"):
        lake.open_warehouse().query_snapshot("FROM runs")
    warehouse = lake.open_warehouse()
    assert warehouse.migrate()
    assert warehouse.start_run(make_run("r1"), "test") is None
    with pytest.raises(WarehouseError, match="CHECK constraint failed"):
        warehouse.record_event("r1", "finished", "test", "no such state")
    assert warehouse.publish("r1", make_frames(), "test").is_new
    assert _count(lake) == whole


def test_another_commit_meanwhile_ends_the_transaction(lake: Settings, postgres: PostgresServer) -> None:
    """Whoever goes by the lock, as a person with DuckDB can, makes a commit fail whose checks did not see it."""
    warehouse = lake.open_warehouse()
    warehouse.start_run(make_run("r1"), "test")
    with duckdb.connect() as person, warehouse.connected() as con:
        for name in ("ducklake", "postgres_scanner"):
            person.execute(f"LOAD '{find_extension(name, duckdb.__version__)}'")
        person.execute(
            f"ATTACH 'ducklake:postgres:{postgres.url()}' AS lake (METADATA_SCHEMA '{lake.lake_schema}', "
            "DATA_INLINING_ROW_LIMIT 0)"
        )
        con.begin()
        execute(con, f"INSERT INTO run_events BY NAME {AGAIN} run_events")
        person.execute(f"INSERT INTO lake.run_events {AGAIN} lake.run_events")
        with pytest.raises(duckdb.Error, match="commit"):
            con.commit()
        assert execute(con, "SELECT event_id FROM run_events ORDER BY ALL") == [(1,), (2,)]


def test_readers_see_a_run_whole_or_not_at_all(lake: Settings, whole: dict[str, int]) -> None:
    """They look all the time while another process publishes, each time with filters on run and portfolio."""
    with _work(lake, "publish_many", 6) as process:
        seen = Counter[int]()
        while process.poll() is None or not seen:
            seen[_look(lake, whole)] += 1
    assert process.returncode == 0
    assert _look(lake, whole) == 6
    assert seen.total() >= 10


def _look(lake: Settings, whole: dict[str, int]) -> int:
    """Look once at every run, compare its rows with those of a whole one, and return how many there are."""
    with lake.open_warehouse().reading_snapshot() as con:
        runs = [run_id for (run_id,) in con.execute("SELECT DISTINCT run_id FROM visibility").fetchall()]
        for run_id in runs:
            for table, n_rows in whole.items():
                sql = f"SELECT count(*) FROM {table} WHERE run_id = $run_id"
                sql += " AND portfolio_id = 'p1'" if table != "risk_estimates" else ""
                assert con.execute(sql, {"run_id": run_id}).fetchall() == [(n_rows,)], (run_id, table)
    return len(runs)
