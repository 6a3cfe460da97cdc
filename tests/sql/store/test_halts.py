"""The kill switch: while a halt is in force nothing that it covers is published, by whatever way."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import polars as pl
import pytest

from sql.errors import HaltedError, WarehouseError
from sql.records import StartedRun
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, TWO, make_frames, make_run, make_warehouse, publish, states_of

NEXT = DAY + timedelta(days=1)
P2 = {"p2": TWO["p2"]}


@pytest.fixture
def warehouse(make_migrated: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """A warehouse that is opened once for a test."""
    with make_migrated().kept_open() as session:
        yield session


def _in_force(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.query("halts_in_force").select("portfolio_id", "by", "reason").rows()


def test_a_halt_of_all_stops_every_run_and_of_one_those_that_cover_it(warehouse: Warehouse) -> None:
    warehouse.halt(["p2"], "eve", "prices look wrong")
    publish(warehouse, "r1", ONE)
    with pytest.raises(
        HaltedError, match=r"run r2 was not published, publication is halted: p2 since .* by eve: prices"
    ):
        publish(warehouse, "r2", TWO)
    warehouse.halt(None, "eve", "the exchange is down")
    with pytest.raises(HaltedError, match=r"all portfolios since .* by eve: the exchange is down\. .*`ballast resume`"):
        publish(warehouse, "r3", ONE, NEXT)
    assert set(warehouse.query("current_targets")["run_id"]) == {"r1"}


def test_a_run_that_is_halted_is_recorded_as_held_and_nothing_else_is_kept(warehouse: Warehouse) -> None:
    warehouse.halt(["p1"], "eve", "prices look wrong")
    with pytest.raises(HaltedError):
        publish(warehouse, "r1")
    assert states_of(warehouse, "r1") == ["started", "held"]
    reason = warehouse.query("run_by_id", run_id="r1")["reason"].item()
    assert reason.startswith("publication is halted: p1 since ")
    with warehouse.connected() as con:
        assert con.sql("SELECT count(*) FROM targets").fetchall() == [(0,)]
    warehouse.resume(["p1"], "eve", "they are right")
    assert publish(warehouse, "r1") == ()


def test_what_is_visible_already_is_unchanged_under_a_halt_too(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    warehouse.halt(None, "eve", "a drill")
    assert not warehouse.publish("r1", make_frames(), "test").is_new


def test_a_backfill_publishes_no_day_while_a_halt_covers_one_of_its_portfolios(warehouse: Warehouse) -> None:
    warehouse.halt(["p1"], "eve", "prices look wrong")
    runs = [StartedRun(make_run("r1", P2)), StartedRun(make_run("r2", ONE, NEXT))]
    frames = make_frames()
    rows = {table: frame.with_columns(run_id=pl.lit("r1")) for table, frame in frames.items()}
    with pytest.raises(HaltedError, match="each of 2 runs, the first is r1, was not published"):
        warehouse.publish_many(runs, rows, "test")
    assert warehouse.query("latest_runs").is_empty()


def test_a_halt_of_all_and_of_one_are_lifted_each_for_itself(warehouse: Warehouse) -> None:
    warehouse.halt(["p1", "p2"], "eve", "prices look wrong")
    warehouse.halt(None, "tom", "the exchange is down")
    warehouse.resume(None, "tom", "it is up")
    assert _in_force(warehouse) == [("p1", "eve", "prices look wrong"), ("p2", "eve", "prices look wrong")]
    warehouse.halt(None, "tom", "it is down again")
    warehouse.resume(["p1", "p2"], "eve", "they are right")
    assert _in_force(warehouse) == [(None, "tom", "it is down again")]


def test_what_is_halted_twice_keeps_both_reasons_and_the_first_time_and_is_lifted_once(warehouse: Warehouse) -> None:
    warehouse.halt(["p1"], "eve", "prices look wrong")
    since = warehouse.query("halts_in_force")["since"].item()
    warehouse.halt(["p1"], "tom", "a fund is closed")
    assert _in_force(warehouse) == [("p1", "eve, tom", "a fund is closed; prices look wrong")]
    assert warehouse.query("halts_in_force")["since"].item() == since
    warehouse.resume(["p1"], "tom", "both are well")
    assert _in_force(warehouse) == []
    warehouse.halt(["p1"], "eve", "once more")
    assert _in_force(warehouse) == [("p1", "eve", "once more")]


def test_what_is_not_halted_cannot_be_lifted_and_what_is_halted_is_told(warehouse: Warehouse) -> None:
    with pytest.raises(
        WarehouseError, match=r"not halted: all portfolios \(1 of 1 named\)\. Halted are: none\. Nothing was"
    ):
        warehouse.resume(None, "tom", "why not")
    warehouse.halt(["p1"], "eve", "prices look wrong")
    with pytest.raises(
        WarehouseError, match=r"not halted: p2 \(1 of 2 named\)\. Halted are: p1 since .* by eve: prices look"
    ):
        warehouse.resume(["p1", "p2"], "tom", "why not")
    assert _in_force(warehouse) == [("p1", "eve", "prices look wrong")]


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("eve", " ")])
def test_an_order_says_who_and_why(warehouse: Warehouse, by: str, reason: str) -> None:
    with pytest.raises(WarehouseError, match="expected text for both"):
        warehouse.halt(None, by, reason)


def test_an_order_for_no_portfolio_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="no portfolio is named, so nothing was halted"):
        warehouse.halt([], "eve", "prices look wrong")


def test_a_halt_is_there_after_everything_was_opened_anew_and_in_the_snapshot(
    make_migrated: Callable[[], Warehouse],
) -> None:
    warehouse = make_migrated()
    warehouse.halt(["p1"], "eve", "prices look wrong")
    warehouse.snapshot()
    again = make_warehouse(warehouse.path.parent)
    assert _in_force(again) == [("p1", "eve", "prices look wrong")]
    assert again.query_snapshot("SELECT reason FROM halts_in_force").item() == "prices look wrong"
