from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.errors import WarehouseError
from sql.records import Ingest
from sql.warehouse import Warehouse
from tasks.inputs.day_inputs import read_days
from tests.helpers.effective_times import rows_of, sources_of
from tests.helpers.examples import examples
from tests.sql.warehouse_samples import DAY, WEIGHT, ingest, make_rejects, make_scores, make_source

BEFORE = DAY - timedelta(days=3)


def _scored(warehouse: Warehouse, since: date = DAY) -> dict[str, float | None]:
    rows = rows_of(warehouse, "scores", DAY, since)
    return dict(rows.select("asset", "score").rows())


def _record_assets(warehouse: Warehouse, sha256: str, day: date, **buckets: str) -> None:
    rows = pl.DataFrame({"asset": list(buckets), "bucket": list(buckets.values())}).with_row_index("row_number", 1)
    ingest(warehouse, make_source(sha256, "assets", day), rows.with_columns(lot_size=pl.lit(None, pl.Float64)))


def _record_positions(warehouse: Warehouse, sha256: str, day: date, *held: tuple[str, str, str]) -> None:
    rows = [(number, day, *row[:2], Decimal(row[2])) for number, row in enumerate(held, start=1)]
    schema = {"row_number": pl.Int32, "as_of_date": pl.Date, "portfolio_id": pl.String, "asset": pl.String}
    frame = pl.DataFrame(rows, schema | {"current_weight": WEIGHT}, orient="row")
    ingest(warehouse, make_source(sha256, "positions", day), frame.with_columns(quantity=pl.lit(None, pl.Float64)))


def _held(warehouse: Warehouse, day: date = DAY) -> list[tuple[str, date, str]]:
    return rows_of(warehouse, "positions", day).select("portfolio_id", "as_of_date", "asset").rows()


def _contents(warehouse: Warehouse, since: date) -> list[str]:
    """Name what a run of the day reads by its hashes."""
    ids = sources_of(warehouse, DAY, since)["ingest_id"].unique().to_list()
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.execute("SELECT sha256 FROM ingests WHERE ingest_id IN (SELECT unnest(?)) ORDER BY ALL", [ids])
        return [sha256 for (sha256,) in rows.fetchall()]


def test_rows_read_are_rows_accepted_and_rejected(warehouse: Warehouse) -> None:
    got = ingest(warehouse, make_source("a"), make_scores(AAA=0.5, BBB=None), make_rejects(3))
    assert got == Ingest(1, DAY, is_new=True, rows_read=3, rows_accepted=2, rows_rejected=1, refusal=None)


def test_the_same_content_twice_is_one_ingest(warehouse: Warehouse) -> None:
    first = ingest(warehouse, make_source("a"), make_scores(AAA=0.5), make_rejects(2))
    again = ingest(warehouse, make_source("a"), make_scores(AAA=0.5), make_rejects(2))
    assert again == replace(first, is_new=False)
    assert rows_of(warehouse, "scores", DAY).height == 1


def test_the_same_content_of_another_day_is_another_ingest(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("a", as_of_date=BEFORE), make_scores(BEFORE, AAA=0.5))
    assert ingest(warehouse, make_source("a"), make_scores(AAA=0.5)).is_new


def test_a_corrected_file_counts_as_a_whole(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("a"), make_scores(AAA=0.5, BBB=0.6))
    ingest(warehouse, make_source("b"), make_scores(AAA=0.7))
    assert _scored(warehouse) == {"AAA": 0.7}


def test_the_first_content_counts_again_when_it_comes_again_after_another(warehouse: Warehouse) -> None:
    for sha256, score in (("a", 0.5), ("b", 0.6), ("a", 0.5)):
        assert ingest(warehouse, make_source(sha256), make_scores(AAA=score)).is_new
    assert _scored(warehouse) == {"AAA": 0.5}


def test_a_corrected_file_without_rows_leaves_no_score(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("a"), make_scores(AAA=0.5))
    ingest(warehouse, make_source("b"), make_scores(), make_rejects(1))
    assert _scored(warehouse) == {}


