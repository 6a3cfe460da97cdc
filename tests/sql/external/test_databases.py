import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sql.errors import DatabaseUnreachableError, WarehouseError
from sql.external.databases import read_batches
from tests.helpers.postgres_server import PASSWORD, PostgresServer

DAY, OTHER = date(2026, 3, 2), date(2026, 3, 3)
N_ROWS = 1000
WRONG = "wrong-secret"

Url = str


def _read(url: Url, query: str, batch_rows: int = 10_000, **parameters: object) -> pl.DataFrame:
    return pl.concat(read_batches(url, query, parameters, batch_rows), how="vertical_relaxed")


@pytest.fixture(scope="module")
def duckdb_url(tmp_path_factory: pytest.TempPathFactory) -> Url:
    path = tmp_path_factory.mktemp("duckdb") / "feed with space.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            f"CREATE TABLE scores AS SELECT DATE '{DAY}' + (i % 2)::INTEGER AS day, 'A' || i AS asset, "
            "(i / 1000)::DECIMAL(10, 8) AS weight, i / 7 AS score, TIMESTAMPTZ '2026-03-02 12:00:00+00' AS made_at, "
            f"NULL::VARCHAR AS note, 'up'::ENUM('up', 'down') AS trend FROM range({N_ROWS}) AS rows(i)"
        )
    return f"duckdb:///{path}"


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> Url:
    path = tmp_path_factory.mktemp("sqlite") / "feed with space.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE scores (day DATE, asset TEXT, weight NUMERIC, score REAL, note TEXT)")
        rows = [(str((DAY, OTHER)[i % 2]), f"A{i}", i / 1000, i / 7, None) for i in range(N_ROWS)]
        con.executemany("INSERT INTO scores VALUES (?, ?, ?, ?, ?)", rows)
        con.commit()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def postgres_url(postgres: PostgresServer) -> Url:
    postgres.ask(
        f"CREATE TABLE scores AS SELECT DATE '{DAY}' + i % 2 AS day, 'A' || i AS asset, "
        "(i / 1000.0)::NUMERIC(10, 8) AS weight, i / 7.0 AS score, TIMESTAMPTZ '2026-03-02 12:00:00+00' AS made_at, "
        f"NULL::TEXT AS note FROM generate_series(0, {N_ROWS - 1}) AS rows(i)"
    )
    return postgres.url()


@pytest.fixture(params=["duckdb_url", "sqlite_url", "postgres_url"])
def url(request: pytest.FixtureRequest) -> Url:
    return str(request.getfixturevalue(request.param))


def test_a_query_gives_its_rows_in_batches_and_loses_none(url: Url) -> None:
    frames = list(read_batches(url, "SELECT asset, weight FROM scores", {}, 300))
    assert all(0 < frame.height <= 300 for frame in frames)
    rows = pl.concat(frames).with_columns(pl.col("weight").cast(pl.Decimal(10, 8)))
    expected = pl.DataFrame(
        {"asset": [f"A{i}" for i in range(N_ROWS)], "weight": [Decimal(i) / 1000 for i in range(N_ROWS)]},
        {"asset": pl.String, "weight": pl.Decimal(10, 8)},
    )
    assert_frame_equal(rows, expected, check_row_order=False)


