"""What a person reads when the file is not what it should be: one sentence with what to do, and the file untouched."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.engine.duckdb_errors import explain
from sql.engine.locks import exclusive
from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import StartWorker, ingest, make_scores, make_source, make_warehouse


def _wal(warehouse: Warehouse) -> Path:
    return warehouse.path.with_name(warehouse.path.name + ".wal")


def _make_foreign(path: Path) -> None:
    path.unlink()
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE customers (name VARCHAR)").fetchall()


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("as_of_date,asset,score\n" * 500), "no DuckDB file.*not changed.*db restore"),
        (lambda path: path.write_bytes(b""), "no DuckDB file"),
        (lambda path: _cut(path, 2000), "damaged or cut short.*not changed.*db restore"),
        (lambda path: _cut(path, path.stat().st_size // 2), "damaged or cut short.*not changed.*db restore"),
        (lambda path: _flip(path, 4200), "damaged or cut short.*not changed.*db restore"),
        (_make_foreign, r"another application: it has 1 table \(customers\).*correct the path"),
    ],
    ids=["text", "empty", "header only", "half", "flipped", "foreign"],
)
def test_a_file_that_is_no_warehouse_is_told_and_left_as_it_is(
    warehouse: Warehouse, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(warehouse.path)
    before = warehouse.path.read_bytes()
    for step in (warehouse.migrate, lambda: warehouse.query("current_targets")):
        with pytest.raises(WarehouseError, match=words) as told:
            step()
        assert "\n" not in str(told.value)
    assert warehouse.path.read_bytes() == before


@pytest.fixture
def left_open(make_migrated: Callable[[], Warehouse], start_worker: StartWorker) -> Warehouse:
    """A warehouse whose writer was killed after a commit, before the log was taken over."""
    warehouse = make_migrated()
    with start_worker("leave_wal", warehouse.path.parent) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        worker.kill()
    return warehouse


def test_a_log_damaged_inside_is_told_and_nothing_is_touched(left_open: Warehouse) -> None:
    wal = _wal(left_open)
    _flip(wal, 60)
    wal.write_bytes(wal.read_bytes() + wal.read_bytes()[8:])
    before = left_open.path.read_bytes(), wal.read_bytes()
    with pytest.raises(WarehouseError, match=r"duckdb\.wal\) is damaged.*move the log away"):
        left_open.query("current_targets")
    assert (left_open.path.read_bytes(), wal.read_bytes()) == before


@pytest.mark.parametrize("spoil", [lambda wal: _cut(wal, -30), lambda wal: _flip(wal, 1)], ids=["cut", "no log"])
def test_a_log_that_is_not_whole_is_kept_and_told(
    left_open: Warehouse, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    wal = _wal(left_open)
    spoil(wal)
    content = wal.read_bytes()
    assert left_open.query("run_events", run_id="r0").is_empty()
    [kept] = [path for path in left_open.path.parent.iterdir() if ".wal." in path.name]
    assert kept.read_bytes() == content
    assert str(kept) in caplog.text
    assert "was not whole" in caplog.text


def test_a_recovery_that_fails_leaves_no_copy_of_the_log(left_open: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        msg = "no room"
        raise duckdb.IOException(msg)

    with monkeypatch.context() as patched:
        patched.setattr("sql.engine.opening.command", fail)
        with pytest.raises(WarehouseError, match="no room"):
            left_open.query("current_targets")
    assert [path for path in left_open.path.parent.iterdir() if ".wal." in path.name] == []
    assert left_open.query("run_events", run_id="r0").height == 1


def test_a_log_that_was_replayed_is_not_kept(left_open: Warehouse) -> None:
    assert left_open.query("run_events", run_id="r0").height == 1
    assert {path.name for path in left_open.path.parent.iterdir()} == {"live.duckdb", "live.duckdb.lock"}


@pytest.mark.slow
def test_whoever_waits_for_long_is_told_for_whom(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    lock = warehouse.path.with_name("live.duckdb.lock")
    caplog.set_level(logging.WARNING)
    with exclusive(lock, 1), pytest.raises(WarehouseError, match="is held by process"):
        replace(warehouse, lock_timeout_seconds=1.5).query("current_targets")
    assert [record.getMessage().partition(": waiting")[2] for record in caplog.records] == [" for up to 1.5 s"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('IO Error: Could not write file "x": No space left on device', "the disk is full.*free some space"),
        ("Out of Memory Error: failed to offload\nThis limit was set by the 'max_temp_directory_size'", "disk is full"),
        ("Out of Memory Error: could not allocate block\n\nLaunch the database", "raise BALLAST_MEMORY_LIMIT"),
        ('IO Error: Cannot open file "x": Read-only file system', "right to write"),
        ("IO Error: Trying to read a database file with version number 99", "another version of DuckDB"),
        ("Catalog Error: Table with name prices does not exist!\n\nLINE 1", "db migrate"),
        ("Something new", "Something new.*correct the cause"),
    ],
)
def test_what_duckdb_says_is_told_with_what_to_do(said: str, words: str) -> None:
    with pytest.raises(WarehouseError, match=words) as told:
        raise WarehouseError(explain(Path("w.duckdb"), duckdb.Error(said)))
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_memory_is_limited_and_what_is_above_goes_to_the_disk_and_away(tmp_path: Path) -> None:
    made = make_warehouse(tmp_path)
    made.migrate()
    spill = tmp_path / "live.duckdb.spill"
    spill.mkdir()
    (spill / "duckdb_temp_storage_left-0.tmp").write_text("of a killed process")
    small = replace(made, memory_limit="64MB")
    scores = make_scores(AAA=0.5)
    many = pl.concat([scores] * 250_000).with_columns(
        row_number=pl.int_range(250_000, dtype=pl.Int32), asset=pl.format("a long name {}", pl.int_range(250_000))
    )
    assert ingest(small, make_source("a"), many).rows_accepted == 250_000
    assert not spill.exists()


def test_a_memory_limit_that_is_none_is_told(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="Memory must have a number"):
        replace(warehouse, memory_limit="lots").query("current_targets")


def test_a_damaged_snapshot_is_told_with_how_to_make_it_anew(warehouse: Warehouse) -> None:
    warehouse.snapshot_path.parent.mkdir()
    shutil.copy(__file__, warehouse.snapshot_path)
    with pytest.raises(WarehouseError, match="db snapshot"):
        warehouse.query_snapshot("FROM current_targets")