def test_a_correction_of_one_day_leaves_the_other_days(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("a", as_of_date=BEFORE), make_scores(BEFORE, BBB=0.4))
    ingest(warehouse, make_source("b"), make_scores(AAA=0.5))
    ingest(warehouse, make_source("c"), make_scores(AAA=0.6))
    assert _scored(warehouse, since=BEFORE) == {"BBB": 0.4, "AAA": 0.6}
    assert _scored(warehouse, since=DAY) == {"AAA": 0.6}


_FILES = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from([BEFORE, DAY]), st.sets(st.sampled_from(["A", "B", "C"]))),
    max_size=6,
)


@pytest.mark.slow
@given(files=_FILES)
@settings(max_examples=examples(8), deadline=None)
def test_for_each_day_exactly_the_rows_of_its_last_new_file_count(
    make_migrated: Callable[[], Warehouse], files: list[tuple[str, date, set[str]]]
) -> None:
    warehouse = make_migrated()
    expected: dict[date, tuple[str, set[str]]] = {}
    for name, day, assets in files:
        sha256 = f"{name}{sorted(assets)}"
        scores = make_scores(day, **dict.fromkeys(sorted(assets), 0.5))
        got = ingest(warehouse, make_source(sha256, as_of_date=day), scores)
        assert got.is_new == (expected.get(day, ("", set()))[0] != sha256)
        expected[day] = (sha256, assets)
    got = rows_of(warehouse, "scores", DAY, BEFORE).select("as_of_date", "asset").rows()
    assert got == [(day, asset) for day in sorted(expected) for asset in sorted(expected[day][1])]


def test_rejected_rows_keep_their_number_content_and_rule(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("a"), make_scores(AAA=0.5), make_rejects(2))
    ingest(warehouse, make_source("b"), make_scores(AAA=0.5), make_rejects(7))
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        rows = con.sql("""
            SELECT kind, source, row_number, rule, json_extract_string(row_json, '$.score'), is_effective
            FROM rejected_rows ORDER BY ingest_id
        """).fetchall()
    assert rows == [
        ("scores", "inbox/scores.csv", 2, "score_is_a_number", "x", False),
        ("scores", "inbox/scores.csv", 7, "score_is_a_number", "x", True),
    ]


def test_rows_with_the_same_row_number_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"same row_number, the first are \[1\]"):
        ingest(warehouse, make_source("a"), make_scores(AAA=0.5), make_rejects(1))
    assert warehouse.find_ingest("scores", DAY, "a") is None


def test_scores_of_another_day_than_their_ingest_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"1 rows of other days than 2026-03-02.*2026-02-27"):
        ingest(warehouse, make_source("a"), make_scores(BEFORE, AAA=0.5))


def test_a_frame_with_other_columns_is_refused_by_name(warehouse: Warehouse) -> None:
    wrong = make_scores(AAA=0.5).rename({"volatility": "vol"})
    with pytest.raises(WarehouseError, match=r"table scores .*missing \['volatility'\].*unexpected \['vol'\]"):
        ingest(warehouse, make_source("a"), wrong)


def test_a_row_without_any_score_is_refused_and_nothing_is_kept(warehouse: Warehouse) -> None:
    none = make_scores(AAA=0.5, BBB=None).with_columns(technical_score=pl.lit(None, pl.Float64))
    with pytest.raises(WarehouseError, match=r"CHECK constraint.*rolled back"):
        ingest(warehouse, make_source("a"), none, make_rejects(9))
    assert warehouse.find_ingest("scores", DAY, "a") is None


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(WarehouseError, match="kind 'prises', expected one of scores, assets"):
        make_source("a", "prises")


def test_the_assets_of_the_latest_day_up_to_the_day_count(warehouse: Warehouse) -> None:
    _record_assets(warehouse, "a", DAY, AAA="tech")
    _record_assets(warehouse, "b", BEFORE, AAA="old", BBB="old")
    _record_assets(warehouse, "c", DAY + timedelta(days=1), AAA="future")
    assert warehouse.query("assets_for_day", as_of_date=DAY).select("asset", "bucket").rows() == [("AAA", "tech")]