def test_the_day_is_bound_wherever_the_query_names_it_and_nowhere_else(url: Url) -> None:
    query = """SELECT count(*) AS n, '$as_of_date' AS "$as_of_date" -- $nobody
        FROM scores WHERE day = $as_of_date AND $as_of_date = day /* $nobody */"""
    assert _read(url, query, as_of_date=DAY, unused=1).rows() == [(N_ROWS // 2, "$as_of_date")]


def test_what_is_bound_is_a_value_and_never_a_part_of_the_query(url: Url) -> None:
    query = "SELECT asset FROM scores WHERE asset = $name"
    assert _read(url, query, name="A1' OR '1' = '1").is_empty()
    assert _read(url, query, name="A1").rows() == [("A1",)]


def test_a_query_without_rows_still_gives_its_columns(url: Url) -> None:
    [frame] = read_batches(url, "SELECT asset, day FROM scores WHERE asset = 'nobody'", {}, 10)
    assert frame.columns == ["asset", "day"]
    assert frame.is_empty()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nonsense FROM scores",
        "SELECT asset, day AS asset FROM scores",
        "SELECT 1 AS one; SELECT 2 AS two",
        "not a query",
        "",
    ],
)
def test_a_wrong_query_is_told_in_one_sentence(url: Url, query: str) -> None:
    with pytest.raises(WarehouseError) as told:
        list(read_batches(url, query, {}, 10))
    assert "\n" not in str(told.value)
    assert PASSWORD not in str(told.value)
    assert "othing" in str(told.value)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM scores",
        "INSERT INTO scores (asset) VALUES ('more') RETURNING asset",
        "DROP TABLE scores",
        "WITH gone AS (DELETE FROM scores RETURNING asset) SELECT asset FROM gone",
        "COMMIT",
    ],
)
def test_whatever_writes_is_refused(url: Url, query: str) -> None:
    with pytest.raises(WarehouseError):
        list(read_batches(url, query, {}, 10))
    assert _read(url, "SELECT count(*) AS n FROM scores").rows() == [(N_ROWS,)]


def test_a_query_cannot_reach_other_files(duckdb_url: Url, sqlite_url: Url, tmp_path: Path) -> None:
    made = tmp_path / "made"
    reaching = {
        duckdb_url: [f"COPY scores TO '{made}'", f"ATTACH '{made}'", f"FROM read_csv('{__file__}')"],
        sqlite_url: [f"VACUUM INTO '{made}'", f"ATTACH '{made}' AS made"],
    }
    for url, queries in reaching.items():
        for query in queries:
            with pytest.raises(WarehouseError):
                list(read_batches(url, query, {}, 10))
    assert not made.exists()


def test_an_unknown_parameter_is_told_with_the_known_ones(url: Url) -> None:
    with pytest.raises(WarehouseError, match=r"1 unknown parameters, \$as_of_day: known are \$as_of_date"):
        list(read_batches(url, "SELECT asset FROM scores WHERE day = $as_of_day", {"as_of_date": DAY}, 10))


@pytest.mark.parametrize("url", ["mysql://u:hidden@h/d", "sqlite3:///x.db", "https://u:hidden@h"])
def test_an_unknown_kind_of_database_is_told_with_the_known_ones(url: Url) -> None:
    with pytest.raises(WarehouseError, match="expected a path, or one of duckdb://, sqlite://, postgresql://") as told:
        list(read_batches(url, "SELECT 1 AS one", {}, 10))
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize("form", ["{}", "duckdb:///{}", "sqlite:///{}", "sqlite://{}"])
def test_a_missing_file_is_told_and_never_made(tmp_path: Path, form: str) -> None:
    path = tmp_path / "missing.db"
    with pytest.raises(WarehouseError, match=r"no database at .*missing\.db: expected"):
        list(read_batches(form.format(path), "SELECT 1 AS one", {}, 10))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["{}", "duckdb:///{}", "sqlite:///{}"])
def test_a_file_that_is_no_database_is_told(tmp_path: Path, form: str) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database\n" * 1000)
    with pytest.raises(WarehouseError, match=r"text\.db: .*not a.* database"):
        list(read_batches(form.format(path), "SELECT asset FROM scores", {}, 10))


