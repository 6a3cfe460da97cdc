"""Commands that only look read the snapshot: what it has stays what it was, whatever is published meanwhile."""

from datetime import timedelta

import duckdb
import pytest

from sql.errors import WarehouseError
from sql.snapshot_reader import reading_snapshot
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, make_frames, make_run


def _publish(warehouse: Warehouse, run_id: str, days_later: int) -> None:
    day = DAY + timedelta(days=days_later)
    warehouse.start_run(make_run(run_id, ONE, day), "test")
    warehouse.publish(run_id, make_frames(ONE, day), "test")
    warehouse.snapshot(day)


@pytest.mark.slow
def test_an_open_snapshot_answers_as_it_was_when_it_was_opened(warehouse: Warehouse) -> None:
    _publish(warehouse, "r1", 0)
    with reading_snapshot(warehouse) as reader:
        _publish(warehouse, "r2", 1)
        assert reader.query("visible_days")["as_of_date"].to_list() == [DAY]
    with reading_snapshot(warehouse) as reader:
        assert reader.query("visible_days").height == 2


def test_without_a_snapshot_the_next_command_is_told(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"make it with `ballast db snapshot`"), reading_snapshot(warehouse):
        pass
    warehouse.path.unlink()
    with pytest.raises(WarehouseError, match=r"publish a day first, with `ballast run`"), reading_snapshot(warehouse):
        pass


def test_a_snapshot_of_an_earlier_version_says_how_to_migrate_it(warehouse: Warehouse) -> None:
    _publish(warehouse, "r1", 0)
    with duckdb.connect(str(warehouse.snapshot_path)) as con:
        con.execute("DROP MACRO TABLE what_would_change")
    told = r"is of an earlier version.*`ballast db migrate`, then write it again with `ballast db snapshot`"
    with pytest.raises(WarehouseError, match=told), reading_snapshot(warehouse) as reader:
        reader.query("explained", portfolio_id="p1", asset="AAA", as_of_date=DAY)


def test_a_snapshot_without_a_new_column_says_how_to_migrate_it(warehouse: Warehouse) -> None:
    _publish(warehouse, "r1", 0)
    with duckdb.connect(str(warehouse.snapshot_path)) as con:
        con.execute("ALTER TABLE targets DROP COLUMN trade_scale")
    told = r"is of an earlier version.*`ballast db migrate`, then write it again with `ballast db snapshot`"
    with pytest.raises(WarehouseError, match=told), reading_snapshot(warehouse) as reader:
        reader.query("shown_targets", portfolio_ids=[], as_of_date=DAY, visible_at="9999-12-31")
