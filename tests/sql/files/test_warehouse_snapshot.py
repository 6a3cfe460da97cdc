from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.errors import WarehouseError
from sql.files.atomic_files import written_beside
from sql.store import exports
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, TWO, StartWorker, make_run, make_warehouse, publish

NEXT = DAY + timedelta(days=1)
SHAPE = """
    SELECT 'column', table_name || '.' || column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal
    UNION ALL SELECT 'table', table_name, sql, comment FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT 'view', view_name, sql, comment FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT 'macro', function_name, macro_definition, comment FROM duckdb_functions() WHERE NOT internal
    ORDER BY ALL
"""


def _read(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.sql(sql).fetchall()


def test_a_snapshot_has_every_table_view_macro_and_comment(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    snapshot = warehouse.snapshot(DAY)
    shape = _read(snapshot.path, SHAPE)
    assert shape == _read(warehouse.path, SHAPE)
    assert {kind for kind, *_ in shape} == {"column", "table", "view", "macro"}


@pytest.mark.slow
def test_a_snapshot_answers_every_view_and_macro_as_the_live_file_does(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    snapshot = warehouse.snapshot(DAY)
    views = [name for (name,) in _read(snapshot.path, "SELECT view_name FROM duckdb_views() WHERE NOT internal")]
    macros = ("targets_as_of(now())", "visible_runs_as_of(now())", "run_difference('r1', 'r2')")
    macros += (f"target_changes_of(DATE '{DAY}')", f"explain('p1', 'AAA', DATE '{DAY}')")
    for source in [*views, *macros]:
        rows = f"FROM {source} ORDER BY ALL"
        assert _read(snapshot.path, rows) == _read(warehouse.path, rows), source


@pytest.mark.slow
def test_a_snapshot_is_read_by_another_process_while_a_writer_has_the_live_file(
    warehouse: Warehouse, start_worker: StartWorker
) -> None:
    publish(warehouse, "r1")
    snapshot = warehouse.snapshot(DAY)
    with duckdb.connect(str(warehouse.path)):
        said, _ = start_worker("count", snapshot.path).communicate()
    assert said == "4\n"


@pytest.mark.slow
def test_a_reader_keeps_the_snapshot_it_has_open(warehouse: Warehouse, start_worker: StartWorker) -> None:
    publish(warehouse, "r1")
    warehouse.snapshot(DAY)
    with duckdb.connect(str(warehouse.snapshot_path), read_only=True) as reader:
        publish(warehouse, "r2")
        copying = start_worker("snapshot", warehouse.path.parent)
        copying.communicate()
        assert copying.returncode == 0
        assert reader.sql("SELECT DISTINCT run_id FROM current_targets").fetchall() == [("r1",)]
    assert _read(warehouse.snapshot_path, "SELECT DISTINCT run_id FROM current_targets") == [("r2",)]


def test_a_snapshot_leaves_no_temporary_file(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    snapshot = warehouse.snapshot(DAY)
    assert snapshot.export_path is not None
    assert [path.name for path in snapshot.path.parent.iterdir()] == [snapshot.path.name]
    assert [path.name for path in snapshot.export_path.parent.iterdir()] == ["targets.parquet"]


def test_what_a_killed_snapshot_left_is_not_taken_over(warehouse: Warehouse) -> None:
    warehouse.snapshot_path.parent.mkdir()
    for suffix in (".new", ".new.wal"):
        warehouse.snapshot_path.with_name(warehouse.snapshot_path.name + suffix).write_bytes(b"half of something")
    assert _read(warehouse.snapshot(DAY).path, "FROM current_targets") == []


@pytest.mark.slow
def test_the_export_has_the_visible_targets_of_the_day(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    publish(warehouse, "r3", ONE, NEXT)
    snapshot = warehouse.snapshot(DAY)
    assert snapshot.export_path == warehouse.export_folder / "as_of_date=2026-03-02" / "targets.parquet"
    exported = pl.read_parquet(snapshot.export_path, hive_partitioning=False)
    assert exported.equals(warehouse.query("targets_of_days", days=[DAY], first=None, last=None))
    assert set(exported.select("portfolio_id", "run_id").rows()) == {("p1", "r2"), ("p2", "r1")}


def test_the_export_of_many_portfolios_is_written_piece_by_piece(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    path = warehouse.snapshot(DAY).export_path
    assert path is not None
    at_once, metadata = pl.read_parquet(path, hive_partitioning=False), pl.read_parquet_metadata(path)
    monkeypatch.setattr(exports, "_PORTFOLIOS_AT_ONCE", 1)
    monkeypatch.setattr(pl.DataFrame, "write_parquet", None)
    assert warehouse.snapshot(DAY).export_path == path
    in_pieces = pl.read_parquet(path, hive_partitioning=False)
    assert (in_pieces.schema, in_pieces.rows()) == (at_once.schema, at_once.rows())
    assert pl.read_parquet_metadata(path).keys() == metadata.keys()


def test_the_export_folder_reads_as_one_table(warehouse: Warehouse) -> None:
    for run_id, day in (("r1", DAY), ("r2", NEXT)):
        publish(warehouse, run_id, ONE, day)
        warehouse.snapshot(day)
    files = str(warehouse.export_folder / "*" / "*.parquet")
    days = duckdb.read_parquet(files, hive_partitioning=True).project("as_of_date").distinct().order("as_of_date")
    assert days.fetchall() == [(DAY,), (NEXT,)]


def test_a_day_without_visible_targets_has_no_export(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    snapshot = warehouse.snapshot(DAY)
    assert snapshot.export_path is None
    assert not warehouse.export_folder.exists()
    assert _read(snapshot.path, "SELECT state FROM latest_runs") == [("started",)]


def test_a_path_with_quotes_is_a_path(tmp_path: Path) -> None:
    made = make_warehouse(tmp_path / 'it\'s "here"')
    made.migrate()
    assert _read(made.snapshot(date(2026, 1, 2)).path, "FROM current_targets") == []


def test_a_snapshot_that_cannot_be_written_is_told_and_leaves_the_old_one(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    warehouse.export_folder.write_text("a file in the way")
    with pytest.raises(WarehouseError, match="export"):
        warehouse.snapshot(DAY)
    assert warehouse.query("current_targets").height == 4


def test_a_file_that_is_not_finished_is_not_put_in_place(tmp_path: Path) -> None:
    def write_half() -> None:
        with written_beside(tmp_path / "file") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
