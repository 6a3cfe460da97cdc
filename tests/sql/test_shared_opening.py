"""An opening that steps share: one for all of them, none while something takes long, and none after an error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sql.engine.connections import DatabaseFile
from sql.engine.locks import exclusive
from sql.errors import WarehouseError, WarehouseLockedError
from sql.shared_opening import closed_meanwhile, shared_opening
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import make_frames, make_run, publish


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[DatabaseFile]:
    """Every file that is opened."""
    opened: list[DatabaseFile] = []
    open_file = DatabaseFile.opened

    @contextmanager
    def counted(file: DatabaseFile, timeout_seconds: float) -> Iterator[object]:
        opened.append(file)
        with open_file(file, timeout_seconds) as con:
            yield con

    monkeypatch.setattr(DatabaseFile, "opened", counted)
    return opened


def _is_locked(warehouse: Warehouse) -> bool:
    try:
        with exclusive(warehouse.file.lock_path, 0):
            return False
    except WarehouseLockedError:
        return True


def test_steps_of_a_block_share_one_opening_that_ends_with_it(
    warehouse: Warehouse, openings: list[DatabaseFile]
) -> None:
    with shared_opening():
        assert not _is_locked(warehouse)
        publish(warehouse, "r1")
        assert _is_locked(warehouse)
        with replace(warehouse).kept_open() as kept:
            assert kept.query("current_targets").height
        warehouse.snapshot()
    assert (len(openings), _is_locked(warehouse)) == (1, False)
    publish(warehouse, "r2")
    assert len(openings) > 1


def test_what_takes_long_is_done_with_the_file_closed(warehouse: Warehouse, openings: list[DatabaseFile]) -> None:
    with shared_opening():
        warehouse.query("current_targets")
        with closed_meanwhile():
            assert not _is_locked(warehouse)
            warehouse.query("current_targets")
            assert not _is_locked(warehouse)
        assert not _is_locked(warehouse)
        warehouse.query("current_targets")
    assert len(openings) == 3


def test_an_error_closes_the_file_and_the_next_step_opens_it_again(
    warehouse: Warehouse, openings: list[DatabaseFile]
) -> None:
    with shared_opening():
        warehouse.start_run(make_run("r1"), "test")
        with pytest.raises(WarehouseError, match="unknown"):
            warehouse.publish("unknown", make_frames(), "test")
        assert not _is_locked(warehouse)
        assert warehouse.publish("r1", make_frames(), "test").is_new
    assert len(openings) == 2


def test_an_error_of_the_database_is_translated_as_ever(warehouse: Warehouse) -> None:
    with shared_opening():
        with pytest.raises(WarehouseError, match="does_not_exist"), warehouse.connected() as con:
            con.execute("FROM does_not_exist")
        assert not _is_locked(warehouse)


def test_an_error_of_the_block_closes_the_file(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), shared_opening():
        assert warehouse.query("current_targets").height / 0
    assert not _is_locked(warehouse)


def test_another_file_is_not_taken_for_the_one_that_is_open(make_migrated: Callable[[], Warehouse]) -> None:
    one, other = make_migrated(), make_migrated()
    with shared_opening():
        publish(one, "r1")
        assert other.query("current_targets").is_empty()
        assert not _is_locked(one)
        assert one.query("current_targets").height


def test_views_are_recorded_by_an_opening_of_their_own(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    new = replace(warehouse, path=warehouse.path.with_name("new.duckdb"))
    with shared_opening():
        assert new.migrate()
        assert new.query("views_made")["catalog_checksum"].null_count() == 0
        assert new.migrate() == ()
