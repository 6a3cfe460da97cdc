"""A copy that cannot be written is named, the warehouse is never called damaged for it; what killed ones left goes."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from sql.admin.maintenance import backup, renew_exports, restore, verify
from sql.engine.copied_files import written_copy
from sql.errors import DamagedError, WarehouseError
from sql.files.atomic_files import sweep, written_beside
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ingest, make_scores, make_source, make_warehouse, publish

KILOBYTES = (1, 16, 64, 256, 1024, 2048)


def _told(*_: object) -> None:
    """Hear nothing of the progress."""


@contextmanager
def _limited_files(kilobytes: int) -> Iterator[None]:
    """Do as `ulimit -f`: no file of this process may be larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kilobytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    publish(warehouse, "r1")
    warehouse.snapshot(DAY)
    backup(warehouse, warehouse.path.with_name("saved.duckdb"))
    shutil.rmtree(warehouse.export_folder)
    return warehouse


WAYS: dict[str, tuple[str, Callable[[Warehouse], object]]] = {
    "backup": ("b.duckdb", lambda warehouse: backup(warehouse, warehouse.path.with_name("b.duckdb"))),
    "snapshot": ("snapshot.duckdb", lambda warehouse: warehouse.snapshot(DAY)),
    "restore": ("live.duckdb", lambda warehouse: restore(warehouse, warehouse.path.with_name("saved.duckdb"), _told)),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_limit_of_file_sizes_is_told_with_the_name_of_the_copy(published: Warehouse, way: str) -> None:
    name, copy = WAYS[way]
    before = published.snapshot_path.read_bytes()
    for kilobytes in KILOBYTES:
        with _limited_files(kilobytes), pytest.raises(WarehouseError) as told:
            copy(published)
        words = str(told.value)
        assert (name in words, "cannot be written" in words, "\n" in words) == (True, True, False), words
        assert "damaged" not in words
        assert "db restore" not in words
        assert list(published.path.parent.rglob("*.new")) == []
    assert published.snapshot_path.read_bytes() == before
    assert copy(published)
    assert verify(published, _told, has_copies=False).failures == ()


def test_an_export_that_may_not_be_so_large_is_named(published: Warehouse) -> None:
    with _limited_files(1), pytest.raises(WarehouseError, match=r"targets\.parquet cannot be written.*File too large"):
        renew_exports(published)
    assert list(published.export_folder.rglob("*.parquet*")) == []
    renew_exports(published)


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [1, 64, 256])
def test_a_warehouse_that_may_not_grow_is_not_called_damaged(published: Warehouse, kilobytes: int) -> None:
    scores = make_scores(**{f"A{number}": number / 9000 for number in range(9000)})
    with _limited_files(kilobytes), pytest.raises(WarehouseError, match="cannot be written") as told:
        ingest(published, make_source("large"), scores)
    assert "damaged" not in str(told.value)
    with _limited_files(kilobytes), pytest.raises(WarehouseError, match=r"cannot be (written|made)") as told:
        make_warehouse(published.path.parent / "new").migrate()
    assert "damaged" not in str(told.value)
    assert ingest(published, make_source("large"), scores).rows_accepted == 9000
    assert make_warehouse(published.path.parent / "new").migrate()


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_whatever_the_system_says_the_copy_is_named(tmp_path: Path, number: int) -> None:
    def fail() -> None:
        with written_copy(tmp_path / "copy.duckdb"):
            raise OSError(number, os.strerror(number))

    with pytest.raises(WarehouseError, match=rf"copy\.duckdb cannot be written: {os.strerror(number)}\. Nothing else"):
        fail()


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO, errno.ENOSPC])
def test_a_copy_that_duckdb_cannot_write_is_named(
    published: Warehouse, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_: object, path: Path) -> None:
        msg = (
            'IO Error: Detached database "ballast_copy", but CHECKPOINT during DETACH failed. The database has been '
            f'invalidated. Original error: Could not write file "{path}": {os.strerror(number)}'
        )
        raise duckdb.IOException(msg)

    monkeypatch.setattr("sql.engine.connections.copy_database", fail)
    copy = published.path.with_name("b.duckdb")
    with pytest.raises(WarehouseError) as told:
        backup(published, copy)
    assert str(told.value) == (
        f'{copy} cannot be written: Could not write file "{copy}": '
        f"{os.strerror(number)}. Nothing else was changed: correct the cause and do it again"
    )


