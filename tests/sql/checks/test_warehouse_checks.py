from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl
import pytest

from sql.engine.scripts import read_script, read_scripts
from sql.engine.table_contracts import RUN_TABLES
from sql.errors import PublishRejectedError
from sql.records import RunRecord
from sql.store import runs
from sql.warehouse import Warehouse
from tests.sql.bare_runs import covering
from tests.sql.checks.warehouse_broken_lifecycles import (
    BROKEN_LIFECYCLES,
    change,
    days,
    holding,
    in_grace,
    rest_of_a_file,
    select_more,
)
from tests.sql.checks.warehouse_broken_risk import BROKEN_RISKS, RISK_LIMITS, measured, scaled_at, without_volatility
from tests.sql.checks.warehouse_broken_runs import (
    ASSET,
    BROKEN,
    Frames,
    add_dropped,
    freeze,
    hold_back,
    lock,
    miss_buckets,
    tell_mandatory,
    trade,
    twice,
)
from tests.sql.warehouse_samples import LIMITS, ONE, TWO, make_frames, make_run


def _reject(warehouse: Warehouse, frames: Frames, run: RunRecord) -> PublishRejectedError:
    warehouse.start_run(run, "test")
    with pytest.raises(PublishRejectedError) as rejected:
        warehouse.publish(run.run_id, frames, "test")
    return rejected.value


