"""What may go from the folders around the warehouse, and what never does."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sql.admin.maintenance import backup
from sql.admin.retention import (
    accept,
    count_bytes,
    find_backups,
    find_left_overs,
    new_backup_path,
    one_at_a_time,
    remove,
    unverified,
)
from sql.errors import WarehouseError, WarehouseLockedError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import make_warehouse

BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = "20260227T220000Z", "20260302T220000Z"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Warehouse]:
    """A folder with a file for the warehouse: only its name counts here."""
    warehouse = make_warehouse(tmp_path)
    warehouse.path.touch()
    warehouse.snapshot_path.parent.mkdir()
    (tmp_path / "backups").mkdir()
    return warehouse


def test_backups_are_found_newest_first_and_those_that_a_person_named_are_not(bare: Warehouse) -> None:
    folder = bare.path.parent / "backups"
    for name in (f"live-{OLD}.duckdb", f"live-{NEW}.duckdb", "monday.duckdb", f"other-{OLD}.duckdb"):
        (folder / name).touch()
    unverified(folder / "live-20260303T220000Z.duckdb").touch()
    assert [path.name for path in find_backups(bare.path, None)] == [f"live-{NEW}.duckdb", f"live-{OLD}.duckdb"]
    assert find_backups(bare.path, folder / "elsewhere") == ()


def test_a_backup_counts_only_when_it_is_accepted(bare: Warehouse) -> None:
    path = new_backup_path(bare.path, None)
    unverified(path).touch()
    assert find_backups(bare.path, None) == ()
    assert accept(unverified(path)) == path
    assert find_backups(bare.path, None) == (path,)


def test_what_was_kept_goes_by_the_time_in_its_name(bare: Warehouse) -> None:
    folder = bare.path.parent
    going = [f"live.duckdb.wal.{OLD}", f"live.duckdb.replaced-{OLD}", f"live.duckdb.replaced-{OLD}.wal"]
    staying = ["live.duckdb.wal", "live.duckdb.wal.recovery", "live.duckdb.lock", f"other.duckdb.wal.{OLD}"]
    staying += [f"live.duckdb.wal.{NEW}", f"live.duckdb.replaced-{NEW}"]
    for name in (*going, *staying):
        (folder / name).touch()
    exports = folder / f"live.duckdb.replaced-{OLD}.targets" / "as_of_date=2026-02-27"
    exports.mkdir(parents=True)
    found = find_left_overs(bare, None, BEFORE)
    assert {path.name for path in found} == {*going, exports.parent.name}
    remove(found)
    assert find_left_overs(bare, None, BEFORE) == ()
    assert all((folder / name).exists() for name in staying)
    assert bare.path.exists()


def test_what_a_killed_reader_or_backup_left_goes_too(bare: Warehouse) -> None:
    spilled = bare.snapshot_path.with_name(f"{bare.snapshot_path.name}.tmp")
    spilled.mkdir()
    (spilled / "block").write_bytes(b"1234")
    cut = bare.path.parent / "backups" / f"live-{OLD}.duckdb.new"
    for path in (cut, unverified(new_backup_path(bare.path, None)), cut.with_name("monday.duckdb.new")):
        path.touch()
    assert find_left_overs(bare, None, BEFORE) == (cut,)
    os.utime(spilled, (0, 0))
    assert spilled in find_left_overs(bare, None, BEFORE)
    assert count_bytes(spilled) == 4


def test_what_a_killed_maintenance_left_unverified_goes_when_no_other_is_at_work(warehouse: Warehouse) -> None:
    left = unverified(backup(warehouse, new_backup_path(warehouse.path, None)))
    accepted = accept(shutil.copy(left.with_name(left.name.removesuffix(".unproved")), left))
    shutil.copy(accepted, left)
    with one_at_a_time(replace(warehouse, lock_timeout_seconds=0.1), None):
        assert (left.exists(), accepted.exists()) == (False, True)
        shutil.copy(accepted, left)
        other = replace(warehouse, lock_timeout_seconds=0.1)
        with pytest.raises(WarehouseLockedError), one_at_a_time(other, None):
            pass
        assert left.exists()


def test_what_cannot_be_removed_is_named(bare: Warehouse) -> None:
    below = bare.path / "below"  # not a folder
    with pytest.raises(WarehouseError, match=f"{below} cannot be removed: .* remove it by hand"):
        remove([below])