def test_positions_are_those_of_each_portfolios_latest_day(warehouse: Warehouse) -> None:
    _record_positions(warehouse, "a", BEFORE, ("p1", "AAA", "0.1"), ("p2", "BBB", "0.2"))
    _record_positions(warehouse, "b", DAY, ("p1", "CCC", "0.3"))
    _record_positions(warehouse, "c", DAY + timedelta(days=1), ("p1", "DDD", "0.3"))
    assert _held(warehouse) == [("p1", DAY, "CCC"), ("p2", BEFORE, "BBB")]


def test_a_correction_without_a_portfolio_leaves_it_what_it_had_before_the_day(warehouse: Warehouse) -> None:
    _record_positions(warehouse, "before", BEFORE, ("p3", "CCC", "0.2"))
    _record_positions(warehouse, "a", DAY, ("p1", "AAA", "0.1"), ("p2", "BBB", "0.2"), ("p3", "BBB", "0.2"))
    _record_positions(warehouse, "b", DAY, ("p1", "AAA", "0.3"))
    assert _held(warehouse) == [("p1", DAY, "AAA"), ("p3", BEFORE, "CCC")]


def test_a_position_weight_stays_exact(warehouse: Warehouse) -> None:
    _record_positions(warehouse, "a", DAY, ("p1", "AAA", "0.12345678"))
    assert rows_of(warehouse, "positions", DAY)["current_weight"].to_list() == [Decimal("0.12345678")]


@pytest.mark.parametrize("weight", [pl.lit(0.1), pl.lit("0.1"), pl.lit(Decimal("0.1")).cast(pl.Decimal(12, 9))])
def test_a_weight_that_would_be_rounded_is_refused(warehouse: Warehouse, weight: pl.Expr) -> None:
    columns = {"row_number": 1, "as_of_date": DAY, "portfolio_id": "p1", "asset": "A", "quantity": 1.0}
    frame = pl.select(**{name: pl.lit(value) for name, value in columns.items()}, current_weight=weight)
    with pytest.raises(WarehouseError, match=r"current_weight is .*expected DECIMAL\(10,8\).*does not round"):
        ingest(warehouse, make_source("a", "positions"), frame)


def test_only_restrictions_that_hold_on_the_day_count(warehouse: Warehouse) -> None:
    day = timedelta(days=1)
    rows = [
        (1, None, "always", "no_buy", "r", None, None),
        (2, "p1", "until today", "no_trade", "r", None, DAY),
        (3, "p1", "from today", "must_sell", "r", DAY, None),
        (4, "p1", "until yesterday", "no_buy", "r", None, DAY - day),
        (5, "p1", "from tomorrow", "no_buy", "r", DAY + day, None),
    ]
    names = ("portfolio_id", "asset", "restriction", "reason")
    schema = {"row_number": pl.Int32} | dict.fromkeys(names, pl.String)
    frame = pl.DataFrame(rows, schema | {"valid_from": pl.Date, "valid_until": pl.Date}, orient="row")
    ingest(warehouse, make_source("old", "restrictions", BEFORE), frame.head(1))
    ingest(warehouse, make_source("new", "restrictions"), frame)
    [got] = read_days(warehouse, "XNYS", [DAY], {}, sources_of(warehouse, DAY)).values()
    assert got.restrictions["asset"].to_list() == ["always", "from today", "until today"]


def test_the_ingests_of_a_day_are_those_its_rows_come_from(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("s0", as_of_date=BEFORE), make_scores(BEFORE, AAA=0.5))
    ingest(warehouse, make_source("s1"), make_scores(AAA=0.5))
    ingest(warehouse, make_source("s2"), make_scores(AAA=0.6))
    _record_assets(warehouse, "a1", BEFORE, AAA="tech")
    _record_positions(warehouse, "p1", BEFORE, ("p1", "AAA", "0.1"), ("p2", "AAA", "0.1"))
    _record_positions(warehouse, "p2", DAY, ("p1", "AAA", "0.1"))
    _record_positions(warehouse, "p3", DAY + timedelta(days=1), ("p1", "AAA", "0.1"))
    assert _contents(warehouse, BEFORE) == ["a1", "p1", "p2", "s0", "s2"]
    assert _contents(warehouse, DAY) == ["a1", "p1", "p2", "s2"]
