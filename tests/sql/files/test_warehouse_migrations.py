import re
from itertools import takewhile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sql.engine import opening, scripts, views
from sql.engine.scripts import Script, find_pending, read_scripts
from sql.errors import MigrationError, WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import make_warehouse


def _add_migration(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    def read_with_one_more(folder: scripts.Folder) -> tuple[Script, ...]:
        return (*read_scripts(folder), script) if folder == "migrations" else read_scripts(folder)

    monkeypatch.setattr(opening, "read_scripts", read_with_one_more)


def test_a_new_warehouse_gets_every_migration_once(tmp_path: Path) -> None:
    made = make_warehouse(tmp_path / "not" / "there" / "yet")
    assert made.migrate() == tuple(script.version for script in read_scripts("migrations"))
    assert made.migrate() == ()


def test_an_applied_migration_is_recorded_with_its_checksum(warehouse: Warehouse) -> None:
    applied = warehouse.query("applied_migrations")
    assert applied["checksum"].to_list() == [script.checksum for script in read_scripts("migrations")]
    assert applied["name"][0] == "V001__foundation"


def test_an_edited_migration_is_refused_by_name(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 'V001'")
    with pytest.raises(MigrationError, match=r"1 migrations were edited .*V001__foundation\.sql"):
        warehouse.migrate()


def test_a_newer_database_is_refused_and_left_alone(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("INSERT INTO schema_migrations VALUES ('V999', 'V999__later', 'x', now())")
        con.execute("DROP VIEW current_targets")
    with pytest.raises(MigrationError, match=r"newer than the code.*V999.*update the code"):
        warehouse.migrate()
    with duckdb.connect(str(warehouse.path)) as con:
        assert con.sql("SELECT 1 FROM duckdb_views() WHERE view_name = 'current_targets'").fetchall() == []


def test_a_failing_migration_keeps_nothing_of_itself(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    _add_migration(monkeypatch, Script("V900__broken", "CREATE TABLE half (x INTEGER); SELECT * FROM nowhere"))
    with pytest.raises(MigrationError, match=r"V900__broken failed: .*nowhere"):
        warehouse.migrate()
    assert "half" not in warehouse.query("tables")["table_name"]
    assert "V900" not in warehouse.query("applied_migrations")["version"]


def test_a_later_migration_is_applied_alone(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    _add_migration(monkeypatch, Script("V900__more", "CREATE TABLE more (x INTEGER)"))
    assert warehouse.migrate() == ("V900",)
    assert warehouse.query("columns_of_table", table="more").rows() == [("x", "INTEGER")]


def test_a_migration_below_an_applied_one_is_refused() -> None:
    files = (Script("V001__a", "1"), Script("V002__b", "2"), Script("V003__c", "3"))
    applied = {"V001": files[0].checksum, "V003": files[2].checksum}
    with pytest.raises(MigrationError, match=r"V002__b\.sql.*next free numbers"):
        find_pending(files, applied)


def test_a_view_that_was_changed_by_hand_is_put_right(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("CREATE OR REPLACE VIEW current_targets AS SELECT 1 AS wrong")
    warehouse.migrate()
    assert "target_weight" in warehouse.query("current_targets").columns


@pytest.mark.slow
def test_views_are_made_again_only_when_they_are_others(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def n_made() -> int:
        with duckdb.connect(str(warehouse.path), read_only=True) as con:
            return con.sql("SELECT count(*) FROM views_made WHERE catalog_checksum IS NULL").fetchall()[0][0]

    assert n_made() == 1
    warehouse.migrate()
    assert n_made() == 1
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("CREATE OR REPLACE MACRO targets_as_of(ts) AS TABLE SELECT ts AS wrong")
    warehouse.migrate()
    assert n_made() == 2
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("DROP VIEW turnover")
    warehouse.migrate()
    assert n_made() == 3
    one_more = (*read_scripts("views"), Script("900_more", "CREATE OR REPLACE VIEW more AS SELECT 1 AS one"))
    with monkeypatch.context() as later:
        later.setattr(views, "read_scripts", lambda _: one_more)
        warehouse.migrate()
        assert n_made() == 4
        warehouse.migrate()
        assert n_made() == 4
    warehouse.migrate()
    assert n_made() == 5


def test_a_column_without_a_comment_has_that_of_its_source(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir = """-- Columns as in: runs, targets_as_of
        CREATE OR REPLACE VIEW heir AS SELECT 'r' AS run_id, 0 AS target_weight, 'b' AS bucket;
        COMMENT ON COLUMN heir.bucket IS 'Its own.'"""
    monkeypatch.setattr(views, "read_scripts", lambda folder: (*read_scripts(folder), Script("900_heir", heir)))
    warehouse.migrate()
    columns = warehouse.query("schema_columns").filter(pl.col("name").is_in(["heir", "runs", "targets"]))
    comments = {
        (name, column): words for name, column, words in columns[["name", "column_name", "column_comment"]].rows()
    }
    assert comments["heir", "run_id"] == comments["runs", "run_id"]
    assert comments["heir", "target_weight"] == comments["targets", "target_weight"]
    assert comments["heir", "bucket"] == "Its own."


def test_views_that_were_made_before_a_stop_are_made_again(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("DELETE FROM views_made WHERE catalog_checksum IS NOT NULL")
    warehouse.migrate()
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        made = con.sql("SELECT catalog_checksum IS NULL FROM views_made ORDER BY rowid").fetchall()
    assert made == [(True,), (True,), (False,)]


def test_a_missing_warehouse_is_told_and_not_created(tmp_path: Path) -> None:
    made = make_warehouse(tmp_path)
    with pytest.raises(WarehouseError, match=r"no warehouse at .*ballast db migrate"):
        made.query("current_targets")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WarehouseError, match=r"file.*Correct the cause"):
        make_warehouse(tmp_path / "file").migrate()


def test_no_table_has_an_index_or_a_foreign_key(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        keys = con.sql(
            "SELECT DISTINCT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' ORDER BY ALL"
        ).fetchall()
        foreign = con.sql("SELECT * FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY'").fetchall()
        assert con.sql("SELECT * FROM duckdb_indexes()").fetchall() == foreign == []
    assert " ".join(name for (name,) in keys) == (
        "halts ingests limit_sets proposals recoveries replays run_events runs schema_migrations"
    )


def test_every_table_view_and_column_has_a_comment(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        silent = con.sql("""
            SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL
            UNION ALL SELECT table_name FROM duckdb_tables() WHERE NOT internal AND comment IS NULL
            UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL
            UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal AND comment IS NULL
        """).fetchall()
        (count,) = con.sql("SELECT count(*) FROM duckdb_columns() WHERE NOT internal").fetchall()[0]
    assert silent == []
    assert count > 200


FOLDERS = ["views", "queries", "checks/publication", "checks/orders", "checks/integrity", "commands"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_name_of_a_file_is_unique_in_its_folder(folder: scripts.Folder) -> None:
    names = [script.name for script in read_scripts(folder)]
    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_says_what_it_is_in_its_header(folder: scripts.Folder) -> None:
    words = {"views": "Grain: ", "queries": "Grain: ", "commands": r"[A-Z][a-z]+s "}
    for script in read_scripts(folder):
        header = "\n".join(takewhile(lambda line: line.startswith("--"), script.sql.splitlines()))
        assert re.match(f"-- {words.get(folder, 'Failures: ')}", header), script.name
        unsaid = set(re.findall(r"\$\w+", script.sql)) - set(re.findall(r"\$\w+", header))
        assert unsaid == set(), script.name


def test_an_unknown_query_is_told_with_the_known_ones(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"no file nothing\.sql in sql/queries, .*current_targets.*run_by_id"):
        warehouse.query("nothing")


def test_a_parameter_that_a_query_does_not_have_is_told_with_those_it_has(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"run_by_id got parameters \['day'\], expected exactly \['run_id'\]"):
        warehouse.query("run_by_id", day=1)
