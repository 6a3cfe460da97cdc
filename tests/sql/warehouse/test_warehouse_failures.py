"""A disk that is full or read-only, a file in the way: told as docs/reliability.md has it, nothing half, then over."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tests.soak.contents import CUT_OFF
from tests.soak.reader import find_torn, find_torn_exports
from tests.sql.warehouse_samples import DAY, ingest, make_frames, make_rejects, make_scores, make_source, publish

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"
FULL = "No space left on device"
ROWS = 3000
WHOLE = {run_id: {table: frame.height for table, frame in make_frames().items()} for run_id in ("r0", "r1")}

Steps = Mapping[str, Callable[[], object]]


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{command[0]} is not allowed here: {error}")


@contextmanager
def _mounted(folder: Path, *options: str | Path) -> Iterator[None]:
    _run("mount", *options, folder)
    try:
        yield
    finally:
        _run("umount", folder)


@contextmanager
def _read_only(path: Path) -> Iterator[None]:
    """Make a file or folder read-only, for root too, whom the mode does not stop."""
    if os.geteuid():
        mode = path.stat().st_mode
        path.chmod(mode & ~0o222)
        yield
        path.chmod(mode)
        return
    with _mounted(path, "--bind", path):
        _run("mount", "-o", "remount,ro,bind", path)
        yield


@contextmanager
def _small_disk(home: Path, free_kb: int) -> Iterator[None]:
    """Leave so much room on the disk of an installation; at the end of the block, as much as it needs."""
    used_kb = sum(file.stat().st_size // 1024 + 4 for file in home.rglob("*"))
    _run("mount", "-o", f"remount,size={used_kb + free_kb}k", home)
    yield
    _run("mount", "-o", "remount,size=100m", home)


@contextmanager
def _limited_files(home: Path, free_kb: int) -> Iterator[None]:
    """Let no file of this process be larger than the warehouse is now, and so much."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in home.rglob("*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1024 * free_kb, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _make(home: Path) -> Warehouse:
    return Warehouse(home / "warehouse.duckdb", home / "readers" / "snapshot.duckdb", home / "targets")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one published day."""
    made = _make(tmp_path_factory.mktemp("published"))
    made.migrate()
    publish(made, "r0")
    made.snapshot(DAY)
    return made.path.parent


@pytest.fixture
def home(tmp_path: Path, published: Path) -> Path:
    return shutil.copytree(published, tmp_path / ".ballast")


@pytest.fixture
def disk(tmp_path: Path, published: Path) -> Iterator[Path]:
    """An installation on a disk of its own."""
    folder = tmp_path / ".ballast"
    folder.mkdir()
    with _mounted(folder, "-t", "tmpfs", "-o", "size=100m", "tmpfs"):
        yield shutil.copytree(published, folder, dirs_exist_ok=True)


def _told(failing: Callable[[], object], home: Path) -> str:
    """Return what a failing step says: one line, which stands on the page that says what to do."""
    with pytest.raises(WarehouseError) as told:
        failing()
    words = str(told.value).replace(str(home), ".ballast")
    assert words in " ".join(PAGE.read_text(encoding="utf-8").replace("\n>", "\n").split())
    return words


def _files(home: Path) -> set[Path]:
    """Name the files of an installation, but for logs that are kept because their last write was cut off."""
    return {path.relative_to(home) for path in home.rglob("*") if not CUT_OFF.search(path.name)}


def _steps(warehouse: Warehouse) -> Steps:
    scores = make_scores(**{f"A{number}": number / ROWS for number in range(ROWS)})
    return {
        "ingest": lambda: ingest(warehouse, make_source("large"), scores, make_rejects(ROWS + 1)),
        "publish": lambda: publish(warehouse, "r1"),
        "snapshot": lambda: warehouse.snapshot(DAY),
    }


def _require_whole(warehouse: Warehouse) -> None:
    """Look as readers do: whole runs, whole exports."""
    with duckdb.connect(str(warehouse.snapshot_path), read_only=True) as con:
        assert list(find_torn(con, WHOLE | {"r2": {}})) == []
    assert list(find_torn_exports(warehouse.export_folder)) == []


def _require_complete(warehouse: Warehouse, files: set[Path]) -> None:
    """Do the day again with room: all of it is there once, and no file more than before."""
    for step in _steps(warehouse).values():
        step()
    _require_whole(warehouse)
    with duckdb.connect(str(warehouse.snapshot_path), read_only=True) as con:
        assert con.sql("SELECT rows_accepted, rows_rejected FROM ingests").fetchall() == [(ROWS, 1)]
        assert con.sql("SELECT count(*) FROM scores").fetchall() == [(ROWS,)]
        assert con.sql("SELECT DISTINCT run_id FROM current_targets").fetchall() == [("r1",)]
        assert con.sql("SELECT run_id FROM run_events WHERE state = 'published'").fetchall() == [("r0",), ("r1",)]
    assert _files(warehouse.path.parent) == files


def _fail_and_recover(home: Path, scarce: AbstractContextManager[None], words: str) -> None:
    warehouse, failed, files = _make(home), 0, _files(home)
    with scarce:
        for step in _steps(warehouse).values():
            try:
                step()
            except WarehouseError as error:
                failed += 1
                assert words in str(error)  # noqa: PT017 - not every step fails
            _require_whole(warehouse)
    assert failed
    _require_complete(warehouse, files)


@pytest.mark.slow
@pytest.mark.parametrize("free_kb", [0, 1000, 4000])
def test_a_full_disk_leaves_nothing_half_and_the_day_completes_when_there_is_room(disk: Path, free_kb: int) -> None:
    _fail_and_recover(disk, _small_disk(disk, free_kb), FULL)


@pytest.mark.slow
def test_a_limit_of_file_sizes_leaves_nothing_half_and_the_day_completes_without_it(home: Path) -> None:
    _fail_and_recover(home, _limited_files(home, 0), "File too large")


def test_a_full_disk_is_told_for_what_it_was_too_full(disk: Path) -> None:
    warehouse = _make(disk)
    with _small_disk(disk, 0):
        words = _told(_steps(warehouse)["ingest"], disk)
    assert FULL in words


@pytest.mark.parametrize("is_backfill", [False, True], ids=["of a day", "of a backfill"])
def test_an_export_that_has_no_room_is_told_and_the_day_stays_published(home: Path, *, is_backfill: bool) -> None:
    warehouse = _make(home)
    publish(warehouse, "r1")
    with _mounted(warehouse.export_folder, "-t", "tmpfs", "-o", "size=8k", "tmpfs"):
        (warehouse.export_folder / "other").write_bytes(b"x" * 4096)
        words = _told(lambda: warehouse.export([DAY]) if is_backfill else warehouse.snapshot(DAY), home)
        assert FULL in words
    assert warehouse.query("current_targets")["run_id"].unique().to_list() == ["r1"]
    _require_whole(warehouse)
    warehouse.snapshot(DAY)
    assert pl.read_parquet(warehouse.export_folder / "*" / "*.parquet")["run_id"].unique().to_list() == ["r1"]


def test_a_snapshot_that_has_no_room_is_told_and_readers_keep_the_old_one(home: Path) -> None:
    warehouse = _make(home)
    publish(warehouse, "r1")
    readers = warehouse.snapshot_path.parent
    old = warehouse.snapshot_path.read_bytes()
    with _mounted(readers, "-t", "tmpfs", "-o", f"size={len(old) // 1024 + 40}k", "tmpfs"):
        warehouse.snapshot_path.write_bytes(old)
        _told(lambda: warehouse.snapshot(DAY), home)
        assert [file.name for file in readers.iterdir()] == ["snapshot.duckdb"]
        assert warehouse.snapshot_path.read_bytes() == old
    warehouse.snapshot(DAY)
    assert warehouse.query_snapshot("SELECT DISTINCT run_id FROM current_targets").rows() == [("r1",)]


def _publish_and_copy(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    warehouse.snapshot(DAY)


@pytest.mark.slow
@pytest.mark.parametrize("part", [".", "warehouse.duckdb", "readers", "targets"])
def test_a_folder_or_file_that_is_read_only_is_told_and_readers_go_on(home: Path, part: str) -> None:
    warehouse = _make(home)
    with _read_only(home / part):
        _told(lambda: _publish_and_copy(warehouse), home)
        _require_whole(warehouse)
        assert warehouse.query_snapshot("FROM current_targets").height == 4
    _publish_and_copy(warehouse)
    assert warehouse.query_snapshot("SELECT DISTINCT run_id FROM current_targets").rows() == [("r1",)]


def test_a_new_warehouse_in_a_read_only_folder_is_told(tmp_path: Path) -> None:
    home = tmp_path / ".ballast"
    home.mkdir()
    with _read_only(home):
        _told(_make(home).migrate, home)
        _told(_make(home / "new").migrate, home)
    assert list(home.iterdir()) == []
    assert _make(home).migrate()


def test_a_folder_of_readers_that_is_gone_is_made_again(home: Path) -> None:
    warehouse = _make(home)
    shutil.rmtree(warehouse.snapshot_path.parent)
    shutil.rmtree(warehouse.export_folder)
    _told(lambda: warehouse.query_snapshot("FROM current_targets"), home)
    assert warehouse.snapshot(DAY).export_path
    _require_whole(warehouse)


def test_a_file_where_the_folder_of_readers_should_be_is_told(home: Path) -> None:
    warehouse = _make(home)
    shutil.rmtree(warehouse.snapshot_path.parent)
    warehouse.snapshot_path.parent.write_text("a file")
    _told(lambda: warehouse.snapshot(DAY), home)
    warehouse.snapshot_path.parent.unlink()
    warehouse.snapshot(DAY)
    _require_whole(warehouse)
