"""The same days on either store: every table, every view and every question has the same values, but for the times."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sql.admin.maintenance import verify
from sql.engine.extensions import find_extension
from sql.engine.scripts import read_scripts
from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tasks.operations.store_move import move_store
from tests.helpers.documented_commands import blocks
from tests.helpers.postgres_server import PASSWORD, USER, PostgresServer
from tests.scale.conftest import MakeLake

OF_THE_STORE = {"schema_migrations", "views_made", "recoveries"}
"""What says of each store how and when it was made."""
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"
QUESTIONS = {question.name: question for question in read_scripts("questions")}


def _names(settings: Settings) -> list[str]:
    catalog = "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database() ORDER BY 1"
    return [name for (name,) in settings.open_warehouse().query_snapshot(catalog).rows() if name not in OF_THE_STORE]


def _rows(settings: Settings, sql: str) -> pl.DataFrame:
    """Return the rows without the times at which something was done."""
    return _without_times(settings.open_warehouse().query_snapshot(sql))


def _without_times(rows: pl.DataFrame) -> pl.DataFrame:
    times = (name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime))
    return rows.drop(*times, "seconds_taken", strict=False).with_columns(
        pl.col(pl.String).str.replace_all(MOMENT, "then")
    )


def test_every_table_and_view_has_the_same_rows(sample_week: Settings, lake_week: Settings) -> None:
    names = _names(sample_week)
    assert _names(lake_week) == names
    assert len(names) > 50
    for name in names:
        expected, got = (_rows(one, f"FROM {name} ORDER BY ALL") for one in (sample_week, lake_week))
        assert_frame_equal(got, expected, check_row_order=False)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_the_same_answer(name: str, sample_week: Settings, lake_week: Settings) -> None:
    expected, got = (_rows(one, QUESTIONS[name].sql) for one in (sample_week, lake_week))
    assert_frame_equal(got, expected)


def _exports(settings: Settings) -> dict[Path, pl.DataFrame]:
    return {
        path.relative_to(settings.export_folder): pl.read_parquet(path, hive_partitioning=False)
        for path in sorted(settings.export_folder.rglob("*.parquet"))
    }


def test_the_exports_have_the_same_rows(sample_week: Settings, lake_week: Settings) -> None:
    expected, got = _exports(sample_week), _exports(lake_week)
    assert list(got) == list(expected)
    for path, rows in expected.items():
        assert_frame_equal(got[path].drop("published_at", strict=False), rows.drop("published_at", strict=False))


@pytest.fixture(scope="module")
def plain(lake_week: Settings, postgres: PostgresServer) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB alone, opened as docs/scale.md shows it."""
    [block] = [block.text for block in blocks("sql") if block.page.name == "scale.md"]
    for shown, here in {
        "'host'": "'127.0.0.1'",
        "5432": str(postgres.port),
        "DATABASE 'lake'": "DATABASE 'postgres'",
        "'reader'": f"'{USER}'",
        "'password'": f"'{PASSWORD}'",
        "'ballast_lake'": f"'{lake_week.lake_schema}'",
    }.items():
        assert shown in block
        block = block.replace(shown, here)
    with duckdb.connect() as con:
        for name in ("ducklake", "postgres_scanner"):
            con.execute(f"LOAD '{find_extension(name, duckdb.__version__)}'")
        con.execute(f"SET TimeZone = 'UTC'; {block}")
        yield con


@pytest.mark.parametrize("name", QUESTIONS)
def test_duckdb_alone_answers_every_question(
    name: str, plain: duckdb.DuckDBPyConnection, sample_week: Settings
) -> None:
    got, expected = _without_times(plain.sql(QUESTIONS[name].sql).pl()), _rows(sample_week, QUESTIONS[name].sql)
    assert_frame_equal(got, expected, check_dtypes=False)  # our own reading keeps whole numbers above 64 bits


def test_duckdb_alone_cannot_write(plain: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        plain.execute("DELETE FROM runs")


def test_a_move_back_and_forth_changes_no_value(lake_week: Settings, make_lake: MakeLake, tmp_path: Path) -> None:
    file = lake_week.at({"warehouse": tmp_path / "moved.duckdb"})
    there = move_store(file, "embedded")
    assert sum(there.n_rows.values()) > 1_000
    again = make_lake().model_copy(update={"warehouse": file.warehouse})
    assert move_store(again, "ducklake").n_rows == there.n_rows
    expected, got = (lake.open_warehouse().query_snapshot("FROM targets ORDER BY ALL") for lake in (lake_week, again))
    assert_frame_equal(got, expected)
    with pytest.raises(WarehouseError, match="has rows already"):
        move_store(again, "ducklake")
    with pytest.raises(WarehouseError, match="has rows already"):
        move_store(file, "embedded")
    assert verify(again.open_warehouse(), lambda *_: None, has_copies=False).failures == ()
