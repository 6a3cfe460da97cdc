"""Whatever the umask, what the warehouse writes can be read by its owner and group, and by nobody else."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest

from sql.admin.maintenance import backup, restore
from sql.files.atomic_files import FILE_MODE, FOLDER_MODE, make_folder, written_beside
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, TWO, publish


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def _modes(folder: Path) -> dict[bool, set[str]]:
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for path in folder.rglob("*"):
        found[path.is_dir()].add(oct(S_IMODE(path.stat().st_mode)))
    return found


@pytest.mark.slow
def test_every_file_of_a_warehouse_has_the_documented_mode(tmp_path: Path) -> None:
    data = tmp_path / "data" / "deep"
    warehouse = Warehouse(data / "w.duckdb", data / "readers" / "snapshot.duckdb", data / "targets")
    warehouse.migrate()
    publish(warehouse, "r1", TWO)
    warehouse.snapshot(DAY)
    copied = backup(warehouse, data / "backups" / "one.duckdb")
    restore(warehouse, copied, lambda *_: None)
    assert {path.suffix for path in data.rglob("*") if path.is_file()} >= {".duckdb", ".parquet", ".lock"}
    assert _modes(tmp_path) == {True: {oct(FOLDER_MODE)}, False: {oct(FILE_MODE)}}


def test_a_warehouse_that_others_could_read_is_closed_to_them_when_it_is_opened(warehouse: Warehouse) -> None:
    warehouse.path.chmod(0o666)
    warehouse.query("newest_visible_day")
    assert S_IMODE(warehouse.path.stat().st_mode) == FILE_MODE


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    make_folder(tmp_path)
    with written_beside(tmp_path / "file") as temporary:
        temporary.write_text("x")
    assert S_IMODE(tmp_path.stat().st_mode) == 0o700