def test_a_snapshot_leaves_the_warehouse_locked_to_others(published: Warehouse) -> None:
    """Another program would write into the file while it is open here."""
    with published.kept_open() as kept:
        kept.snapshot(DAY)
        code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
        command = [sys.executable, "-c", code, str(published.path)]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert other.returncode
        assert "lock" in other.stderr


def test_a_snapshot_has_what_was_written_just_before_on_the_same_connection(warehouse: Warehouse) -> None:
    with warehouse.kept_open() as kept:
        publish(kept, "r1")
        kept.snapshot(DAY)
        before = kept.query("current_targets")
        assert warehouse.query_snapshot("FROM current_targets ORDER BY ALL").rows() == sorted(before.rows())
        publish(kept, "r2")
    assert warehouse.query_snapshot("SELECT count(*) FROM runs").item() == 1


@pytest.mark.slow
@pytest.mark.parametrize("said", ["INTERNAL Error: a bug", "FATAL Error: the database has been invalidated"])
def test_an_error_inside_duckdb_is_no_damage_of_a_file_that_can_be_read(
    published: Warehouse, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise duckdb.InternalException(said)

    monkeypatch.setattr("sql.store.operations.query", fail)
    monkeypatch.setattr("sql.engine.connections.read_answer", fail)
    for ask in (lambda: published.query("current_targets"), lambda: published.query_snapshot("FROM current_targets")):
        with pytest.raises(WarehouseError) as told:
            ask()
        assert "damaged" not in str(told.value)
    with published.kept_open() as kept, pytest.raises(WarehouseError, match="`ballast db verify`"):
        kept.query("current_targets")


def test_a_file_that_is_cut_short_is_called_damaged(published: Warehouse) -> None:
    live = published.path.read_bytes()
    published.path.write_bytes(live[: len(live) // 2])
    with pytest.raises(DamagedError, match=r"damaged or cut short.*ballast db restore"):
        published.query("current_targets")


def _leave(path: Path, *, is_alive: bool = False) -> subprocess.Popen[str]:
    """Start a process that writes a copy beside `path`; it is killed on its way unless it is to live."""
    code = (
        "import sys, time; from pathlib import Path; from sql.files.atomic_files import written_beside\n"
        "with written_beside(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "writing\n"
    if not is_alive:
        process.kill()
        process.communicate()
    return process


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    alive = _leave(tmp_path / "alive", is_alive=True)
    _leave(tmp_path / "dead")
    users = [tmp_path / name for name in ("mine.new", "b.duckdb.new", "x.ballast-12345678.new", "y.ballast-1.new")]
    for path in users:
        path.write_text("a person's")
    assert len(list(tmp_path.glob("*.new"))) == len(users) + 2
    with written_beside(tmp_path / "b.duckdb") as temporary:
        temporary.write_text("whole")
    names = {path.name.partition(".ballast-")[0] for path in tmp_path.iterdir() if path not in users}
    assert names == {"alive", "b.duckdb"}
    assert all(path.read_text() == "a person's" for path in users)
    alive.kill()
    alive.communicate()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"b.duckdb", *(path.name for path in users)}


def _killed_backup(warehouse: Warehouse, path: Path) -> None:
    """Kill a process in the middle of a backup."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from sql.engine import connections; from sql.admin.maintenance import backup\n"
        "from sql.warehouse import Warehouse\n"
        "def slow(con, path):\n    path.write_text('half'); print('copying', flush=True); time.sleep(60)\n"
        "connections.copy_database = slow\n"
        "live, copy = map(Path, sys.argv[1:])\n"
        "backup(Warehouse(live, live.with_name('s'), live.with_name('t')), copy)"
    )
    command = [sys.executable, "-c", code, str(warehouse.path), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "copying\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_the_next_copy_removes_what_a_killed_backup_left_wherever_it_wrote(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    for path in (elsewhere / "b.duckdb", warehouse.path.with_name("c.duckdb")):
        _killed_backup(warehouse, path)
        assert list(path.parent.glob("*.new"))
        backup(warehouse, warehouse.path.with_name(f"after-{path.name}"))
        assert list(path.parent.glob("*.new")) == []
    assert list(warehouse.path.parent.glob("*.copying")) == []


def test_what_a_killed_export_left_is_swept_with_the_next_one(published: Warehouse) -> None:
    left = published.export_folder / "as_of_date=2020-01-02" / "targets.parquet"
    left.parent.mkdir(parents=True)
    _leave(left)
    published.snapshot(DAY)
    assert list(left.parent.iterdir()) == []