def _count_rows(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.connected() as con:
        return {table: con.table(table).count("*").fetchall()[0][0] for table in RUN_TABLES}


@pytest.fixture
def warehouse(make_migrated: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """A warehouse that is opened once for a test."""
    with make_migrated().kept_open() as session:
        yield session


@pytest.fixture(scope="module")
def refusing(make_migrated: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """One for all runs that are refused: they leave no row, only their events."""
    with make_migrated().kept_open() as session:
        yield session


EVERY_BROKEN = BROKEN | BROKEN_LIFECYCLES
FIRST_OF_A_CHECK = {check: name for name, (check, _, _) in reversed(EVERY_BROKEN.items())}


@pytest.mark.parametrize("check", FIRST_OF_A_CHECK)
def test_a_check_stops_a_publication(refusing: Warehouse, check: str) -> None:
    name = FIRST_OF_A_CHECK[check]
    _, breaks, detail = EVERY_BROKEN[name]
    failures = {failed: text for failed, _, text in _reject(refusing, breaks(make_frames()), make_run(name)).failures}
    assert detail in failures[check]


@pytest.mark.parametrize("name", BROKEN_RISKS)
def test_a_check_of_risk_refuses(refusing: Warehouse, name: str) -> None:
    check, breaks, detail = BROKEN_RISKS[name]
    run = make_run(name, **RISK_LIMITS)
    failures = {failed: text for failed, _, text in _reject(refusing, breaks(measured()), run).failures}
    assert detail in failures[check]


@pytest.mark.parametrize(
    "frames",
    [measured(), without_volatility(), scaled_at("0.018")],
    ids=["with a scale", "with a holding without volatility", "with the least weight"],
)
def test_what_limits_of_risk_allow_is_published(warehouse: Warehouse, frames: Frames) -> None:
    warehouse.start_run(make_run("r1", **RISK_LIMITS), "test")
    assert warehouse.publish("r1", frames, "test").is_new


def test_what_is_pinned_may_move_more_than_the_target_when_it_is_told(warehouse: Warehouse) -> None:
    frames = without_volatility()
    above = {"portfolio_volatility": 0.4, "unscaled_volatility": 0.5}
    frames["sizing_summary"] = frames["sizing_summary"].with_columns(**above)
    warehouse.start_run(make_run("r1", **RISK_LIMITS), "test")
    assert warehouse.publish("r1", frames, "test").is_new


def test_risk_that_no_limit_reads_is_refused(refusing: Warehouse) -> None:
    failures = {name for name, _, _ in _reject(refusing, measured(), make_run("unread")).failures}
    assert {"no_volatility_above_its_target"} <= failures


@pytest.mark.parametrize("name", [name for name in EVERY_BROKEN if name not in FIRST_OF_A_CHECK.values()])
def test_a_check_finds_each_of_its_faults(refusing: Warehouse, name: str) -> None:
    """The check alone: that publication runs it is proved above, and all checks on all faults in many_runs."""
    check, breaks, detail = EVERY_BROKEN[name]
    run, frames = make_run(name), breaks(make_frames())
    with refusing.connected() as con:
        con.begin()
        runs.start(con, run, "test")
        runs.write(con, run.run_id, frames)
        [(_, _, text)] = runs.find_failures(con, run.run_id, [read_script("checks/publication", check)])
        con.rollback()
    assert detail in text


@pytest.mark.parametrize(
    "check", ["rows_belong_to_the_run", "rows_are_unique", "every_holding_is_answered", "states_are_as_in_targets"]
)
def test_checks_of_some_portfolios_at_a_time_find_the_same(
    refusing: Warehouse, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    run, frames = make_run(check, TWO), EVERY_BROKEN[FIRST_OF_A_CHECK[check]][1](make_frames(TWO))
    monkeypatch.setattr(runs, "_AT_ONCE", 1)
    with refusing.connected() as con:
        con.begin()
        runs.start(con, run, "test")
        runs.write(con, run.run_id, frames)
        together = runs.find_failures(con, run.run_id, read_scripts("checks/publication"))
        with pytest.raises(PublishRejectedError) as in_parts:
            runs.require_sound(con, run.run_id)
        con.rollback()
    assert check in {name for name, _, _ in together}
    assert in_parts.value.failures == together


def test_a_sound_run_is_published_some_portfolios_at_a_time(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_AT_ONCE", 1)
    warehouse.start_run(make_run("r1", TWO), "test")
    assert warehouse.publish("r1", make_frames(TWO), "test").is_new
    assert warehouse.query("targets_of_days", days=[make_run("r1").as_of_date], first=None, last=None).height


def test_empty_fingerprints_are_refused(warehouse: Warehouse) -> None:
    run = replace(make_run("r1"), input_fingerprint="", code_fingerprint=" ")
    failures = _reject(warehouse, make_frames(), run).failures
    assert failures == (("fingerprints_are_present", 2, "code_fingerprint is empty; input_fingerprint is empty"),)


def test_every_check_has_a_case_that_it_refuses() -> None:
    every = (EVERY_BROKEN | BROKEN_RISKS).values()
    refusing = {check for check, _, _ in every} | {"fingerprints_are_present"}
    assert refusing == {check.name for check in read_scripts("checks/publication")}


def test_limits_may_be_reached_to_the_unit(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", {"p1": {}}), "test")
    frames = make_frames({"p1": {"AAA": "0.5", "BBB": "0.02", "CCC": "0.15"}})
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_pinned_position_may_be_below_the_minimum(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames({"p1": {"AAA": "0.5", "BBB": "0.01"}})
    frames["targets"] = frames["targets"].with_columns(is_pinned=ASSET == "BBB")
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_dropped_asset_that_is_not_held_needs_no_target(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = add_dropped(make_frames())
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_change_of_exactly_the_band_is_held(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", rebalance_band=0.25), "test")
    frames = hold_back(make_frames(held={"AAA": "0.4"}), "AAA", "held_by_band")
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_change_below_the_least_trade_is_held(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames({"p1": {"AAA": "0.5", "BBB": "0.10999999"}}, held={"AAA": "0.5", "BBB": "0.1"})
    assert warehouse.publish("r1", hold_back(frames, "BBB", "held_by_min_trade"), "test").is_new


def test_a_change_that_turnover_stops_or_leaves_in_part_is_published(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    assert warehouse.publish("r1", trade(make_frames(), AAA="0.1", BBB="0"), "test").is_new


@pytest.mark.parametrize("trades", [{"AAA": "0.1"}, {"AAA": "0"}])
def test_without_max_turnover_no_change_is_traded_in_part(warehouse: Warehouse, trades: dict[str, str]) -> None:
    frames = tell_mandatory(trade(make_frames(), **trades), None)
    failures = _reject(warehouse, frames, make_run("r1", max_turnover=None)).failures
    assert [(name, rows) for name, rows, _ in failures] == [("every_trade_leads_to_its_target", 1)]


def test_mandatory_trades_are_not_told_without_max_turnover(warehouse: Warehouse) -> None:
    failures = _reject(warehouse, make_frames(), make_run("r1", max_turnover=None)).failures
    assert [(name, rows) for name, rows, _ in failures] == [("trade_summary_is_as_in_targets", 1)]


def test_mandatory_trades_may_be_more_than_max_turnover(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", max_turnover=0.04), "test")
    frames = make_frames({"p1": {"AAA": "0.5", "CCC": "0"}}, held={"AAA": "0.5", "CCC": "0.1"})
    assert warehouse.publish("r1", tell_mandatory(frames, "0.05"), "test").is_new


def test_what_is_under_no_trade_stays_above_its_cap_and_its_bucket_limit(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames({"p1": {"AAA": "0.66", "BBB": "0.2"}}, held={"AAA": "0.66"})
    assert warehouse.publish("r1", freeze(frames, "AAA"), "test").is_new


def test_what_is_under_no_trade_may_alone_be_more_than_there_is(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames({"p1": {"AAA": "0.96"}}, held={"AAA": "0.96"})
    assert warehouse.publish("r1", freeze(frames, "AAA"), "test").is_new


def test_a_missed_minimum_of_buckets_that_says_why_is_published(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["constraint_checks"] = miss_buckets(frames["constraint_checks"], reason="no other bucket has a good name")
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_locked_holding_needs_no_score_and_no_entry_score(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    nothing = pl.lit(None)
    frames = lock(holding(), "AAA", "score_missing", score=nothing, entry_score=nothing)
    assert warehouse.publish("r1", frames, "test").is_new


def test_a_holding_in_grace_reaches_the_score_of_its_place(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    assert warehouse.publish("r1", in_grace(holding(target="0.4")), "test").is_new
    failures = _reject(warehouse, in_grace(holding(target="0.4"), entry_score=pl.lit(0.81)), make_run("r2")).failures
    assert [(name, rows) for name, rows, _ in failures] == [("selected_reach_their_entry_score", 1)]


@pytest.mark.parametrize(
    "frames",
    [
        change("lifecycle", "AAA", closed_on=days(6))(make_frames()),
        change("lifecycle", "AAA", closed_on=days(6, 21))(make_frames()),
        change("lifecycle", "AAA", closed_on=days(1))(change("decisions", "AAA", score=pl.lit(0.9))(make_frames())),
        rest_of_a_file("0.00005"),
    ],
    ids=["after the cooldown", "once in the window", "with the score that lifts it", "a rest"],
)
def test_what_the_past_allows_is_published(warehouse: Warehouse, frames: Frames) -> None:
    warehouse.start_run(make_run("r1"), "test")
    assert warehouse.publish("r1", frames, "test").is_new


def test_locked_holdings_alone_may_be_more_than_the_total(warehouse: Warehouse) -> None:
    frames = select_more(lock(lock(holding(), "AAA", "core_assets"), "BBB", "core_assets"), "DDD", "EEE")
    failures = _reject(warehouse, frames, make_run("r1")).failures
    assert "no_more_selected_than_max_total_positions" not in {name for name, _, _ in failures}


def test_a_refused_candidate_that_no_score_would_help_has_no_entry_score(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["decisions"] = frames["decisions"].with_columns(pl.when(ASSET != "CCC").then(pl.col("entry_score")))
    assert warehouse.publish("r1", frames, "test").is_new


@pytest.mark.parametrize("restriction", ["no_buy", "must_sell"])
def test_a_restricted_holding_may_be_sold(warehouse: Warehouse, restriction: str) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["decisions"] = frames["decisions"].with_columns(
        restriction=pl.when(ASSET == "CCC").then(pl.lit(restriction))
    )
    assert warehouse.publish("r1", frames, "test").is_new


def test_scores_that_differ_by_less_than_a_unit_are_the_same_to_the_checks(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    frames = make_frames()
    frames["decisions"] = frames["decisions"].with_columns(
        entry_score=pl.when(ASSET == "AAA").then(pl.lit(0.8 + 4e-13)).otherwise("entry_score")
    )
    assert warehouse.publish("r1", frames, "test").is_new


@pytest.mark.parametrize("limits", [{"enable_bucket_diversification": False}, {"enable_dynamic_sizing": False}])
def test_a_bucket_limit_that_is_switched_off_refuses_nothing(warehouse: Warehouse, limits: dict[str, bool]) -> None:
    warehouse.start_run(make_run("r1", ONE, **limits), "test")
    assert warehouse.publish("r1", make_frames({"p1": {"AAA": "0.5", "CCC": "0.45"}}), "test").is_new


def test_without_dynamic_sizing_there_is_no_cap_and_no_floor(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", ONE, enable_dynamic_sizing=False), "test")
    assert warehouse.publish("r1", make_frames({"p1": {"AAA": "0.94", "BBB": "0.01"}}), "test").is_new


def test_limits_are_those_of_the_portfolio_whatever_its_name(warehouse: Warehouse) -> None:
    odd = "$.a'b\"c/d"
    limits = {odd: LIMITS, "p1": LIMITS | {"max_single_position": 0.4}}
    run = replace(make_run("r1", {odd: {}, "p1": {}}), **covering(limits))
    portfolios = {odd: {"AAA": "0.5", "BBB": "0.3"}, "p1": {"AAA": "0.40000001", "BBB": "0.3"}}
    failures = _reject(warehouse, make_frames(portfolios), run).failures
    assert failures == (
        (
            "no_book_above_its_limits",
            1,
            "p1: AAA has 0.40000001 after the trades, max_single_position is 0.40000000",
        ),
        (
            "no_weight_above_max_single_position",
            1,
            "p1: AAA has 0.40000001, max_single_position is 0.40000000",
        ),
    )


def test_a_rejected_run_leaves_no_row_and_an_event_that_says_what_failed(warehouse: Warehouse) -> None:
    frames = make_frames(TWO)
    frames["constraint_checks"] = frames["constraint_checks"].with_columns(is_ok=pl.lit(value=False))
    rejected = _reject(warehouse, frames, make_run("r1", TWO))
    assert rejected.run_id == "r1"
    assert [(name, rows) for name, rows, _ in rejected.failures] == [("every_constraint_holds", 2)]
    assert _count_rows(warehouse) == dict.fromkeys(RUN_TABLES, 0)
    last = warehouse.query("run_events", run_id="r1").rows(named=True)[-1]
    assert last["state"] == "rejected"
    assert last["reason"].startswith(
        "1 check failed: every_constraint_holds (2 rows): p1: max_single_position of target is 0.4"
    )
    assert warehouse.query("current_targets").is_empty()


def test_a_rejected_run_can_be_published_when_it_is_right(warehouse: Warehouse) -> None:
    frames = make_frames()
    _reject(warehouse, frames | {"targets": twice(frames["targets"])}, make_run("r1"))
    assert warehouse.start_run(make_run("r1"), "test") == "rejected"
    assert warehouse.publish("r1", frames, "test").is_new


def test_only_the_first_failing_rows_are_told_but_all_are_counted(warehouse: Warehouse) -> None:
    portfolios = {f"p{number}": ONE["p1"] for number in range(9)}
    frames = make_frames(portfolios)
    frames["constraint_checks"] = frames["constraint_checks"].with_columns(is_ok=pl.lit(value=False))
    (failure,) = _reject(warehouse, frames, make_run("r1", portfolios)).failures
    assert failure[1] == 9
    assert failure[2].count("max_single_position") == 5
