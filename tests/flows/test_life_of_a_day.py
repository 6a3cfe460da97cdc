"""What can come between a day's computation and its targets: a person who is asked, a halt, a holiday, a late start."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.backfill import BackfillConfig, backfill
from flows.daily_rebalance import daily_rebalance
from flows.halt import HaltConfig, halt
from flows.publish_proposal import PublishConfig, publish_proposal
from flows.replay import ReplayConfig, replay
from sizing.errors import ContractError
from sizing.frames.day_inputs import DayInputs
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import NotATradingDayError, StaleRunError, UsageError
from tasks.inputs.portfolio_groups import Group
from tasks.operations.watchdog import Due, find_missing
from tasks.runs.compute import select

DAY_BEFORE, DAY = date(2025, 6, 2), date(2025, 6, 3)
PORTFOLIOS = """
portfolios:
  careful: {approval: {max_turnover: 0.1, first_day: true, four_eyes: true}}
  free: {}
"""
_N_TASKS = 21
"""Tasks of a flow run with a run of each portfolio."""
# Shanghai is closed on 2 June 2025, for the Dragon Boat Festival, and open on the 3rd.
SHANGHAI = "  shanghai: {exchange: XSHG, max_total_positions: 4}\n"


def run_day(settings: Settings, day: date | None = DAY, by: str = "Ana Silva") -> State[object]:
    config = RebalanceConfig(as_of_date=day, requested_by=by, settings=settings)
    return asyncio.run(daily_rebalance(config, return_state=True))


def decide(settings: Settings, run_id: str, approver: str = "Ben", decision: str = "approve") -> State[object]:
    asked = {"run_id": run_id, "approver": approver, "note": "seen", "decision": decision, "settings": settings}
    return asyncio.run(publish_proposal(PublishConfig.model_validate(asked), return_state=True))


def switch(settings: Settings, *portfolio_ids: str, action: str) -> State[object]:
    names = {"portfolio_ids": portfolio_ids, "all_portfolios": not portfolio_ids}
    asked = {"action": action, "by": "Ops", "reason": "odd scores", "settings": settings} | names
    return asyncio.run(halt(HaltConfig.model_validate(asked), return_state=True))


def ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    return settings.open_warehouse().query_snapshot(query).rows()


def visible(settings: Settings) -> list[tuple[object, ...]]:
    return ask(settings, "SELECT DISTINCT portfolio_id, as_of_date FROM current_targets ORDER BY ALL")


def proposed(settings: Settings) -> str:
    [run_id] = settings.open_warehouse().query("open_proposals")["run_id"].unique()
    return str(run_id)


def failure(state: State[object]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at the sentence
        asyncio.run(state.aresult())
    return f"{caught.type.__name__}: {caught.value}"


def _in(folder: Path, settings: Settings) -> Settings:
    names = {"inbox": "inbox", "config": "portfolios.yaml", "warehouse": "warehouse.duckdb"}
    names |= {"snapshot": "snapshot.duckdb", "export_folder": "targets"}
    return settings.at({name: folder / file for name, file in names.items()})


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory, sample: Path, server: str) -> Iterator[tuple[Path, State]]:
    """One day of two portfolios: `careful` waits for approval, `free` is published."""
    folder = tmp_path_factory.mktemp("first_run")
    shutil.copytree(sample, folder / "inbox")
    (folder / "portfolios.yaml").write_text(PORTFOLIOS)
    with temporary_settings({PREFECT_API_URL: server}):
        yield folder, run_day(_in(folder, Settings()))


@pytest.fixture
def waiting(first_run: tuple[Path, State], tmp_path: Path) -> Settings:
    """A copy of it, for a test that goes on from there."""
    folder = tmp_path / "copy"
    shutil.copytree(first_run[0], folder)
    return _in(folder, Settings())


def _pages(state: State, server: str) -> list[dict[str, str]]:
    asked = {"artifacts": {"flow_run_id": {"any_": [str(state.state_details.flow_run_id)]}}}
    pages: list[dict[str, str]] = httpx.post(f"{server}/artifacts/filter", json=asked).json()
    return pages


@pytest.mark.server
def test_the_page_of_a_proposal_says_who_asked_and_that_somebody_else_decides(
    first_run: tuple[Path, State], server: str
) -> None:
    [page] = [one["data"] for one in _pages(first_run[1], server) if "It waits for approval" in one["data"]]
    assert "Ana Silva requested it; **somebody else approves**. Nothing of it is visible to execution." in page


@pytest.mark.server
def test_the_graph_shows_which_results_a_stage_works_with(first_run: tuple[Path, State], server: str) -> None:
    run_id = first_run[1].state_details.flow_run_id
    until = datetime.now(UTC) + timedelta(seconds=30)
    nodes: dict[str, dict[str, Any]] = {}
    while len(nodes) < _N_TASKS and datetime.now(UTC) < until:
        nodes = dict(httpx.get(f"{server}/flow_runs/{run_id}/graph-v2").raise_for_status().json()["nodes"])
    names = {one: str(node["label"]).rsplit("-", 1)[0] for one, node in nodes.items()}
    of_stage = {names[one]: {names[parent["id"]] for parent in node["parents"]} for one, node in nodes.items()}
    assert of_stage["checks"] == {"open run", "diversification", "two-stage sizing"}
    assert of_stage["publish"] == of_stage["propose"] - {"approval"} == {"open run", "checks"}
    assert of_stage["report"] >= {"open run", "ingest"}


@pytest.mark.server
def test_charts_are_drawn_for_who_decides_and_of_what_is_published_on_request(
    first_run: tuple[Path, State], server: str
) -> None:
    pages = _pages(first_run[1], server)
    assert [one["description"].split(":")[0] for one in pages if one["key"] == "pictures"] == [
        f"Proposed targets of {DAY} in charts"
    ]
    published, proposed = (
        next(one["data"] for one in pages if one["data"].startswith(f"# {words} of {DAY}"))
        for words in ("Targets", "Proposed targets")
    )
    assert f"`ballast report --as-of {DAY} --open`" in published
    assert "ballast report" not in proposed


def test_who_may_wait_waits_and_nobody_waits_with_them(first_run: tuple[Path, State]) -> None:
    folder, state = first_run
    settings = _in(folder, Settings())
    assert state.name == "Proposed"
    run_id = proposed(settings)
    told = str(state.message)
    assert f"{run_id} waits for approval, nothing of it is visible: careful: turnover 0." in told
    assert "is above max_turnover 0.1; first day: nothing earlier is visible" in told
    assert f"`ballast approve {run_id}" in told
    assert "not in this run" not in told
    assert visible(settings) == [("free", DAY)]
    assert ask(settings, "SELECT portfolio_ids, state FROM latest_runs ORDER BY 1") == [
        (["careful"], "proposed"),
        (["free"], "published"),
    ]


@pytest.mark.server
def test_other_programs_hear_of_each_run_by_an_event(first_run: tuple[Path, State], connected: str) -> None:
    run_ids = dict(ask(_in(first_run[0], Settings()), "SELECT run_id, state FROM latest_runs"))
    resources = [f"ballast.run.{run_id}" for run_id in run_ids]
    wanted = {"filter": {"event": {"prefix": ["ballast.targets."]}, "resource": {"id": resources}}}
    until = datetime.now(UTC) + timedelta(seconds=30)
    heard: list[dict[str, dict[str, str]]] = []
    while len(heard) < len(run_ids) and datetime.now(UTC) < until:
        heard = httpx.post(f"{connected}/events/filter", json=wanted).raise_for_status().json()["events"]
    told = {one["payload"]["run_id"]: str(one["event"]).removeprefix("ballast.targets.") for one in heard}
    assert told == run_ids
    [payload] = [one["payload"] for one in heard if "reason" in one["payload"]]
    assert payload["as_of_date"] == DAY.isoformat()
    assert payload["portfolios"][0]["portfolio_id"] == "careful"  # type: ignore[index]
    assert payload["portfolios"][0]["turnover"] > 0.1  # type: ignore[index]


def test_the_day_again_goes_on_waiting_and_says_so(waiting: Settings) -> None:
    state = run_day(waiting)
    assert (state.name, proposed(waiting) in str(state.message)) == ("Proposed", True)
    assert "waits for approval already: nothing changed" in str(state.message)
    assert ask(waiting, "SELECT count(*) FROM run_events WHERE state = 'unchanged'") == [(2,)]


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_somebody_else_approves_and_the_targets_are_visible_with_who_and_why(waiting: Settings) -> None:
    run_id = proposed(waiting)
    assert failure(decide(waiting, run_id, approver="ana  silva")).startswith("ApprovalError: ")
    assert visible(waiting) == [("free", DAY)]
    state = decide(waiting, run_id)
    assert state.name == "Published"
    assert str(state.message).startswith(f"{run_id} approved by Ben: careful ")
    assert visible(waiting) == [("careful", DAY), ("free", DAY)]
    events = f"SELECT state, \"by\" FROM run_events WHERE run_id = '{run_id}' ORDER BY event_id"
    assert ask(waiting, events)[1:] == [("proposed", "Ana Silva"), ("approved", "Ben"), ("published", "Ben")]
    assert "published since" in failure(decide(waiting, run_id))


def test_a_proposal_that_is_declined_leaves_what_is_published(waiting: Settings) -> None:
    run_id = proposed(waiting)
    state = decide(waiting, run_id, decision="decline")
    assert (state.name, state.message) == ("Declined", f"{run_id} declined by Ben, the published targets stay: seen")
    assert visible(waiting) == [("free", DAY)]
    [missing] = find_missing(waiting, Due(DAY, ("careful", "free")))
    assert missing.why.startswith("declined by Ben at ")
    assert missing.why.endswith(" UTC (seen)")
    assert missing.todo == f"`ballast run --as-of {DAY}`, or leave it"


def test_a_score_file_that_is_corrected_meanwhile_makes_the_proposal_old(waiting: Settings) -> None:
    scores = waiting.inbox / f"scores_{DAY}.csv"
    scores.write_text("".join(scores.read_text().splitlines(keepends=True)[:-1]))
    run_id = proposed(waiting)
    refused = failure(decide(waiting, run_id))
    assert f"ApprovalError: run {run_id} was proposed on other inputs than there are now (changed: scores)" in refused
    assert f"run the day again, `ballast run --as-of {DAY}`" in refused
    assert visible(waiting) == [("free", DAY)]


def test_a_score_file_that_is_refused_meanwhile_is_seen_by_readers_and_the_proposal_goes_on_waiting(
    waiting: Settings,
) -> None:
    (waiting.inbox / f"scores_{DAY}.csv").write_text("what,is,this\n1,2,3\n")
    run_id = proposed(waiting)
    assert "SourceError" in failure(decide(waiting, run_id))
    assert ask(waiting, "SELECT as_of_date, is_corrected FROM refused_files") == [(DAY, False)]
    assert proposed(waiting) == run_id
    assert visible(waiting) == [("free", DAY)]


def test_what_nobody_proposed_cannot_be_approved(waiting: Settings) -> None:
    assert f"open proposals: {proposed(waiting)}" in failure(decide(waiting, "2025-06-03-000000000000"))


def test_a_halted_portfolio_is_held_with_the_reason_and_the_others_go_on(waiting: Settings) -> None:
    assert "portfolio fre is unknown; did you mean free?" in failure(switch(waiting, "fre", action="halt"))
    assert switch(waiting, "free", action="halt").name == "Halted"
    state = run_day(waiting, date(2025, 6, 4))
    assert state.name == "Held"
    assert "portfolio free is halted since" in str(state.message)
    assert "by Ops: odd scores; when the cause is gone, lift the halt with `ballast resume`" in str(state.message)
    assert visible(waiting) == [("free", DAY)]
    assert switch(waiting, "free", action="resume").name == "Resumed"
    run_day(waiting, date(2025, 6, 4))
    assert visible(waiting) == [("free", date(2025, 6, 4))]


def test_a_halt_that_comes_while_the_day_is_computed_holds_it_and_the_proposal(
    waiting: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert switch(waiting, action="halt").message == (
        "all portfolios halted by Ops: nothing is published until `ballast resume`; halted now: all"
    )

    def overlooked(_: Settings, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        return groups

    monkeypatch.setattr("flows.daily_rebalance.set_halted_apart", overlooked)
    state = run_day(waiting, date(2025, 6, 4))
    assert state.name == "Held"
    assert "publication is halted: all" in str(state.message)
    run_id = waiting.open_warehouse().query("open_proposals")["run_id"][0]
    approved = decide(waiting, run_id)
    assert approved.name == "Held"
    assert "it goes on waiting" in str(approved.message)
    assert visible(waiting) == [("free", DAY)]


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_portfolio_of_another_exchange_is_run_on_its_days_and_replayed_by_them(waiting: Settings) -> None:
    with waiting.config.open("a") as config:
        config.write(SHANGHAI)
    assert "XSHG is closed on 2025-06-02 (Monday), the next session is 2025-06-03: nothing to do for shanghai" in str(
        run_day(waiting, DAY_BEFORE).message
    )
    run_day(waiting)
    days = "SELECT as_of_date FROM visible_runs WHERE portfolio_id = 'shanghai'"
    assert ask(waiting, days) == [(DAY,)]
    [(run_id,)] = ask(waiting, "SELECT run_id FROM runs WHERE inputs ->> 'exchange' = 'XSHG'")
    assert (
        asyncio.run(replay(ReplayConfig(run_id=str(run_id), settings=waiting), return_state=True)).name == "Identical"
    )


def test_a_person_who_asks_for_a_day_without_a_session_is_told(waiting: Settings) -> None:
    assert failure(run_day(waiting, date(2025, 6, 7))).startswith(NotATradingDayError.__name__)


def test_a_run_that_fails_does_not_keep_the_others_of_the_day_back(
    waiting: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_for_free(inputs: DayInputs) -> pl.DataFrame:
        if "free" in inputs.limits:
            msg = "a rule broke"
            raise ContractError(msg)
        return select(inputs)

    monkeypatch.setattr("flows.daily_rebalance.select", broken_for_free)
    told = failure(run_day(waiting, date(2025, 6, 4)))
    assert told.startswith(
        "FailedPortfoliosError: 2025-06-04 free: a rule broke; the others of 2025-06-04: 2025-06-04-"
    )
    states = "SELECT portfolio_ids[1], state FROM latest_runs WHERE as_of_date = DATE '2025-06-04' ORDER BY 1"
    assert ask(waiting, states) == [("careful", "proposed"), ("free", "failed")]


def _scheduled_for(monkeypatch: pytest.MonkeyPatch, start: datetime) -> None:
    monkeypatch.setattr("tasks.runs.schedule.scheduled_start_time", lambda: start)


def test_a_scheduled_run_on_a_holiday_completes_and_says_when_the_next_session_is(
    waiting: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scheduled_for(monkeypatch, datetime(2025, 7, 6, 2, tzinfo=UTC))  # Saturday evening in New York
    state = run_day(waiting, day=None)
    assert state.name == "Closed"
    assert "XNYS is closed on 2025-07-05 (Saturday), the next session is 2025-07-07" in str(state.message)


def test_a_scheduled_run_that_starts_too_late_or_behind_a_later_day_is_refused(
    waiting: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scheduled_for(monkeypatch, datetime(2025, 6, 4, 22, tzinfo=UTC))
    refused = failure(run_day(waiting, day=None))
    assert refused.startswith(f"{StaleRunError.__name__}: the scheduled run of 2025-06-04 is stale: it starts ")
    assert "hours after its scheduled start, more than 12" in refused
    assert "`ballast run --as-of 2025-06-04`" in refused
    patient = waiting.model_copy(update={"max_late_hours": 1e6})
    _scheduled_for(monkeypatch, datetime(2025, 6, 2, 22, tzinfo=UTC))
    assert "2025-06-03 is published or waits for approval already" in failure(run_day(patient, day=None))
    _scheduled_for(monkeypatch, datetime(2025, 6, 3, 22, tzinfo=UTC))
    assert run_day(patient, day=None).name == "Proposed"


def test_a_backfill_asks_who_approves_and_keeps_it_with_each_run_that_asks(waiting: Settings) -> None:
    days = {"first": DAY, "last": date(2025, 6, 4), "settings": waiting}
    refused = failure(asyncio.run(backfill(BackfillConfig.model_validate(days), return_state=True)))
    assert refused.startswith(f"{UsageError.__name__}: targets of careful may wait for approval")
    named = BackfillConfig.model_validate(days | {"requested_by": "Ana", "approver": "Ben", "note": "history"})
    state = asyncio.run(backfill(named, return_state=True))
    assert state.name == "Published"
    assert visible(waiting) == [(name, date(2025, 6, 4)) for name in ("careful", "free")]
    who = "SELECT \"by\", reason FROM run_events WHERE state = 'approved'"
    assert set(ask(waiting, who)) == {("Ben", "history")}
    assert run_day(waiting, date(2025, 6, 4)).name == "Unchanged"


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_backfill_of_a_halted_portfolio_says_so(waiting: Settings) -> None:
    switch(waiting, action="halt")
    named = BackfillConfig(first=DAY, last=date(2025, 6, 4), approver="Ben", note="history", settings=waiting)
    assert failure(asyncio.run(backfill(named, return_state=True))).startswith("HaltedError: ")
    assert visible(waiting) == [("free", DAY)]
