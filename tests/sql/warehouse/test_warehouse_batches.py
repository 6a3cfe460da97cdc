"""Rows in are rows accepted and rejected, whatever the batches, the repetitions and the verdict."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.errors import WarehouseError
from sql.records import Ingest, IngestBatch
from sql.warehouse import Warehouse
from tests.helpers.effective_times import rows_of, sources_of
from tests.helpers.examples import examples
from tests.sql.warehouse_samples import DAY, accept, ingest, make_batch, make_rejects, make_scores, make_source

BEFORE = DAY - timedelta(days=3)


def _read(warehouse: Warehouse, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        return con.sql(sql).fetchall()


def _scored(warehouse: Warehouse, day: date = DAY) -> list[str]:
    return rows_of(warehouse, "scores", day)["asset"].to_list()


def _rows(first: int, day: date, *assets: str) -> pl.DataFrame:
    scores = pl.concat([make_scores(day), *(make_scores(day, **{asset: 0.5}) for asset in assets)])
    numbers = pl.int_range(first, first + scores.height, dtype=pl.Int32, eager=True)
    return scores.with_columns(row_number=numbers)


def _dated(rejected: pl.DataFrame, *days: date | None) -> pl.DataFrame:
    return rejected.with_columns(as_of_date=pl.Series(days, dtype=pl.Date))


def _refuse(_accepted: int, _rejected: int) -> str:
    return "too bad"


def test_batches_are_one_ingest(warehouse: Warehouse) -> None:
    asked: list[tuple[int, int]] = []
    batches = (make_batch(_rows(n, DAY, f"A{n}"), make_rejects(n + 1)) for n in (1, 3, 5))
    got = warehouse.record_ingest(make_source("a"), batches, lambda *counts: asked.append(counts))
    assert (got.rows_read, got.rows_accepted, got.rows_rejected) == (6, 3, 3)
    assert asked == [(3, 3)]
    assert _scored(warehouse) == ["A1", "A3", "A5"]


def test_content_that_counts_is_not_read_again(warehouse: Warehouse) -> None:
    def unreadable() -> Iterator[IngestBatch]:
        pytest.fail("it was read again")
        yield

    first = ingest(warehouse, make_source("a"), make_scores(AAA=0.5))
    again = warehouse.record_ingest(make_source("a"), unreadable(), accept)
    assert (again.ingest_id, again.is_new) == (first.ingest_id, False)
    assert warehouse.find_ingest("scores", DAY, "a") == again
    assert warehouse.find_ingest("scores", DAY, "b") is None


def test_an_error_while_reading_leaves_nothing_and_comes_through_as_it_is(warehouse: Warehouse) -> None:
    def broken() -> Iterator[IngestBatch]:
        yield make_batch(_rows(1, DAY, "AAA"))
        msg = "the connection was reset"
        raise OSError(msg)

    with pytest.raises(OSError, match=r"^the connection was reset$"):
        warehouse.record_ingest(make_source("a"), broken(), accept)
    assert _read(warehouse, "SELECT (SELECT count(*) FROM scores), (SELECT count(*) FROM ingests)") == [(0, 0)]


def test_content_refused_whole_counts_for_nothing_and_keeps_every_row(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("good"), make_scores(AAA=0.5))
    got = warehouse.record_ingest(make_source("bad"), [make_batch(_rows(1, DAY, "BBB"), make_rejects(2))], _refuse)
    assert (got.rows_read, got.rows_accepted, got.rows_rejected, got.refusal) == (2, 0, 2, "too bad")
    assert _scored(warehouse) == ["AAA"]
    rows = _read(warehouse, "SELECT row_number, rule, reason, row_json FROM rejects ORDER BY row_number")
    assert [row[:3] for row in rows] == [
        (1, "file_refused", "too bad"),
        (2, "score_is_a_number", "score is no number"),
    ]
    assert json.loads(str(rows[0][3])) == {
        "as_of_date": DAY.isoformat(),
        "model": "default",
        "asset": "BBB",
        "score": 0.5,
        "technical_score": None,
        "fundamental_score": None,
        "volatility": None,
    }


def test_a_large_content_refused_whole_keeps_the_first_rows_and_counts_every_other(warehouse: Warehouse) -> None:
    n_rows = 150_000
    numbers = pl.int_range(n_rows, dtype=pl.Int32, eager=True)
    rows = pl.concat([make_scores(AAA=0.5)] * n_rows, rechunk=True).with_columns(
        row_number=numbers, asset=pl.format("A{}", numbers)
    )
    nobody = {"as_of_date": [DAY], "model": ["default"], "asset": ["nobody"]}
    batches = [make_batch(rows, make_rejects(), **nobody)]
    assert warehouse.record_ingest(make_source("bad"), batches, _refuse).rows_rejected == n_rows
    [(kept, last)] = _read(warehouse, "SELECT count(DISTINCT row_number), max(row_number) FROM rejects")
    assert (kept, last) == (100_000, 99_999)
    assert _read(warehouse, "SELECT rejects_not_kept FROM ingests") == [(n_rows - 100_000,)]


def test_content_refused_in_the_same_words_is_one_ingest_and_does_not_hide_what_counts(warehouse: Warehouse) -> None:
    good = ingest(warehouse, make_source("good"), make_scores(AAA=0.5))
    bad, again = (
        warehouse.record_ingest(make_source("bad"), [make_batch(_rows(1, DAY, "BBB"))], _refuse) for _ in range(2)
    )
    assert (again.ingest_id, again.is_new) == (bad.ingest_id, False)
    assert warehouse.find_ingest("scores", DAY, "bad") == again
    assert not ingest(warehouse, make_source("good"), make_scores(AAA=0.5)).is_new
    assert _read(warehouse, "SELECT max(ingest_id) FROM ingests") == [(bad.ingest_id,)]
    assert good.ingest_id < bad.ingest_id


def test_content_refused_before_is_accepted_under_another_verdict(warehouse: Warehouse) -> None:
    warehouse.record_ingest(make_source("a"), [make_batch(_rows(1, DAY, "AAA"))], _refuse)
    assert ingest(warehouse, make_source("a"), _rows(1, DAY, "AAA")).is_new
    assert _scored(warehouse) == ["AAA"]
    found = warehouse.find_ingest("scores", DAY, "a")
    assert found is not None
    assert found.refusal is None


def test_content_without_readable_rows_is_an_ingest_with_its_refusal(warehouse: Warehouse) -> None:
    first, again, other = (warehouse.record_refusal(make_source("a"), words) for words in ("no header",) * 2 + ("?",))
    assert (first.rows_read, first.refusal, first.is_new) == (0, "no header", True)
    assert (again.ingest_id, again.is_new) == (first.ingest_id, False)
    assert other.is_new
    assert sources_of(warehouse, DAY).is_empty()


@pytest.mark.parametrize("kind", ["assets", "restrictions"])
def test_a_refused_list_does_not_hide_the_one_that_counts(warehouse: Warehouse, kind: str) -> None:
    columns = {"asset": ["AAA"], "bucket": ["tech"]}
    if kind == "restrictions":
        columns = {"asset": ["AAA"], "restriction": ["no_buy"], "portfolio_id": [None], "reason": [None]}
    frame = pl.DataFrame({"row_number": [1]} | columns, {"row_number": pl.Int32} | dict.fromkeys(columns, pl.String))
    frame = frame.with_columns(
        pl.lit(None, pl.Float64).alias("lot_size")
        if kind == "assets"
        else [pl.lit(None, pl.Date).alias(name) for name in ("valid_from", "valid_until")]
    )
    good = ingest(warehouse, make_source("good", kind, BEFORE), frame)
    warehouse.record_ingest(make_source("bad", kind), [make_batch(frame, kind=kind)], _refuse)
    assert rows_of(warehouse, kind, DAY)["ingest_id"].to_list() == [good.ingest_id]
    assert not ingest(warehouse, make_source("good", kind), frame).is_new


def test_a_history_is_one_ingest_a_day(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("old"), make_scores(OLD=0.5))
    batches = [
        IngestBatch(
            *make_batch(pl.concat([_rows(1, BEFORE, "A"), _rows(2, DAY, "A")]))._replace(
                rejected=_dated(make_rejects(3, 4), BEFORE, None)
            )
        ),
        IngestBatch(*make_batch(_rows(5, DAY, "B"))._replace(rejected=_dated(make_rejects()))),
    ]
    got = warehouse.record_history(make_source("h"), batches, accept)
    assert [(one.as_of_date, one.rows_accepted, one.rows_rejected, one.is_new) for one in got] == [
        (BEFORE, 1, 1, True),
        (DAY, 2, 1, True),
    ]
    assert (_scored(warehouse, BEFORE), _scored(warehouse)) == (["A"], ["A", "B"])
    assert warehouse.record_history(make_source("h"), [], accept) == tuple(_known(one) for one in got)


def _known(ingested: Ingest) -> Ingest:
    return Ingest(**(vars(ingested) | {"is_new": False}))


def test_a_history_is_known_until_another_history_replaces_a_day_of_it(warehouse: Warehouse) -> None:
    rows = pl.concat([_rows(1, BEFORE, "A"), _rows(2, DAY, "A")])
    batch = make_batch(rows)._replace(rejected=_dated(make_rejects()))
    warehouse.record_history(make_source("h"), [batch], accept)
    ingest(warehouse, make_source("corrected"), make_scores(B=0.5))
    assert warehouse.find_ingest("scores", None, "h") is not None
    assert not warehouse.record_history(make_source("h"), [batch], accept)[0].is_new
    assert _scored(warehouse) == ["B"]
    ingest(warehouse, make_source("corrected", as_of_date=BEFORE), make_scores(BEFORE, B=0.5))
    assert warehouse.find_ingest("scores", None, "h") is not None  # a file of one day does not replace it
    other = make_batch(_rows(1, DAY, "B"))._replace(rejected=_dated(make_rejects()))
    warehouse.record_history(make_source("h2"), [other], accept)
    assert warehouse.find_ingest("scores", None, "h") is None
    assert all(one.is_new for one in warehouse.record_history(make_source("h"), [batch], accept))


def test_a_day_of_a_history_without_an_accepted_row_leaves_what_counts(warehouse: Warehouse) -> None:
    ingest(warehouse, make_source("old", as_of_date=BEFORE), make_scores(BEFORE, OLD=0.5))
    batch = make_batch(_rows(1, DAY, "A"))._replace(rejected=_dated(make_rejects(2), BEFORE))
    got = warehouse.record_history(make_source("h"), [batch], accept)
    assert [one.refusal for one in got] == ["none of the 1 rows of 2026-02-27 can be used", None]
    assert _scored(warehouse, BEFORE) == ["OLD"]


def test_a_history_refused_whole_is_refused_on_every_day(warehouse: Warehouse) -> None:
    rows = pl.concat([_rows(1, BEFORE, "A"), _rows(2, DAY, "A")])
    batch = make_batch(rows)._replace(rejected=_dated(make_rejects()))
    first, again = (warehouse.record_history(make_source("h"), [batch], _refuse) for _ in range(2))
    assert [one.refusal for one in first] == ["too bad"] * 2
    assert again == tuple(_known(one) for one in first)
    assert _scored(warehouse) == []


def test_a_history_without_any_row_is_of_the_day_it_was_read_for(warehouse: Warehouse) -> None:
    (got,) = warehouse.record_history(make_source("h"), [], accept)
    assert (got.as_of_date, got.rows_read, got.refusal) == (DAY, 0, "none of the 0 rows of 2026-03-02 can be used")


_BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from(["A", "B", "C", "D", "E"]), st.booleans()), max_size=4), max_size=4
)


@pytest.mark.slow
@given(given_batches=_BATCHES)
@settings(max_examples=examples(8), deadline=None)
def test_a_key_that_repeats_anywhere_is_refused_and_no_row_is_lost(
    make_migrated: Callable[[], Warehouse], given_batches: list[list[tuple[str, bool]]]
) -> None:
    """The reader refuses what repeats in a batch, and some rows for other rules; the warehouse sees the rest."""
    warehouse, batches, kept = make_migrated(), [], []
    number = 1
    for rows in given_batches:
        counted = Counter(asset for asset, is_good in rows if is_good)
        good = [asset for asset, is_good in rows if is_good and counted[asset] == 1]
        twice = [asset for asset in counted if counted[asset] > 1]
        first_bad = number + len(good)
        rejects = make_rejects(*range(first_bad, number + len(rows)))
        keys = {"as_of_date": [DAY] * len(twice), "model": ["default"] * len(twice), "asset": twice}
        batches.append(make_batch(_rows(number, DAY, *good), rejects, **keys))
        kept += [asset for asset, is_good in rows if is_good]
        number += len(rows)
    got = warehouse.record_ingest(make_source("a"), batches, accept)
    once = sorted(asset for asset, count in Counter(kept).items() if count == 1)
    assert _scored(warehouse) == once
    assert (got.rows_read, got.rows_accepted) == (number - 1, len(once))
    stored = _read(warehouse, "SELECT row_number FROM scores UNION ALL SELECT row_number FROM rejects ORDER BY ALL")
    assert [row for (row,) in stored] == list(range(1, number))
    assert {rule for (rule,) in _read(warehouse, "SELECT rule FROM rejects")} <= {"primary_key", "score_is_a_number"}


def test_steps_on_one_connection_are_transactions_of_their_own(warehouse: Warehouse) -> None:
    with warehouse.kept_open() as session:
        ingest(session, make_source("a"), make_scores(AAA=0.5))
        with pytest.raises(WarehouseError, match="other days"):
            ingest(session, make_source("b"), make_scores(BEFORE, AAA=0.5))
        ingest(session, make_source("c"), make_scores(BBB=0.5))
        assert session.migrate() == ()
        assert session.snapshot(DAY).path.exists()
        assert session.snapshot(DAY).path.exists()
    assert _read(warehouse, "SELECT sha256 FROM ingests ORDER BY ingest_id") == [("a",), ("c",)]
