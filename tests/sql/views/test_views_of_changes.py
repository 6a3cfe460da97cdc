"""What changed and why: one pair of runs with a portfolio for every cause, read from the snapshot as a reader does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from sql.warehouse import Warehouse
from tests.sql.bare_runs import covering
from tests.sql.checks.warehouse_broken_runs import hold_back
from tests.sql.warehouse_samples import DAY, LIMITS, ONE, TWO, WEIGHT, Weights, make_frames, make_run, publish, read

NEXT, LATER = DAY + timedelta(days=1), DAY + timedelta(days=2)
OLD, NEW = {"AAA": "0.5", "BBB": "0.3"}, {"AAA": "0.4", "BBB": "0.3"}
HELD = OLD

Change = tuple[str, dict[str, object]]

OF_AAA: dict[str, tuple[Change, str, str]] = {
    "a score": (("decisions", {"score": 0.9}), "score", "score 0.8 -> 0.9"),
    "no score": (
        (
            "decisions",
            {"score": None, "entry_score": None, "is_pinned": True, "is_locked": True, "kept_by": "score_missing"},
        ),
        "score",
        "no score any more, it was 0.8",
    ),
    "a rank": (("decisions", {"candidate_rank": 4}), "rank", "rank 1 -> 4"),
    "a tier": (("sizing_audit", {"size_category": "light"}), "size", "size standard -> light"),
    "a restriction": (("decisions", {"restriction": "no_buy"}), "restriction", "restriction none -> no_buy"),
    "a bucket": (
        ("decisions sizing_audit targets", {"bucket": "energy"}),
        "universe",
        "bucket tech -> energy",
    ),
}
"""What is set in the second run of AAA, whose target falls: the word in `moved`, and the words in `change_reason`."""

PORTFOLIOS = [*OF_AAA, "a limit", "a new name", "a lost name", "a close", "another name", "nothing"]
BEFORE: Weights = dict.fromkeys(PORTFOLIOS, OLD) | {"a new name": {"AAA": "0.5"}}
AFTER: Weights = dict.fromkeys(PORTFOLIOS, NEW) | {
    "nothing": OLD,
    "a lost name": {"AAA": "0.4"},
    "a close": {"AAA": "0.4", "BBB": "0"},
}

Rows = dict[tuple[str, str], dict[str, Any]]


def _rows(warehouse: Warehouse, source: str) -> Rows:
    frame = read(warehouse, f"FROM {source}")
    return {(row["portfolio_id"], row["asset"]): row for row in frame.iter_rows(named=True)}


def _set(frame: pl.DataFrame, portfolio_id: str, asset: str, **values: object) -> pl.DataFrame:
    here = (pl.col("portfolio_id") == portfolio_id) & (pl.col("asset") == asset)
    return frame.with_columns(
        pl.when(here).then(pl.lit(value, frame.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    )


def _frames_after() -> dict[str, pl.DataFrame]:
    frames = make_frames(AFTER, NEXT, HELD)
    for portfolio_id, ((tables, values), _, _) in OF_AAA.items():
        for table in tables.split():
            frames[table] = _set(frames[table], portfolio_id, "AAA", **values)
    frames["sizing_audit"] = _set(frames["sizing_audit"], "another name", "BBB", score_multiplier=1.5)
    return frames


@pytest.fixture(scope="module")
def week(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """Two days: what the cases set, moved between them. A third of two portfolios, by another code."""
    made = make_migrated()
    publish(made, "first", BEFORE)
    limits = dict.fromkeys(AFTER, LIMITS)
    limits["a limit"] = LIMITS | {"max_single_position": 0.45, "sizing_mode": "adaptive"}
    second = replace(make_run("second", AFTER, NEXT), code_fingerprint="code-first", **covering(limits))
    made.start_run(second, "test")
    made.publish("second", _frames_after(), "test")
    return made


@pytest.fixture(scope="module")
def changes(week: Warehouse) -> Rows:
    return _rows(week, "target_changes")


@pytest.mark.parametrize("portfolio_id", OF_AAA)
def test_a_change_says_what_moved(changes: Rows, portfolio_id: str) -> None:
    row = changes[portfolio_id, "AAA"]
    _, word, words = OF_AAA[portfolio_id]
    assert (row["change"], row["weight_change"]) == ("decreased", Decimal("-0.1"))
    assert {word, "holding"} <= set(row["moved"])
    assert words in row["change_reason"].split("; ")
    assert "holding 0.00000000 -> 0.50000000" in row["change_reason"].split("; ")


def test_only_what_moved_is_told(changes: Rows) -> None:
    assert changes["a score", "AAA"]["moved"] == ["score", "holding"]
    assert changes["a score", "CASH"]["moved"] == []
    assert "limit" not in str([row["moved"] for row in changes.values() if row["portfolio_id"] != "a limit"])


def test_a_changed_limit_is_told_with_both_values_and_one_that_came(changes: Rows) -> None:
    row = changes["a limit", "AAA"]
    assert "limit max_single_position 0.5 -> 0.45, sizing_mode none -> adaptive" in row["change_reason"].split("; ")
    assert row["moved"] == ["holding", "limit"]


def test_a_new_name_is_opened_and_the_others_make_room_for_it(changes: Rows) -> None:
    came, other = changes["a new name", "BBB"], changes["a new name", "AAA"]
    assert (came["change"], came["previous_target_weight"], came["previous_gate"]) == ("opened", 0, None)
    assert came["moved"] == ["universe", "holding"]
    assert came["change_reason"] == (
        "new among the candidates: neither scored nor held before, score 0.8; holding 0.00000000 -> 0.30000000"
    )
    assert "others in: BBB" in other["change_reason"]
    assert "others" in other["moved"]


def test_a_lost_name_is_closed(changes: Rows) -> None:
    lost, other = changes["a lost name", "BBB"], changes["a lost name", "AAA"]
    assert (lost["change"], lost["target_weight"], lost["previous_target_weight"]) == ("closed", 0, Decimal("0.3"))
    assert "no longer a candidate: neither scored nor held" in lost["change_reason"].split("; ")
    assert "others out: BBB" in other["change_reason"]


def test_a_close_names_the_gate_with_its_limit(changes: Rows) -> None:
    row = changes["a close", "BBB"]
    assert (row["change"], row["gate"]) == ("closed", "below_min_score_threshold")
    assert "stopped by below_min_score_threshold 0.85" in row["change_reason"].split("; ")


def test_another_rank_or_score_of_another_name_is_a_reason(changes: Rows) -> None:
    assert "others moved in rank or size: 1" in changes["another name", "AAA"]["change_reason"]
    assert changes["another name", "BBB"]["change_reason"] is None


def test_what_did_not_change_has_a_row_without_a_reason(changes: Rows) -> None:
    for asset in ("AAA", "BBB", "CASH"):
        row = changes["nothing", asset]
        assert (row["change"], row["weight_change"], row["change_reason"], row["moved"]) == ("unchanged", 0, None, [])


def test_the_changes_add_up_to_the_current_targets(week: Warehouse) -> None:
    sql = """
        SELECT portfolio_id, sum(weight_change), sum(target_weight) = (
            SELECT sum(target_weight) FROM current_targets WHERE portfolio_id = target_changes.portfolio_id
        )
        FROM target_changes GROUP BY portfolio_id
    """
    assert set(read(week, sql).rows()) == {(portfolio_id, Decimal(0), True) for portfolio_id in PORTFOLIOS}


def test_the_first_day_of_a_portfolio_is_all_new(week: Warehouse) -> None:
    first = _rows(week, f"target_changes_of(DATE '{DAY}')")
    row = first["nothing", "AAA"]
    assert (row["change"], row["previous_run_id"], row["moved"]) == ("opened", None, ["first"])
    assert row["change_reason"] == "first published targets of the portfolio"


def test_a_day_in_the_past_is_asked_like_today(week: Warehouse) -> None:
    today = read(week, "FROM target_changes ORDER BY ALL")
    assert read(week, f"FROM target_changes_of(DATE '{NEXT}') ORDER BY ALL").equals(today)
    assert read(week, f"FROM target_changes_of(DATE '{LATER}')").is_empty()


def test_two_runs_can_be_held_against_each_other_in_both_directions(week: Warehouse) -> None:
    there = _rows(week, "run_difference('first', 'second')")
    back = _rows(week, "run_difference('second', 'first')")
    assert there == _rows(week, "target_changes")
    assert {key: -row["weight_change"] for key, row in back.items()} == {
        key: row["weight_change"] for key, row in there.items()
    }


@pytest.fixture(scope="module")
def corrected(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """r1 of two portfolios, r2 corrects p1 by another code, r1 again; r3 of the next day, r9 of a later one is held."""
    made = make_migrated()
    with made.kept_open() as session:
        publish(session, "r1", TWO)
        publish(session, "r2", {"p1": {"AAA": "0.4", "BBB": "0.3", "CCC": "0"}})
        session.start_run(make_run("r1", TWO), "test")
        session.publish("r1", make_frames(TWO), "test")
        publish(session, "r3", ONE, NEXT)
        session.start_run(make_run("r9", as_of_date=LATER), "test")
        session.record_event("r9", "held", "test", "too many scores missing")
    return made


def test_a_correction_is_held_against_what_it_superseded(corrected: Warehouse) -> None:
    sql = """
        SELECT publication, portfolio_id, previous_run_id, run_id, weight_change, change_reason, moved
        FROM correction_changes WHERE asset = 'AAA' ORDER BY publication
    """
    assert read(corrected, sql).rows() == [
        (2, "p1", "r1", "r2", Decimal("-0.1"), "code changed", ["code"]),
        (3, "p1", "r2", "r1", Decimal("0.1"), "code changed", ["code"]),
    ]


def test_every_publication_says_how_long_it_was_visible(corrected: Warehouse) -> None:
    sql = "SELECT portfolio_id, publication, run_id, superseded_run_id, is_visible FROM publications"
    assert read(corrected, f"{sql} WHERE as_of_date = DATE '{DAY}' ORDER BY 1, 2").rows() == [
        ("p1", 1, "r1", None, False),
        ("p1", 2, "r2", "r1", False),
        ("p1", 3, "r1", "r2", True),
        ("p2", 1, "r1", None, True),
    ]
    gaps = """
        SELECT count(*) FROM publications AS one JOIN publications AS next USING (portfolio_id, as_of_date)
        WHERE next.publication = one.publication + 1 AND one.visible_until <> next.published_at
    """
    assert read(corrected, gaps).rows() == [(0,)]


def test_a_corrected_day_is_told_as_published_by_the_run_that_is_visible(corrected: Warehouse) -> None:
    sql = f"SELECT state, last_state, run_id, n_publications FROM run_health WHERE as_of_date = DATE '{DAY}'"
    assert read(corrected, sql).rows() == [("published", "published", "r1", 3)]


def test_todays_changes_are_against_what_was_visible_in_the_end(corrected: Warehouse) -> None:
    previous = read(corrected, "SELECT DISTINCT portfolio_id, previous_run_id, run_id FROM target_changes ORDER BY 1")
    assert previous.rows() == [("p1", "r1", "r3"), ("p2", None, "r1")]


def test_a_run_that_was_never_published_differs_from_nothing(corrected: Warehouse) -> None:
    for pair in ("'r1', 'r9'", "'r9', 'r1'", "'r1', 'no such run'"):
        assert read(corrected, f"FROM run_difference({pair})").is_empty()


STARTED_FROM = {
    "d0": (None, None),
    "d1": ("d0", "d0"),
    "d2": ("d1", None),
    "d3": (None, "d2"),
    "d4": (None, "d3"),
}
"""Five days of which p1 and p2 start from a run, or from positions."""
CORRECTED_DAY = {"p1": {"AAA": "0.5", "BBB": "0.3", "CCC": "0"}, "p2": {"AAA": "0.3", "BBB": "0.4", "CCC": "0"}}


def _publish_from(
    session: Warehouse, run_id: str, day: int, sources: Sequence[str | None], portfolios: Weights = TWO
) -> None:
    run = make_run(run_id, portfolios, DAY + timedelta(days=day))
    started_from = run.portfolios.with_columns(held_run_id=pl.Series(sources, dtype=pl.String))
    session.start_run(replace(run, portfolios=started_from), "test")
    session.publish(run_id, make_frames(portfolios, run.as_of_date), "test")


@pytest.fixture(scope="module")
def resting(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """Five days, then d0 and d3 are corrected: only the targets of p2 change."""
    made = make_migrated()
    with made.kept_open() as session:
        for day, (run_id, sources) in enumerate(STARTED_FROM.items()):
            _publish_from(session, run_id, day, sources)
        _publish_from(session, "d0-new", 0, STARTED_FROM["d0"], CORRECTED_DAY)
        _publish_from(session, "d3-new", 3, STARTED_FROM["d3"], CORRECTED_DAY)
    return made


def test_days_that_rest_on_replaced_targets_are_told_up_to_the_next_positions(resting: Warehouse) -> None:
    rows = "SELECT portfolio_id, run_id, is_direct, source_run_id, current_run_id, replaced_as_of_date"
    assert read(resting, f"{rows} FROM superseded_holdings").rows() == [
        ("p2", "d1", True, "d0", "d0-new", DAY),
        ("p2", "d4", True, "d3", "d3-new", DAY + timedelta(days=3)),
    ]


@pytest.mark.slow
def test_days_after_a_day_that_rests_on_replaced_targets_rest_on_them_too(warehouse: Warehouse) -> None:
    with warehouse.kept_open() as session:
        for day in range(4):
            _publish_from(session, f"d{day}", day, [f"d{day - 1}" if day else None], ONE)
        _publish_from(session, "new", 0, [None], {"p1": {"AAA": "0.4", "BBB": "0.3", "CCC": "0"}})
        asked = session.query("days_to_bring_up_to_date", run_id="new")
        assert asked.rows() == [(3, DAY + timedelta(days=1), DAY + timedelta(days=3))]
        assert session.query("days_to_bring_up_to_date", run_id="d1")["n_days"].to_list() == [0]
        told = "SELECT run_id, warnings FROM run_health WHERE len(warnings) > 0 ORDER BY 1"
    words = "the holdings of p1 rest on targets of 2026-03-02 that were replaced since, see superseded_holdings"
    assert read(warehouse, told).rows() == [(f"d{day}", [words]) for day in (1, 2, 3)]


def test_a_day_that_is_published_late_is_what_the_next_would_start_from(warehouse: Warehouse) -> None:
    with warehouse.kept_open() as session:
        _publish_from(session, "d0", 0, [None], ONE)
        _publish_from(session, "d2", 2, ["d0"], ONE)
        _publish_from(session, "d1", 1, ["d0"], {"p1": {"AAA": "0.4", "BBB": "0.3", "CCC": "0"}})
        assert session.query("days_to_bring_up_to_date", run_id="d1")["n_days"].to_list() == [1]


def test_weights_of_a_change_are_exact(week: Warehouse) -> None:
    schema = read(week, "FROM target_changes LIMIT 0").schema
    assert (schema["target_weight"], schema["previous_target_weight"]) == (WEIGHT, WEIGHT)
    assert schema["weight_change"] == pl.Decimal(11, 8)


@pytest.mark.parametrize("day", [DAY, LATER], ids=str)
def test_before_the_first_publication_nothing_has_changed(warehouse: Warehouse, day: date) -> None:
    for source in ("target_changes", "correction_changes", f"target_changes_of(DATE '{day}')"):
        assert read(warehouse, f"FROM {source}").is_empty()


@pytest.mark.slow
def test_what_changed_for_hundreds_of_portfolios_takes_no_more_memory_than_their_rows(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    names = [f"p{number:03}" for number in range(600)]
    for run_id, day, weights, cap in (("r1", DAY, OLD, 0.5), ("r2", NEXT, NEW, 0.6)):
        portfolios = dict.fromkeys(names, weights)
        warehouse.start_run(make_run(run_id, portfolios, day, max_single_position=cap), "test")
        warehouse.publish(run_id, make_frames(portfolios, day), "test")
    little = Warehouse(warehouse.path, tmp_path / "snapshot.duckdb", tmp_path / "export", memory_limit="100MB")
    changes = little.query("chart_changes", run_id="r2", portfolio_ids=names)
    assert changes.filter(asset="AAA")["change_reason"].str.contains("max_single_position 0.5 -> 0.6").all()
    assert little.query("days_to_bring_up_to_date", run_id="r2").height == 1


def test_runs_of_other_portfolios_are_no_more_publications_of_a_day(warehouse: Warehouse) -> None:
    for run_id, portfolios in (("r1", ONE), ("r2", {"p2": ONE["p1"]})):
        warehouse.start_run(make_run(run_id, portfolios), run_id)
        warehouse.publish(run_id, make_frames(portfolios), f"who asked for {run_id}")
    assert read(warehouse, "SELECT n_publications, published_by FROM run_health").rows() == [(1, "who asked for r2")]
    told = read(warehouse, "SELECT portfolio_id, publication, published_by FROM publications ORDER BY 1").rows()
    assert told == [("p1", 1, "who asked for r1"), ("p2", 1, "who asked for r2")]


@pytest.mark.slow
def test_a_book_is_what_is_left_after_the_trades_and_not_the_targets(warehouse: Warehouse) -> None:
    whole = make_frames(held={"AAA": "0.5"})
    held_back = hold_back(make_frames(held={"AAA": "0.48"}), "AAA", "held_by_band")
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", whole, "test")
    _publish_from(warehouse, "r2", 1, ["r1"], ONE)
    assert read(warehouse, "FROM superseded_holdings").is_empty()
    # The same targets, of which less is traded: the book of the next day is another one.
    warehouse.start_run(make_run("r3"), "test")
    warehouse.publish("r3", held_back, "test")
    replaced = read(warehouse, "SELECT run_id, source_run_id, current_run_id FROM superseded_holdings")
    assert replaced.rows() == [("r2", "r1", "r3")]
    books = read(warehouse, "SELECT run_id, held_weight FROM books WHERE asset = 'AAA' AND run_id <> 'r2' ORDER BY 1")
    assert books.rows() == [("r1", Decimal("0.5")), ("r3", Decimal("0.48"))]
    # 0.3 of BBB is bought and 0.1 of CCC is sold; cash moves too, and is no turnover.
    turnover = read(warehouse, "SELECT turnover, bought_weight, sold_weight FROM turnover WHERE run_id = 'r3'").row(0)
    assert tuple(map(float, turnover)) == pytest.approx((0.2, 0.3, 0.1))
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("UPDATE targets SET post_trade_weight = NULL")
        assert con.execute("SELECT held_weight FROM books WHERE run_id = 'r3' AND asset = 'AAA'").fetchall() == [
            (Decimal("0.48000000"),)
        ]