def test_a_path_counts_from_the_working_folder(
    duckdb_url: Url, sqlite_url: Url, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, prefixes in ((duckdb_url, ("", "duckdb:///")), (sqlite_url, ("sqlite:///",))):
        path = Path(url.split(":///")[1])
        monkeypatch.chdir(path.parent)
        for prefix in prefixes:
            assert _read(f"{prefix}{path.name}", "SELECT count(*) AS n FROM scores").rows() == [(N_ROWS,)]


def test_columns_of_duckdb_keep_their_types(duckdb_url: Url) -> None:
    assert _read(duckdb_url, "SELECT * FROM scores").schema == {
        "day": pl.Date,
        "asset": pl.String,
        "weight": pl.Decimal(10, 8),
        "score": pl.Float64,
        "made_at": pl.Datetime("us", "UTC"),
        "note": pl.String,
        "trend": pl.String,
    }


def test_columns_of_postgres_keep_their_types(postgres_url: Url) -> None:
    frame = _read(postgres_url, "SELECT *, '{}'::jsonb AS more FROM scores ORDER BY score")
    assert frame.schema == {
        "day": pl.Date,
        "asset": pl.String,
        "weight": pl.Decimal(10, 8),
        "score": pl.Float64,
        "made_at": pl.Datetime("us", "UTC"),
        "note": pl.String,
        "more": pl.String,
    }
    assert frame.row(7) == (OTHER, "A7", Decimal("0.00700000"), 1.0, datetime(2026, 3, 2, 12, tzinfo=UTC), None, "{}")


def test_a_numeric_that_is_no_number_is_read_as_what_it_is(postgres_url: Url) -> None:
    query = "SELECT unnest(ARRAY['NaN', 'Infinity', '-Infinity', '1e-30']::NUMERIC[]) AS score"
    assert [str(score) for (score,) in _read(postgres_url, query).rows()] == ["nan", "inf", "-inf", "1e-30"]


def test_a_column_of_sqlite_that_changes_its_type_late_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "feed.db"
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE scores (score)")
        con.executemany("INSERT INTO scores VALUES (?)", [(None,), (None,), (1,), (0.5,), ("n/a",), (2,)])
        con.commit()
    frames = list(read_batches(f"sqlite:///{path}", "SELECT score FROM scores", {}, 2))
    assert [frame["score"].to_list() for frame in frames] == [[None, None], [1.0, 0.5], ["n/a", "2"]]


def test_a_precision_that_is_not_said_is_a_float_and_can_be_asked_for(postgres_url: Url) -> None:
    query = "SELECT score * 2 AS twice, (score * 2)::NUMERIC(12, 3) AS exactly FROM scores WHERE asset = 'A1'"
    assert _read(postgres_url, query).rows() == [(pytest.approx(2 / 7), Decimal("0.286"))]


def test_an_error_in_the_middle_of_the_rows_is_told(duckdb_url: Url, postgres_url: Url) -> None:
    for url, cast in ((duckdb_url, "CAST(asset AS INTEGER)"), (postgres_url, "1 / (999 - substr(asset, 2)::int)")):
        with pytest.raises(WarehouseError, match=r"Could not convert string|division by zero"):
            _read(url, f"SELECT {cast} AS x FROM scores")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda postgres: postgres.url(WRONG), id="wrong password"),
        pytest.param(lambda postgres: postgres.url(WRONG, port=1), id="no server"),
        pytest.param(lambda _: f"postgresql://ballast:{WRONG}@nowhere.invalid/x", id="no such host"),
        pytest.param(lambda postgres: f"{postgres.url()}?password={WRONG}", id="password as an option"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_without_the_password(
    postgres: PostgresServer, make: Callable[[PostgresServer], Url]
) -> None:
    with pytest.raises(DatabaseUnreachableError, match=r"^postgresql://\S+: .*start the server, or correct") as told:
        list(read_batches(make(postgres), "SELECT 1 AS one", {}, 10))
    assert WRONG not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:wrong@secret@h/d",
        "postgresql://u:wrong/secret@h/d",
        "postgresql://u:wrong secret@h/d",
        "postgresql://u:secret",
        "postgresql://u:wrong?secret@h/d",
        "postgresql://u:wrong#secret@h/d",
    ],
)
def test_an_address_that_cannot_be_read_is_not_shown(url: Url) -> None:
    with pytest.raises(WarehouseError, match="the PostgreSQL address cannot be read: expected") as told:
        list(read_batches(url, "SELECT 1 AS one", {}, 10))
    assert "secret" not in str(told.value)


def test_a_reader_that_stops_early_leaves_nothing_open(url: Url) -> None:
    batches = read_batches(url, "SELECT asset FROM scores", {}, 10)
    assert next(batches).height == 10
    batches.close()  # type: ignore[attr-defined]
