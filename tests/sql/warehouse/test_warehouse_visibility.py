from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.warehouse import Warehouse
from tests.helpers.effective_times import rows_of
from tests.sql.warehouse_samples import (
    DAY,
    ONE,
    TWO,
    WEIGHT,
    Weights,
    make_frames,
    make_run,
    publish,
    read,
    states_of,
    visible_runs,
)

NEXT = DAY + timedelta(days=1)
P2 = {"p2": TWO["p2"]}


def test_a_rerun_of_the_day_supersedes(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    assert publish(warehouse, "r2", TWO) == ("r1",)
    assert visible_runs(warehouse) == {"p1": "r2", "p2": "r2"}
    assert states_of(warehouse, "r1") == ["started", "published", "superseded"]


@pytest.mark.slow
def test_a_run_of_some_portfolios_replaces_only_these(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    assert publish(warehouse, "r2", ONE) == ()
    assert visible_runs(warehouse) == {"p1": "r2", "p2": "r1"}
    assert publish(warehouse, "r3", P2) == ("r1",)
    assert visible_runs(warehouse) == {"p1": "r2", "p2": "r3"}


def test_one_run_can_supersede_several(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", ONE)
    publish(warehouse, "r2", P2)
    assert publish(warehouse, "r3", TWO) == ("r1", "r2")


def test_a_superseded_run_is_published_again_without_writing_its_rows_again(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    publish(warehouse, "r2")
    assert warehouse.start_run(make_run("r1"), "test") == "superseded"
    again = warehouse.publish("r1", make_frames(), "test")
    assert (again.is_new, again.superseded) == (True, ("r2",))
    assert visible_runs(warehouse) == {"p1": "r1"}
    assert read(warehouse, "SELECT * FROM targets").height == 8


@pytest.mark.slow
def test_a_partly_replaced_run_is_no_repetition(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    assert warehouse.start_run(make_run("r1", TWO), "test") == "superseded"
    again = warehouse.publish("r1", make_frames(TWO), "test")
    assert (again.is_new, again.superseded) == (True, ("r2",))
    assert visible_runs(warehouse) == {"p1": "r1", "p2": "r1"}


def test_an_older_day_published_later_is_not_current(warehouse: Warehouse) -> None:
    publish(warehouse, "r2", ONE, NEXT)
    assert publish(warehouse, "r1", TWO, DAY) == ()
    assert visible_runs(warehouse) == {"p1": "r2", "p2": "r1"}


def test_a_held_run_leaves_yesterdays_targets(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    warehouse.start_run(make_run("r2", as_of_date=NEXT), "test")
    warehouse.record_event("r2", "held", "test", "too many scores missing")
    assert visible_runs(warehouse) == {"p1": "r1"}


@pytest.mark.slow
def test_what_was_visible_at_a_time_can_be_asked(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    publish(warehouse, "r3", TWO, NEXT)
    runs = read(warehouse, "SELECT run_id, published_at FROM latest_runs ORDER BY run_id").rows()
    expected = {"r1": {"p1": "r1", "p2": "r1"}, "r2": {"p1": "r2", "p2": "r1"}, "r3": {"p1": "r3", "p2": "r3"}}
    for run_id, published_at in runs:
        sql = f"SELECT DISTINCT portfolio_id, run_id FROM targets_as_of('{published_at}')"
        assert dict(read(warehouse, sql).rows()) == expected[run_id]
    before = runs[0][1] - timedelta(microseconds=1)
    assert read(warehouse, f"FROM targets_as_of('{before}')").is_empty()


def test_events_keep_their_order_when_the_clock_is_set_back(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as con:
        con.execute("INSERT INTO run_events VALUES (7, 'r0', 'started', '2999-01-01 00:00:00+00', 'test', '')")
    publish(warehouse, "r1")
    events = warehouse.query("run_events", run_id="r1")
    assert events["event_id"].to_list() == [8, 9]
    assert set(events["happened_at"].dt.year()) == {2999}


def test_the_newest_run_is_on_top(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    publish(warehouse, "r2")
    warehouse.start_run(make_run("r3", as_of_date=NEXT), "test")
    rows = read(warehouse, "SELECT run_id, state, published_at IS NULL FROM latest_runs").rows()
    assert rows == [("r3", "started", True), ("r2", "published", False), ("r1", "superseded", False)]


def test_buckets_are_shown_with_their_own_limits(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    rows = read(
        warehouse,
        "SELECT bucket, bucket_weight, n_positions, max_allocation_per_bucket, slack FROM bucket_exposure ORDER BY 1",
    ).rows()
    assert rows == [
        ("health", Decimal("0.3"), 1, Decimal("0.6"), Decimal("0.3")),
        ("tech", Decimal("0.5"), 1, Decimal("0.65"), Decimal("0.15")),
    ]


def test_buckets_without_limits_have_no_slack(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", enable_bucket_diversification=False), "test")
    warehouse.publish("r1", make_frames(), "test")
    rows = read(warehouse, "SELECT DISTINCT max_allocation_per_bucket, slack FROM bucket_exposure").rows()
    assert rows == [(None, None)]


@pytest.mark.slow
def test_yesterdays_targets_are_positions_without_cash_and_closed_holdings(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE)
    publish(warehouse, "r3", ONE, NEXT)
    before = rows_of(warehouse, "targets", NEXT)
    assert before.select("portfolio_id", "asset", "run_id").rows() == [
        ("p1", "AAA", "r2"),
        ("p1", "BBB", "r2"),
        ("p2", "AAA", "r1"),
        ("p2", "BBB", "r1"),
    ]
    assert before.schema["current_weight"] == WEIGHT
    assert rows_of(warehouse, "targets", DAY).is_empty()


def test_the_summary_of_a_day_adds_up_exactly(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    (row,) = warehouse.query("day_summary", run_ids=["r1"]).rows(named=True)
    assert row == {
        "run_id": "r1",
        "portfolio_id": "p1",
        "as_of_date": DAY,
        "n_positions": 2,
        "invested_weight": Decimal("0.8"),
        "cash_weight": Decimal("0.15"),
        "n_open": 2,
        "n_close": 1,
        "n_increase": 0,
        "n_decrease": 0,
        "turnover": Decimal("0.45"),
        "invested_before_weight": Decimal("0.1"),
        "bought_weight": Decimal("0.8"),
        "sold_weight": Decimal("0.1"),
        "invested_after_weight": Decimal("0.8"),
        "cash_after_weight": Decimal("0.15"),
        "n_held_back": 0,
        "n_released": 0,
        "mandatory_turnover": Decimal(0),
        "trade_scale": 1.0,
        "n_missed": 0,
        "n_binding": 0,
        "is_cash_forced": False,
        **dict.fromkeys(("n_in_grace", "n_locked", "n_shut_out"), 0),
    }


def test_the_decisions_of_today_are_those_behind_the_current_targets_selected_first(warehouse: Warehouse) -> None:
    publish(warehouse, "r1", TWO)
    publish(warehouse, "r2", ONE, NEXT)
    columns = "portfolio_id, as_of_date, asset, is_selected, gate, gate_limit, entry_score, rival, run_id"
    assert read(warehouse, f"SELECT {columns} FROM decisions_today").rows() == [
        ("p1", NEXT, "AAA", True, None, None, 0.8, "CCC", "r2"),
        ("p1", NEXT, "BBB", True, None, None, 0.8, "CCC", "r2"),
        ("p1", NEXT, "CCC", False, "below_min_score_threshold", 0.85, 0.85, None, "r2"),
        ("p2", DAY, "AAA", True, None, None, 0.8, "CCC", "r1"),
        ("p2", DAY, "BBB", True, None, None, 0.8, "CCC", "r1"),
        ("p2", DAY, "CCC", False, "below_min_score_threshold", 0.85, 0.85, None, "r1"),
    ]


def test_every_column_of_a_decision_stands_in_the_decisions_of_today(warehouse: Warehouse) -> None:
    told = set(read(warehouse, "FROM decisions_today").columns)
    assert told == {*read(warehouse, "FROM decisions").columns, "as_of_date", "published_at"}


_RUNS = st.lists(st.sampled_from([("a", ONE), ("b", P2), ("c", TWO), ("d", TWO), ("e", ONE)]), min_size=1, max_size=6)


@pytest.mark.slow
@given(runs=_RUNS)
@settings(max_examples=5, deadline=None)
def test_whatever_the_order_each_portfolio_shows_its_last_publication(
    make_migrated: Callable[[], Warehouse], runs: list[tuple[str, Weights]]
) -> None:
    warehouse = make_migrated()
    visible: dict[str, str] = {}
    for run_id, portfolios in runs:
        was = set(visible.values())
        visible |= dict.fromkeys(portfolios, run_id)
        assert set(publish(warehouse, run_id, portfolios)) == was - set(visible.values())
    assert visible_runs(warehouse) == visible
