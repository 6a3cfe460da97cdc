"""What waits is seen where one looks for it, and nowhere that somebody trades or reports from."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, TWO, Weights, make_frames, make_run, publish, read

NEXT, LATER = DAY + timedelta(days=1), DAY + timedelta(days=2)
OTHER: Weights = {"p1": {"AAA": "0.2", "BBB": "0.5", "CCC": "0"}}
P2 = {"p2": TWO["p2"]}
MEANT = {"run_states", "latest_runs", "run_health", "proposal_history", "open_proposals", "proposed_targets", "books"}
"""The views that tell of proposals, and what each run leaves.

Tables have rows of every run, differences_of of those that it is given."""

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def warehouse(make_migrated: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """A warehouse with a published day, opened once for a test."""
    with make_migrated().kept_open() as session:
        publish(session, "r1", TWO)
        yield session


def _propose(
    warehouse: Warehouse, run_id: str, portfolios: Weights, day: date, four_eyes: tuple[str, ...] = ()
) -> None:
    warehouse.start_run(make_run(run_id, portfolios, day), "tom")
    reasons = dict.fromkeys(portfolios, "first day")
    warehouse.propose(run_id, make_frames(portfolios, day), "tom", reasons, four_eyes, ["no asset is called ZZZ"])


def _read_everything(warehouse: Warehouse) -> Rows:
    """Read every view and macro that there is, each macro of both days and of both runs."""
    there = warehouse.query("schema_columns").filter(pl.col("kind") != "table").select("kind", "name").unique()
    stories = [f"'p1', '{asset}', DATE '{DAY}'" for asset in ("AAA", "CCC", "CASH")]
    calls = {
        "effective_ingests_as_of": ["'infinity'::TIMESTAMPTZ"],
        "visible_runs_as_of": ["'infinity'::TIMESTAMPTZ"],
        "targets_as_of": ["'infinity'::TIMESTAMPTZ"],
        "target_changes_of": [f"DATE '{DAY}'", f"DATE '{NEXT}'"],
        "run_difference": ["'r1', 'r2'", "'r2', 'r1'"],
        "differences_of": [],
        "followed_lifecycle_of": ["'p1'"],
        "holding_periods_of": ["'p1'"],
        "explain": stories,
        "sizing_steps": stories,
        "what_would_change": stories,
    }
    asked = [
        f"{name}({call})" if kind == "macro" else name
        for kind, name in there.sort("name").rows()
        for call in (calls[name] if kind == "macro" else [""])
    ]
    with warehouse.connected() as con:
        return {what: con.sql(f"FROM {what} ORDER BY ALL").fetchall() for what in asked}


def _exports(warehouse: Warehouse) -> dict[str, bytes]:
    warehouse.snapshot()
    return {path.parent.name: path.read_bytes() for path in Path(warehouse.export_folder).glob("*/*")}


@pytest.mark.slow
@pytest.mark.parametrize("day", [DAY, NEXT])
def test_a_proposal_changes_nothing_that_anybody_reads_but_what_is_meant_for_it(
    warehouse: Warehouse, day: date
) -> None:
    warehouse.start_run(make_run("r2", OTHER, day), "tom")
    before, exports = _read_everything(warehouse), _exports(warehouse)
    assert len(before) > 30
    warehouse.propose("r2", make_frames(OTHER, day), "tom", {"p1": "first day"})
    after = _read_everything(warehouse)
    assert {what for what in before if before[what] != after[what]} == MEANT
    assert _exports(warehouse) == exports == {f"as_of_date={DAY}": next(iter(exports.values()))}
    assert warehouse.query("current_targets")["run_id"].unique().to_list() == ["r1"]


def test_what_approving_would_change_is_held_against_what_is_visible(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", OTHER, NEXT)
    told = "asset, visible_target_weight, target_weight, weight_change, change, action, current_weight"
    assert read(warehouse, f"SELECT {told} FROM proposed_targets").rows() == [
        ("AAA", Decimal("0.5"), Decimal("0.2"), Decimal("-0.3"), "decreased", "open", Decimal(0)),
        ("BBB", Decimal("0.3"), Decimal("0.5"), Decimal("0.2"), "increased", "open", Decimal(0)),
        ("CCC", Decimal(0), Decimal(0), Decimal(0), "unchanged", "close", Decimal("0.1")),
        ("CASH", Decimal("0.15"), Decimal("0.25"), Decimal("0.1"), "increased", "hold", Decimal("0.85")),
    ]
    whose = "SELECT DISTINCT visible_run_id, visible_as_of_date, run_id FROM proposed_targets"
    assert read(warehouse, whose).rows() == [("r1", DAY, "r2")]


@pytest.mark.parametrize(("day", "words"), [(NEXT, ["hold", "increased"]), (DAY, ["decreased", "increased"])])
def test_what_is_not_traded_is_a_hold_unless_the_visible_targets_of_the_day_trade_it(
    warehouse: Warehouse, day: date, words: list[str]
) -> None:
    warehouse.start_run(make_run("r2", OTHER, day), "tom")
    frames = make_frames(OTHER, day, held={"AAA": "0.2"})
    warehouse.propose("r2", frames, "tom", {"p1": "first day"})
    told = read(warehouse, "SELECT asset, action, change FROM proposed_targets WHERE asset IN ('AAA', 'BBB')")
    assert told.sort("asset")["change"].to_list() == words
    assert told.sort("asset")["action"].to_list() == ["hold", "open"]


def test_a_correction_is_held_against_its_own_day_and_the_first_day_against_nothing(warehouse: Warehouse) -> None:
    publish(warehouse, "later", ONE, LATER)
    _propose(warehouse, "correction", OTHER, DAY)
    _propose(warehouse, "first", {"p3": ONE["p1"]}, NEXT)
    whose = "SELECT DISTINCT run_id, visible_run_id, visible_as_of_date FROM proposed_targets ORDER BY run_id"
    assert read(warehouse, whose).rows() == [("correction", "r1", DAY), ("first", None, None)]


def _health(warehouse: Warehouse, day: date) -> dict[str, Any]:
    return read(warehouse, "FROM run_health").filter(as_of_date=day).row(0, named=True)


def test_the_day_says_that_it_waits_why_and_who_may_not_approve(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", TWO, NEXT, ("p2",))
    health = _health(warehouse, NEXT)
    assert (health["state"], health["is_covered"], health["missing_portfolios"]) == ("proposed", False, ["p1", "p2"])
    assert (health["waiting_portfolios"], health["halted_portfolios"]) == (["p1", "p2"], [])
    assert health["approval_asked"] == "p1: first day; p2: first day, not by tom"
    assert health["last_reason"].startswith("p1: first day; p2: first day; approval is asked, with four eyes for p2")
    assert _health(warehouse, DAY)["waiting_portfolios"] == []


def test_an_approved_day_is_published_with_the_warnings_of_its_proposal(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", TWO, NEXT)
    warehouse.approve("r2", "anna", "fine")
    health = _health(warehouse, NEXT)
    assert (health["state"], health["is_covered"], health["waiting_portfolios"]) == ("published", True, [])
    assert health["warnings"] == ["no asset is called ZZZ"]
    assert health["approval_asked"] is None


def test_a_declined_day_says_who_declined_it_and_has_no_failed_check(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", TWO, NEXT)
    warehouse.decline("r2", "anna", "too much at once")
    health = _health(warehouse, NEXT)
    assert (health["state"], health["last_state"], health["failed_checks"]) == ("declined", "declined", None)
    assert health["declined_reason"] == "anna: too much at once"
    story = read(warehouse, f"SELECT words FROM explain('p1', 'AAA', DATE '{NEXT}')")["words"][0]
    assert "Its last run is declined: too much at once. The published day before it is" in story


def test_a_day_whose_proposal_a_later_one_replaced_says_so(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", TWO, NEXT)
    story = f"SELECT words FROM explain('p2', 'AAA', DATE '{NEXT}')"
    assert "Its last run is proposed: p2: first day. The" in read(warehouse, story)["words"][0]
    _propose(warehouse, "r3", TWO, LATER)
    assert (_health(warehouse, NEXT)["state"], _health(warehouse, LATER)["state"]) == ("superseded", "proposed")
    assert "Its last run is superseded" in read(warehouse, story)["words"][0]


def test_a_day_that_a_halt_keeps_from_its_approval_waits_and_says_who_is_halted(warehouse: Warehouse) -> None:
    _propose(warehouse, "r2", TWO, NEXT)
    warehouse.halt(["p2"], "eve", "prices look wrong")
    health = _health(warehouse, NEXT)
    assert (health["state"], health["halted_portfolios"]) == ("proposed", ["p2"])
    warehouse.halt(None, "eve", "the exchange is down")
    assert _health(warehouse, NEXT)["halted_portfolios"] == ["p1", "p2"]
    assert _health(warehouse, DAY)["halted_portfolios"] == []


def test_a_day_of_which_a_part_waits_is_partly_published(warehouse: Warehouse) -> None:
    publish(warehouse, "r2", ONE, NEXT)
    _propose(warehouse, "r3", P2, NEXT)
    health = _health(warehouse, NEXT)
    assert (health["state"], health["missing_portfolios"]) == ("partly_published", ["p2"])
    assert (health["waiting_portfolios"], health["last_state"]) == (["p2"], "proposed")
