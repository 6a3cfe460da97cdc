"""docs/schema.md says what the database is, and nothing is left without a comment."""

from pathlib import Path

import duckdb
import pytest

from sql.engine.scripts import Script
from sql.errors import WarehouseError
from sql.schema_reference import SECTIONS, schema_page
from sql.warehouse import Warehouse

PAGE = Path(__file__).parents[3] / "docs" / "schema.md"
CALLS = {
    "effective_ingests_as_of": "now()",
    "visible_runs_as_of": "now()",
    "targets_as_of": "now()",
    "target_changes_of": "DATE '2026-03-02'",
    "run_difference": "'r1', 'r2'",
    "differences_of": "[{'portfolio_id': 'p1', 'run_id': 'r2', 'previous_run_id': 'r1'}]",
    "followed_lifecycle_of": "'p1'",
    "holding_periods_of": "'p1'",
    "explain": "'p1', 'AAA', DATE '2026-03-02'",
    "sizing_steps": "'p1', 'AAA', DATE '2026-03-02'",
    "what_would_change": "'p1', 'AAA', DATE '2026-03-02'",
}
VIEW, MACRO = "CREATE VIEW bare AS SELECT 1 AS a; ", "CREATE MACRO bare(x) AS TABLE SELECT x AS a; "
UNCOMMENTED = {
    "a table": "CREATE TABLE bare (a INTEGER); COMMENT ON COLUMN bare.a IS 'A.'",
    "a column of a table": "CREATE TABLE bare (a INTEGER); COMMENT ON TABLE bare IS 'Bare.'",
    "a view": VIEW + "COMMENT ON COLUMN bare.a IS 'A.'",
    "a column of a view": VIEW + "COMMENT ON VIEW bare IS 'Bare.'; COMMENT ON COLUMN bare.a IS ' '",
    "a macro": MACRO,
    "the columns of a macro": MACRO + "COMMENT ON MACRO TABLE bare IS 'bare(x): bare.'",
}


def _page(warehouse: Warehouse) -> str:
    return schema_page(warehouse.query("schema_columns"))


def test_the_page_is_what_the_database_says(warehouse: Warehouse) -> None:
    assert PAGE.read_text(encoding="utf-8") == _page(warehouse), "docs/schema.md is not up to date: make schema"


@pytest.mark.parametrize("what", UNCOMMENTED)
def test_what_has_no_comment_is_refused(warehouse: Warehouse, what: str) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute(UNCOMMENTED[what])
    with pytest.raises(WarehouseError, match=r"\d .* have no comment: (a( column)? of )?bare"):
        _page(warehouse)


def test_what_no_section_names_stands_at_the_end(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("CREATE TABLE extra (a DECIMAL(10, 8))")
        con.execute("COMMENT ON TABLE extra IS 'One row per extra.'; COMMENT ON COLUMN extra.a IS 'A | B.'")
    page = _page(warehouse)
    assert page.index("### extra") > page.index("## Other tables")
    assert "Table. One row per extra." in page
    assert "| `a` | DECIMAL(10,8) | A \\| B. |" in page


def test_every_section_names_what_there_is(warehouse: Warehouse) -> None:
    there = set(warehouse.query("schema_columns")["name"])
    assert [name for names in SECTIONS.values() for name in names if name not in there] == []


def test_the_comment_of_a_macro_names_the_columns_that_it_gives(warehouse: Warehouse) -> None:
    said = warehouse.query("schema_columns").filter(kind="macro").select("name", "comment").rows()
    assert {name for name, _ in said} == set(CALLS)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        for name, comment in said:
            described, *columns = comment.split("\n")
            assert described.startswith(f"{name}(")
            given = [f"{row[0]} {row[1]}" for row in con.sql(f"DESCRIBE FROM {name}({CALLS[name]})").fetchall()]
            assert [line.split(": ")[0] for line in columns] == given, name


def test_a_question_without_its_header_is_refused(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Script("99_bare", "-- Question: What?\nFROM current_targets;\n")
    monkeypatch.setattr("sql.schema_reference.read_scripts", lambda _: [bare])
    with pytest.raises(WarehouseError, match=r"99_bare\.sql must begin with -- For:"):
        _page(warehouse)
