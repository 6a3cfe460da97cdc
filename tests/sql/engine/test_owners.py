"""Whose copies are: those of another warehouse are refused and stay byte for byte, own ones are renewed."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.admin.maintenance import backup, read_status, renew_exports, restore, verify
from sql.admin.retention import find_backups, find_own_backups, new_backup_path
from sql.engine.connections import find_owner
from sql.errors import ForeignFileError, WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, TWO, StartWorker, make_warehouse, publish


def _published(folder: Path) -> Warehouse:
    """A warehouse of its own, not a copy of that of the other tests, with one day that readers see."""
    folder.mkdir()
    made = make_warehouse(folder)
    made.migrate()
    publish(made, "r1")
    made.snapshot(DAY)
    return made


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _published(tmp_path_factory.mktemp("owners") / "first").path.parent


@pytest.fixture
def one(first: Path, tmp_path: Path) -> Warehouse:
    return make_warehouse(Path(shutil.copytree(first, tmp_path / "one")))


@pytest.fixture
def two(tmp_path: Path) -> Warehouse:
    made = _published(tmp_path / "two")
    publish(made, "r2", TWO)
    return made


def _told(*_: object) -> None:
    """Hear nothing of the progress."""


def _files(warehouse: Warehouse) -> dict[Path, bytes]:
    folders = (warehouse.snapshot_path.parent, warehouse.export_folder)
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def _restore_own(warehouse: Warehouse) -> object:
    saved = warehouse.path.with_name("saved.duckdb")
    return restore(warehouse, saved if saved.exists() else backup(warehouse, saved), _told)


WAYS: dict[str, Callable[[Warehouse], object]] = {
    "snapshot": lambda warehouse: warehouse.snapshot(DAY),
    "snapshot of the newest day": lambda warehouse: warehouse.snapshot(),
    "export": lambda warehouse: warehouse.export([DAY]),
    "all exports": renew_exports,
    "restore": _restore_own,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shared", ["snapshot_path", "export_folder"])
def test_copies_of_another_warehouse_are_refused_and_stay(
    one: Warehouse, two: Warehouse, way: str, shared: str
) -> None:
    before = _files(one)
    with pytest.raises(ForeignFileError, match=f"{getattr(one, shared)}.* belongs to another warehouse"):
        WAYS[way](replace(two, **{shared: getattr(one, shared)}))
    assert _files(one) == before
    assert WAYS[way](two)


def test_a_snapshot_of_another_application_is_refused(one: Warehouse) -> None:
    one.snapshot_path.unlink()
    with duckdb.connect(str(one.snapshot_path)) as con:
        con.execute("CREATE TABLE mine AS SELECT 1 AS a").fetchall()
    with pytest.raises(ForeignFileError, match="belongs to another"):
        one.snapshot(DAY)


def test_the_warehouse_is_no_place_for_its_snapshot(one: Warehouse) -> None:
    link = one.path.with_name("link.duckdb")
    link.symlink_to(one.path)
    for place in (one.path, link):
        with pytest.raises(ForeignFileError, match="would be the warehouse itself"):
            replace(one, snapshot_path=place).snapshot(DAY)
    assert one.query("current_targets").height == 4


@pytest.mark.slow
def test_a_snapshot_that_somebody_writes_to_is_known_all_the_same(
    one: Warehouse, two: Warehouse, start_worker: StartWorker
) -> None:
    held = one.path.with_name("held") / "live.duckdb"
    held.parent.mkdir()
    shutil.copy(one.snapshot_path, held)
    holder = start_worker("hold", held.parent, "60")
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(ForeignFileError, match="belongs to another warehouse"):
        replace(two, snapshot_path=held).snapshot(DAY)
    assert replace(one, snapshot_path=held).snapshot(DAY)
    holder.kill()
    holder.communicate()


def test_a_damaged_snapshot_and_export_are_made_anew(one: Warehouse) -> None:
    export = next(one.export_folder.rglob("*.parquet"))
    for path in (one.snapshot_path, export):
        path.write_bytes(path.read_bytes()[:100])
    one.snapshot(DAY)
    assert one.query_snapshot("FROM current_targets").height == pl.read_parquet(export).height == 4


def _without_id(one: Warehouse) -> Path:
    export = next(one.export_folder.rglob("*.parquet"))
    pl.read_parquet(export, hive_partitioning=False).write_parquet(export)
    return export


@pytest.mark.slow
def test_exports_of_an_earlier_release_are_known_by_their_runs(one: Warehouse, tmp_path: Path) -> None:
    export = _without_id(one)
    assert one.snapshot(DAY)
    assert "ballast_warehouse_id" in pl.read_parquet_metadata(export)
    _without_id(one)
    other = make_warehouse(tmp_path / "other")
    other.migrate()
    publish(other, "r9")
    with pytest.raises(ForeignFileError):
        replace(other, export_folder=one.export_folder).snapshot(DAY)


@pytest.mark.slow
def test_a_restored_backup_of_another_warehouse_takes_the_copies_over(
    one: Warehouse, two: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    saved = backup(two, None)
    restored = restore(one, saved, _told)
    assert "another warehouse" in caplog.text
    assert restored.kept
    assert one.query_snapshot("SELECT DISTINCT run_id FROM current_targets ORDER BY ALL").rows() == [("r2",)]
    assert verify(one, _told).failures == ()
    assert one.snapshot(DAY)


@pytest.mark.slow
def test_a_reader_is_warned_of_a_snapshot_of_another_warehouse(
    one: Warehouse, two: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sql")
    assert two.query_snapshot("FROM current_targets").height
    assert caplog.text == ""
    mixed = replace(two, snapshot_path=one.snapshot_path)
    assert mixed.query_snapshot("FROM current_targets").height
    assert f"{one.snapshot_path} is the snapshot of another warehouse than {two.path}" in caplog.text
    assert not read_status(mixed).is_snapshot_own
    assert any("another warehouse" in first for _, _, first in verify(mixed, _told).failures)


@pytest.mark.slow
def test_backups_of_another_warehouse_in_one_folder_are_not_counted(one: Warehouse, two: Warehouse) -> None:
    folder = one.path.parent / "backups"
    own = backup(one, new_backup_path(one.path, folder))
    foreign = folder / own.name.replace("live-2", "live-1")
    shutil.copy(two.path, foreign)
    assert set(find_backups(one.path, folder)) == {own, foreign}
    assert find_own_backups(one, one.path, folder) == (own,)


def test_a_snapshot_that_nobody_may_read_is_not_replaced(one: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    one.snapshot_path.write_bytes(b"no database")
    monkeypatch.setattr("shutil.copyfile", refuse)
    with one.connected() as con, pytest.raises(WarehouseError, match="cannot be read"):
        find_owner(con, one.snapshot_path)
