"""How the days went, what limits them, and the story of one weight: asked as an operator and an auditor do."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest

from sql.errors import PublishRejectedError
from sql.warehouse import Warehouse
from tests.sql.checks.warehouse_broken_runs import twice
from tests.sql.warehouse_samples import DAY, ONE, TWO, make_frames, make_run, publish, read

PUBLISHED, CORRECTED, HELD, REJECTED, PARTLY, SCORES_ONLY, HOLIDAY = (DAY + timedelta(days=days) for days in range(7))
SHOWN = (
    *("current_targets", "target_changes", "correction_changes", "decisions_today", "constraints_today"),
    *("bucket_exposure", "cash_drag", "turnover", "visible_runs", "publications"),
)
"""What managers and execution look at."""


def _read_shown(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        return {view: con.sql(f"FROM {view} ORDER BY ALL").fetchall() for view in SHOWN}


def _write(warehouse: Warehouse, sql: str) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute(sql)


def _ingest(ingest_id: int, kind: str, day: date, counts: tuple[int, int], refusal: str | None = None) -> str:
    rows, rejected = counts
    words = "NULL" if refusal is None else f"'{refusal}'"
    now = datetime.now(UTC).isoformat()
    return f"""
        INSERT INTO ingests BY NAME SELECT {ingest_id} AS ingest_id, '{kind}' AS kind, 'inbox/{kind}' AS source,
        'sha-{ingest_id}' AS sha256, DATE '{day}' AS as_of_date, {rows} AS rows_read,
        {rows - rejected} AS rows_accepted, {rejected} AS rows_rejected, '{now}'::TIMESTAMPTZ AS ingested_at,
        {words} AS refusal
    """


def _try(warehouse: Warehouse, run_id: str, day: date, state: str, reason: str) -> None:
    warehouse.start_run(make_run(run_id, TWO, day), "test")
    warehouse.record_event(run_id, state, "test", reason)


@pytest.fixture(scope="module")
def days(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    """A bad week: what the names of the days say."""
    closed = make_migrated()
    with closed.kept_open() as made:
        _fill(made)
    for number, rows in enumerate([(PUBLISHED, (50, 2)), (PUBLISHED, (49, 1)), (SCORES_ONLY, (50, 0))], start=1):
        _write(closed, _ingest(number, "scores", *rows))
    _write(closed, _ingest(4, "positions", PUBLISHED, (10, 10), "no column asset"))
    _write(closed, _ingest(5, "scores", PUBLISHED, (60, 60), "30 of 60 rows refused"))
    _write(closed, _ingest(6, "scores", CORRECTED, (60, 60), "30 of 60 rows refused"))
    _write(closed, _ingest(7, "scores", CORRECTED, (40, 0)))
    for number, day in enumerate((HELD, HOLIDAY), start=8):
        _write(closed, _ingest(number, "scores", day, (30, 0)))
    _write(closed, "UPDATE ingests SET sha256 = 'history' WHERE ingest_id >= 8")
    return closed


def _fill(made: Warehouse) -> None:
    frames = make_frames(TWO, PUBLISHED)
    is_old = pl.col("asset") == "CCC"
    frames["decisions"] = frames["decisions"].with_columns(
        is_score_stale=is_old, score_age_days=pl.when(~is_old).then("score_age_days")
    )
    made.start_run(make_run("published", TWO, PUBLISHED), "test", ["no asset is called ZZZ", "no bucket is called yyy"])
    made.publish("published", frames, "test", ["no asset is called ZZZ", "no bucket is called yyy"])
    made.start_run(make_run("published", TWO, PUBLISHED), "test")
    publish(made, "wrong", TWO, CORRECTED)
    publish(made, "right", TWO, CORRECTED)
    _try(made, "late", CORRECTED, "held", "20 of 40 scores are missing")
    _try(made, "held", HELD, "held", "30 of 40 scores are missing")
    _try(made, "rejected", REJECTED, "failed", "OSError: disk full")
    made.start_run(make_run("rejected", ONE | TWO, REJECTED), "test")
    frames = make_frames(TWO, REJECTED)
    with pytest.raises(PublishRejectedError):
        made.publish("rejected", frames | {"decisions": twice(frames["decisions"])}, "test")
    made.start_run(make_run("partly", ONE, PARTLY), "test")
    made.start_run(make_run("meanwhile", ONE, PARTLY), "test")
    made.publish("partly", make_frames(ONE, PARTLY), "test")


@pytest.fixture(scope="module")
def health(days: Warehouse) -> dict[date, dict[str, Any]]:
    return {row["as_of_date"]: row for row in read(days, "FROM run_health").iter_rows(named=True)}


def test_every_day_says_how_it_went(health: dict[date, dict[str, Any]]) -> None:
    told = {day: (row["state"], row["is_covered"], row["missing_portfolios"]) for day, row in health.items()}
    assert told == {
        HOLIDAY: ("not_run", None, []),
        SCORES_ONLY: ("not_run", False, ["p1"]),
        PARTLY: ("partly_published", False, ["p2"]),
        REJECTED: ("rejected", False, ["p1", "p2"]),
        HELD: ("held", False, ["p1", "p2"]),
        CORRECTED: ("published", True, []),
        PUBLISHED: ("published", True, []),
    }
    assert list(told) == sorted(told, reverse=True)


def test_the_same_refused_content_of_several_days_is_no_history(warehouse: Warehouse) -> None:
    for number, day in enumerate((PUBLISHED, CORRECTED), start=1):
        _write(warehouse, _ingest(number, "scores", day, (0, 0), "no header"))
    _write(warehouse, "UPDATE ingests SET sha256 = 'empty'")
    assert read(warehouse, "SELECT is_covered FROM run_health").rows() == [(False,), (False,)]


def test_tries_publications_and_repetitions_are_counted(health: dict[date, dict[str, Any]]) -> None:
    counts = ("n_tries", "n_publications", "n_unchanged")
    assert [tuple(health[day][name] for name in counts) for day in (PUBLISHED, CORRECTED, HELD, REJECTED)] == [
        (1, 1, 1),
        (3, 2, 0),
        (1, 0, 0),
        (2, 0, 0),
    ]


def test_what_went_wrong_is_told_in_words(health: dict[date, dict[str, Any]]) -> None:
    assert health[HELD]["held_reason"] == health[HELD]["last_reason"] == "30 of 40 scores are missing"
    assert health[REJECTED]["failure"] == "OSError: disk full"
    assert health[REJECTED]["failed_checks"].startswith("1 check failed: rows_are_unique (1 row)")
    assert health[REJECTED]["last_state"] == "rejected"
    assert health[PUBLISHED]["warnings"] == ["no asset is called ZZZ", "no bucket is called yyy"]
    assert health[PARTLY]["warnings"] == []


def test_a_correction_that_was_held_leaves_the_day_published_and_is_told(health: dict[date, dict[str, Any]]) -> None:
    row = health[CORRECTED]
    assert (row["state"], row["last_state"], row["run_id"]) == ("published", "held", "right")
    assert row["held_reason"] == "20 of 40 scores are missing"


def test_the_time_taken_is_that_of_the_published_run(health: dict[date, dict[str, Any]]) -> None:
    row = health[CORRECTED]
    assert row["seconds_taken"] == (row["published_at"] - row["started_at"]).total_seconds() > 0
    assert health[HELD]["started_at"] is not None
    assert health[HELD]["seconds_taken"] is None


def test_the_start_is_that_of_the_published_run_though_another_started_meanwhile(
    days: Warehouse, health: dict[date, dict[str, Any]]
) -> None:
    started = read(days, "SELECT happened_at FROM run_events WHERE run_id = 'partly' AND state = 'started'")
    assert [(health[PARTLY]["started_at"],)] == started.rows()
    assert (health[PARTLY]["n_tries"], health[PARTLY]["last_state"]) == (2, "published")


def test_rows_are_those_of_the_files_that_count(health: dict[date, dict[str, Any]]) -> None:
    counts = ("rows_read", "rows_rejected", "n_refused_files")
    assert [tuple(health[day][name] for name in counts) for day in (PUBLISHED, CORRECTED, SCORES_ONLY)] == [
        (49, 1, 2),
        (40, 0, 0),
        (50, 0, 0),
    ]


def test_holdings_without_a_score_are_counted(health: dict[date, dict[str, Any]]) -> None:
    counts = ("n_holdings_without_score", "n_stale_scores")
    assert [tuple(health[day][name] for name in counts) for day in (PUBLISHED, CORRECTED)] == [(2, 2), (0, 0)]


def test_a_refused_file_says_why_and_what_counts_instead(days: Warehouse) -> None:
    sql = "SELECT ingest_id, refusal, effective_ingest_id, is_corrected FROM refused_files"
    assert read(days, sql).rows() == [
        (6, "30 of 60 rows refused", 7, True),
        (5, "30 of 60 rows refused", 2, False),
        (4, "no column asset", None, False),
    ]


@pytest.mark.slow
def test_what_is_not_published_is_nowhere_that_managers_and_execution_look(warehouse: Warehouse) -> None:
    publish(warehouse, "published", TWO)
    before = _read_shown(warehouse)
    frames = make_frames(TWO)
    with warehouse.kept_open() as session:
        for state in ("held", "failed"):
            _try(session, state, DAY, state, "a reason")
        for run_id in ("declined", "superseded", "proposed"):
            session.start_run(make_run(run_id, TWO), "test")
            session.propose(run_id, frames, "test", {"p1": "a reason"})
            if run_id == "declined":
                session.decline(run_id, "test", "a reason")
        session.start_run(make_run("rejected", TWO), "test")
        with pytest.raises(PublishRejectedError):
            session.publish("rejected", frames | {"targets": twice(frames["targets"])}, "test")
    assert _read_shown(warehouse) == before


def test_cash_and_turnover_have_every_published_day(days: Warehouse) -> None:
    cash = read(days, "SELECT as_of_date, portfolio_id, cash_weight, run_id FROM cash_drag")
    assert cash.rows() == [
        (PARTLY, "p1", Decimal("0.15"), "partly"),
        (CORRECTED, "p1", Decimal("0.15"), "right"),
        (CORRECTED, "p2", Decimal("0.15"), "right"),
        (PUBLISHED, "p1", Decimal("0.15"), "published"),
        (PUBLISHED, "p2", Decimal("0.15"), "published"),
    ]
    traded = read(
        days, "FROM turnover SELECT turnover, bought_weight, sold_weight, n_open, n_close WHERE run_id = 'partly'"
    )
    assert traded.rows() == [(0.45, Decimal("0.8"), Decimal("0.1"), 2, 1)]
    assert read(days, "FROM turnover").height == cash.height


def test_a_missed_minimum_comes_first_and_says_why(warehouse: Warehouse) -> None:
    frames = make_frames()
    missed = frames["constraint_checks"].with_columns(
        constraint_name=pl.lit("min_buckets_represented"), slack=pl.lit(-1.0), reason=pl.lit("not attainable: no name")
    )
    frames["constraint_checks"] = pl.concat([frames["constraint_checks"], missed])
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", frames, "test")
    sql = "SELECT as_of_date, constraint_name, is_missed, is_ok, reason FROM constraints_today"
    assert read(warehouse, sql).rows() == [
        (DAY, "min_buckets_represented", True, True, "not attainable: no name"),
        (DAY, "max_single_position", False, True, None),
    ]


@pytest.mark.parametrize("slack", [-0.0, -5e-17])
def test_a_limit_that_is_reached_has_no_negative_zero_left(warehouse: Warehouse, slack: float) -> None:
    frames = make_frames()
    frames["constraint_checks"] = frames["constraint_checks"].with_columns(slack=pl.lit(slack))
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", frames, "test")
    assert read(warehouse, "SELECT slack::VARCHAR, is_missed FROM constraints_today").rows() == [("0.0", False)]


def test_a_run_that_was_superseded_is_below_the_one_that_did_it(days: Warehouse) -> None:
    of_the_day = f"SELECT run_id, state FROM latest_runs WHERE as_of_date = DATE '{CORRECTED}'"
    assert read(days, of_the_day).rows() == [("late", "held"), ("right", "published"), ("wrong", "superseded")]


def test_buckets_have_no_limit_where_dynamic_sizing_is_disabled(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", enable_dynamic_sizing=False), "test")
    warehouse.publish("r1", make_frames({"p1": {"AAA": "0.5", "CCC": "0.45"}}), "test")
    assert read(warehouse, "SELECT DISTINCT slack FROM bucket_exposure").rows() == [(None,)]


def test_every_limit_of_a_run_can_be_asked(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", residual_strategy="cash_bucket", max_residual_multiple=None), "test")
    limits = dict(read(warehouse, "SELECT limit_name, limit_value FROM configured_limits").rows())
    assert limits["max_single_position"] == "0.5"
    assert limits["max_allocation_by_bucket"] == '{"tech":0.65}'
    assert (limits["residual_strategy"], limits["max_residual_multiple"]) == ("cash_bucket", None)


def _explain(warehouse: Warehouse, portfolio_id: str, asset: str, day: date = PUBLISHED) -> dict[str, tuple[str, ...]]:
    """Return value, limit and words of each step; their order is that of the steps."""
    told = read(warehouse, f"FROM explain('{portfolio_id}', '{asset}', DATE '{day}')")
    assert told["step"].to_list() == list(range(1, told.height + 1))
    return {row["quantity"]: (row["value"], row["limit_value"], row["words"]) for row in told.iter_rows(named=True)}


def test_a_weight_tells_its_story_from_the_score_to_the_trade(days: Warehouse) -> None:
    story = _explain(days, "p1", "AAA")
    assert list(story) == [
        *("holding", "restriction", "score", "score age", "rank", "gate", "entry score", "rival"),
        *("total to divide", "tier", "multiplier", "lambda", "raw weight", "stage 1 weight", "factor"),
        *("stage 2 weight", "left over", "residual weight", "rounded down", "rounding unit"),
        *("target weight", "change", "trade", "post-trade", "run", "published at"),
    ]
    assert story["restriction"][0] == "none"
    assert story["score"][0] == story["entry score"][0] == "0.8"
    assert story["rival"][0] == "CCC"
    assert story["target weight"] == ("0.50000000", "max_single_position 0.5", "because")
    assert story["trade"][:2] == ("0.50000000", None)
    assert story["trade"][2].startswith("open: 0.00000000 -> 0.50000000, number 2 of the trades: ")
    assert story["post-trade"][:2] == ("0.50000000", None)
    assert story["run"][0] == "published"


def test_a_closed_holding_tells_the_gate_and_the_sale(days: Warehouse) -> None:
    story = _explain(days, "p1", "CCC", CORRECTED)
    assert story["gate"] == ("below_min_score_threshold", "min_score_threshold 0.85", "because")
    assert (story["target weight"][0], story["trade"][0]) == ("0.00000000", "-0.10000000")
    assert "stage 1 weight" not in story


def test_what_capped_a_stage_is_named_with_its_limit(warehouse: Warehouse) -> None:
    frames = make_frames()
    frames["sizing_audit"] = frames["sizing_audit"].with_columns(
        stage1_cap=pl.when(pl.col("asset") == "AAA").then(pl.lit("position")).otherwise(pl.lit("bucket")),
        residual_limit=pl.lit("position_cap"),
    )
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", frames, "test")
    assert _explain(warehouse, "p1", "AAA")["stage 1 weight"][1] == "max_single_position 0.5"
    story = _explain(warehouse, "p1", "BBB")
    assert story["stage 1 weight"][1] == "bucket health 0.6"
    assert story["residual weight"][1] == "position_cap"


def test_a_refused_name_has_its_gate_and_no_target(warehouse: Warehouse) -> None:
    frames = make_frames()
    refused = (
        frames["decisions"]
        .filter(pl.col("asset") == "CCC")
        .with_columns(
            asset=pl.lit("DDD"), is_held=pl.lit(value=False), current_weight=pl.lit(0).cast(pl.Decimal(10, 8))
        )
    )
    frames["decisions"] = pl.concat([frames["decisions"], refused])
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", frames, "test")
    story = _explain(warehouse, "p1", "DDD")
    assert story["gate"][0] == "below_min_score_threshold"
    assert story["target weight"][1:] == (None, "Neither selected nor held: no target.")
    assert "trade" not in story


def test_a_pinned_holding_tells_its_pin_and_no_stages(warehouse: Warehouse) -> None:
    frames = make_frames(held={"AAA": "0.5"})
    is_pinned = pl.col("asset") == "AAA"
    frames["decisions"] = frames["decisions"].with_columns(
        pl.when(~is_pinned).then(pl.col("score", "entry_score", "score_date")),
        is_pinned=is_pinned,
        is_locked=is_pinned,
        kept_by=pl.when(is_pinned).then(pl.lit("score_missing")),
        is_score_stale=is_pinned,
    )
    frames["sizing_audit"] = frames["sizing_audit"].with_columns(pinned_weight=pl.when(is_pinned).then(pl.lit(0.5)))
    frames["targets"] = frames["targets"].with_columns(is_pinned=is_pinned)
    warehouse.start_run(make_run("r1"), "test")
    warehouse.publish("r1", frames, "test")
    story = _explain(warehouse, "p1", "AAA")
    assert story["pinned weight"][0] == "0.50000000"
    assert story["score"][2] == "No score that counts."
    assert story["score age"][2] == "Missing: it had no score before. A holding is frozen, never sold for it."
    assert story["trade"][1:] == (None, "hold: 0.50000000: the target is what is held.")
    assert {"tier", "raw weight", "stage 1 weight", "entry score"} & set(story) == set()


def test_cash_tells_why_it_is_there(days: Warehouse) -> None:
    story = _explain(days, "p1", "CASH")
    assert list(story) == [
        *("positions", "invested weight", "reachable weight", "residual"),
        *("target weight", "trade", "post-trade", "run", "published at"),
    ]
    assert (story["invested weight"][0], story["target weight"][0]) == ("0.80000000", "0.15000000")


def test_a_weight_that_nothing_caps_has_no_limit(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", enable_dynamic_sizing=False), "test")
    warehouse.publish("r1", make_frames({"p1": {"AAA": "0.475", "BBB": "0.475"}}), "test")
    story = _explain(warehouse, "p1", "AAA")
    assert story["target weight"][:2] == ("0.47500000", None)
    assert story["raw weight"][2].startswith("= 0.95 / 2. Dynamic sizing is disabled")


def test_a_score_tells_which_parts_made_it(warehouse: Warehouse) -> None:
    _write(warehouse, f"INSERT INTO scores VALUES (1, 1, DATE '{DAY}', 'default', 'AAA', NULL, 0.9, 0.65, NULL)")
    _write(warehouse, f"INSERT INTO scores VALUES (2, 1, DATE '{DAY}', 'default', 'AAA', NULL, 0.1, 0.1, NULL)")
    run = make_run("r1", model="default", technical_score_weight=0.6, fundamental_score_weight=0.4)
    run.inputs["scores"] = [1]
    warehouse.start_run(run, "test")
    warehouse.publish("r1", make_frames(), "test")
    assert "0.6 x technical 0.9 + 0.4 x fundamental 0.65" in _explain(warehouse, "p1", "AAA")["score"][2]


def test_a_score_that_is_too_old_tells_its_day(warehouse: Warehouse) -> None:
    for number, (asset, days) in enumerate((("CCC", 9), ("CCC", 12), ("BBB", 1)), start=1):
        day = DAY - timedelta(days=days)
        _write(warehouse, _ingest(number, "scores", day, (1, 0)))
        _write(warehouse, f"INSERT INTO scores VALUES ({number}, 1, '{day}', 'm', '{asset}', 0.9, NULL, NULL, NULL)")
    frames = make_frames()
    is_stale = pl.col("asset") == "CCC"
    frames["decisions"] = frames["decisions"].with_columns(
        pl.when(~is_stale).then(pl.col("score_date", "score_age_days")), is_score_stale=is_stale
    )
    warehouse.start_run(make_run("r1", model="m"), "test")
    warehouse.publish("r1", frames, "test")
    assert _explain(warehouse, "p1", "CCC")["score age"][2] == (
        "Too old to act on: its last score is of 2026-02-21. A holding is frozen, never sold for it."
    )
    # What is corrected later was not known when the day was published.
    _write(warehouse, _ingest(9, "scores", date(2026, 2, 21), (0, 0)))
    assert "its last score is of 2026-02-21" in _explain(warehouse, "p1", "CCC")["score age"][2]


def test_the_multiplier_of_a_holding_tells_its_tier_and_its_bias(warehouse: Warehouse) -> None:
    frames = make_frames(held={"BBB": "0.2"})
    frames["sizing_audit"] = frames["sizing_audit"].with_columns(score_multiplier=pl.lit(1.2) * 1.02)
    warehouse.start_run(make_run("r1", sizing_mode="adaptive", incumbent_bias=0.02), "test")
    warehouse.publish("r1", frames, "test")
    new, held = _explain(warehouse, "p1", "AAA")["multiplier"], _explain(warehouse, "p1", "BBB")["multiplier"]
    assert new == ("1.224", None, "= 1.224: of its tier.")
    assert held[0] == "1.224"
    assert held[2].startswith("= 1.2 x (1 + 0.02): of its tier, and of incumbent_bias")


def test_a_held_day_tells_the_reasons_of_the_portfolio_that_is_asked_for(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    _try(warehouse, "r2", CORRECTED, "held", "p1: 20 of 40 have no score; p1: nor have 3 of 3 holdings; p2: 1 of 2")
    words = _explain(warehouse, "p1", "AAA", CORRECTED)["published run"][2]
    assert "Its last run is held: p1: 20 of 40 have no score; p1: nor have 3 of 3 holdings. The" in words
    assert "held: p2: 1 of 2. The" in _explain(warehouse, "p2", "AAA", CORRECTED)["published run"][2]


def test_an_unknown_name_is_told_with_the_nearest(days: Warehouse) -> None:
    story = _explain(days, "p1", "aab")
    assert list(story) == ["candidate", "run", "published at"]
    assert story["candidate"][2] == (
        "aab is no candidate of p1 on 2026-03-02: neither held nor scored that day. The nearest name is AAA."
    )


def test_an_unknown_portfolio_is_told_with_the_known(days: Warehouse) -> None:
    words = _explain(days, "p", "AAA")["published run"][2]
    assert words == "No portfolio p was ever published; published are: p1, p2."


def test_a_day_without_a_published_run_is_told_with_what_happened(days: Warehouse) -> None:
    assert _explain(days, "p1", "AAA", HELD)["published run"][2] == (
        "Nothing is published of p1 for 2026-03-04. Its last run is held: 30 of 40 scores are missing. "
        "The published day before it is 2026-03-03. The published day after it is 2026-03-06."
    )
    assert _explain(days, "p2", "AAA", PARTLY)["published run"][2] == (
        "Nothing is published of p2 for 2026-03-06. No run covers that day. The published day before it is 2026-03-03."
    )


def test_nobody_explains_what_a_superseded_run_said(days: Warehouse) -> None:
    assert _explain(days, "p1", "AAA", CORRECTED)["run"][0] == "right"
