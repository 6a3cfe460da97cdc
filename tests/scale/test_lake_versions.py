"""A lake of another version than the code, and views that another release made."""

import pytest

from sql.engine.statements import execute, transaction
from sql.errors import MigrationError
from tasks.config.settings import Settings


def _change(lake: Settings, sql: str) -> None:
    with lake.open_warehouse().connected() as con, transaction(con):
        execute(con, sql)


def test_a_lake_of_an_earlier_version_says_how_it_is_moved(lake: Settings) -> None:
    _change(lake, "DELETE FROM schema_migrations WHERE version > 'V015'")
    with pytest.raises(MigrationError, match=r"is of version V015, the code is of V\d+.*db move --to embedded"):
        lake.open_warehouse().migrate()


def test_a_lake_of_a_later_version_is_refused(lake: Settings) -> None:
    _change(lake, "INSERT INTO schema_migrations SELECT * REPLACE ('V999' AS version) FROM schema_migrations LIMIT 1")
    with pytest.raises(MigrationError, match="newer than the code"):
        lake.open_warehouse().migrate()


def test_views_of_another_release_are_made_again(lake: Settings) -> None:
    warehouse = lake.open_warehouse()
    _change(lake, "UPDATE views_made SET text_checksum = 'of another'; DROP VIEW current_targets")
    assert warehouse.migrate() == ()
    assert warehouse.query_snapshot("FROM current_targets").is_empty()
    with warehouse.connected() as con:
        assert execute(con, "SELECT count(*) FROM views_made") == [(2,)]
    assert warehouse.migrate() == ()
    with warehouse.connected() as con:
        assert execute(con, "SELECT count(*) FROM views_made") == [(2,)]
