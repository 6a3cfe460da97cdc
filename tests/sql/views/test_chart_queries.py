"""What pictures and summaries are made from: the rows of any stored run, and what stays where nothing is published."""

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, TWO, Weights, make_frames, make_run

NEXT = DAY + timedelta(days=1)
BOTH = ["p1", "p2"]
LATER: Weights = {"p1": {"AAA": "0.4", "BBB": "0.5", "CCC": "0"}}


def _publish(warehouse: Warehouse, run_id: str, portfolios: Weights, **more: object) -> None:
    day = more.pop("day", DAY)
    warehouse.start_run(make_run(run_id, portfolios, day, **more), "test")
    warehouse.publish(run_id, make_frames(portfolios, day), "test")


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    _publish(warehouse, "r1", TWO)
    _publish(warehouse, "r2", LATER, day=NEXT)
    return warehouse


def test_the_weights_of_a_run_come_with_their_stages_and_cap(published: Warehouse) -> None:
    rows = published.query("chart_weights", run_id="r2", portfolio_ids=BOTH)
    assert rows.select("asset", "target_weight", "raw_weight", "max_single_position").rows() == [
        ("BBB", Decimal("0.5"), 0.5, Decimal("0.5")),
        ("AAA", Decimal("0.4"), 0.4, Decimal("0.5")),
        ("CCC", Decimal(0), None, Decimal("0.5")),
        ("CASH", Decimal("0.05"), None, Decimal("0.5")),
    ]


def test_without_dynamic_sizing_there_is_no_cap_and_no_bucket_limit(warehouse: Warehouse) -> None:
    _publish(warehouse, "r1", ONE, enable_dynamic_sizing=False)
    assert warehouse.query("chart_weights", run_id="r1", portfolio_ids=BOTH)["max_single_position"].null_count() == 4
    assert warehouse.query("chart_buckets", run_id="r1", portfolio_ids=BOTH)["limit_weight"].null_count() == 2


def test_a_bucket_has_its_weight_before_and_after_and_its_own_limit(published: Warehouse) -> None:
    assert published.query("chart_buckets", run_id="r2", portfolio_ids=BOTH).rows() == [
        ("p1", "health", Decimal(0), Decimal("0.5"), Decimal("0.6")),
        ("p1", "tech", Decimal("0.1"), Decimal("0.4"), Decimal("0.65")),
    ]


def test_the_history_ends_with_the_run_and_has_at_most_the_days_asked_for(published: Warehouse) -> None:
    days = published.query("chart_history", run_id="r2", portfolio_ids=BOTH, most_days=60)
    assert days.select("portfolio_id", "as_of_date", "cash_weight").rows() == [
        ("p1", DAY, Decimal("0.15")),
        ("p1", NEXT, Decimal("0.05")),
    ]
    assert published.query("chart_history", run_id="r2", portfolio_ids=BOTH, most_days=1)["as_of_date"].to_list() == [
        NEXT
    ]
    assert published.query("chart_history", run_id="r1", portfolio_ids=BOTH, most_days=60)[
        "portfolio_id"
    ].to_list() == ["p1", "p2"]


def test_changes_are_told_against_the_visible_day_before(published: Warehouse) -> None:
    changes = (
        published.query("chart_changes", run_id="r2", portfolio_ids=BOTH)
        .select("asset", "previous_as_of_date", "change")
        .rows()
    )
    assert ("BBB", DAY, "increased") in changes
    assert published.query("chart_changes", run_id="r1", portfolio_ids=BOTH)["previous_as_of_date"].is_null().all()


def test_what_stays_in_force_is_the_newest_visible_day_of_each_portfolio(published: Warehouse) -> None:
    published.start_run(make_run("r3", {**TWO, "p3": ONE["p1"]}, NEXT), "test")
    rows = published.query("chart_staying_targets", run_id="r3", most_rows=2).rows()
    assert rows == [("p3", None, None, 3), ("p2", DAY, "r1", 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("chart_weights", {}),
        ("chart_buckets", {}),
        ("chart_history", {"most_days": 60}),
        ("chart_changes", {}),
    ],
)
def test_a_chart_has_only_the_portfolios_asked_for(published: Warehouse, name: str, more: dict[str, int]) -> None:
    rows = published.query(name, run_id="r1", portfolio_ids=BOTH, **more)
    one = published.query(name, run_id="r1", portfolio_ids=["p2"], **more)
    assert one.height > 0
    assert one.equals(rows.filter(portfolio_id="p2"))


def test_a_summary_counts_missed_and_binding_limits_and_forced_cash(warehouse: Warehouse) -> None:
    checks = pl.col("portfolio_id") == "p1"
    frames = make_frames(TWO)
    frames["constraint_checks"] = frames["constraint_checks"].with_columns(
        slack=pl.when(checks).then(-0.1).otherwise("slack"), is_binding=checks
    )
    frames["sizing_summary"] = frames["sizing_summary"].with_columns(
        binding_limit=pl.when(portfolio_id="p2").then(pl.lit("max_single_position"))
    )
    warehouse.start_run(make_run("r1", TWO), "test")
    warehouse.publish("r1", frames, "test")
    told = warehouse.query("day_summary", run_ids=["r1"])
    n_checks = frames["constraint_checks"].filter(checks).height
    assert told.select("portfolio_id", "n_missed", "n_binding", "is_cash_forced").rows() == [
        ("p1", n_checks, n_checks, False),
        ("p2", 0, 0, True),
    ]
