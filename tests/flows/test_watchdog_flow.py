"""The watchdog: silent when all is well, loud when a day is missing, also where nothing ever ran."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import ArtifactSort

import flows.watchdog
from flows.daily_rebalance import daily_rebalance
from flows.watchdog import WatchdogConfig, watchdog
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import MissedDeadlineError

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the flow tells Prefect as events."""
    events: Told = []
    monkeypatch.setattr(flows.watchdog, "emit", lambda *one: events.append(one))
    return events


def _watch(settings: Settings, day: date | None = None) -> State[Any]:
    return asyncio.run(watchdog(WatchdogConfig(as_of_date=day, settings=settings), return_state=True))


def _alarm(settings: Settings, day: date | None = None) -> str:
    with pytest.raises(MissedDeadlineError) as alarm:
        asyncio.run(_watch(settings, day).aresult())
    return str(alarm.value)


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_it_is_silent_for_a_published_day_and_loud_for_the_one_that_nobody_ran(settings: Settings, told: Told) -> None:
    asyncio.run(daily_rebalance(RebalanceConfig(as_of_date=DAY, settings=settings)))
    state = _watch(settings, DAY)
    assert (state.name, state.message) == ("Completed", f"3 portfolios have targets of {DAY}")
    assert told == []
    said = _alarm(settings, NEXT)
    assert said == (
        "3 of 3 portfolios have no targets of 2025-06-03: core, income, opportunity not run: "
        "`ballast run --as-of 2025-06-03` publishes the day or says why not"
    )
    portfolios = ["core", "income", "opportunity"]
    payload = {"as_of_date": "2025-06-03", "n_portfolios": 3, "portfolios": portfolios, "reason": said}
    assert told == [("ballast.watchdog.missed", "ballast.day.2025-06-03", payload)]
    with get_client(sync_client=True) as client:
        key = ArtifactFilter(key=ArtifactFilterKey(any_=["watchdog"]))
        [artifact] = client.read_artifacts(limit=1, sort=ArtifactSort.CREATED_DESC, artifact_filter=key)
    assert "FROM run_health WHERE as_of_date = DATE '2025-06-03'" in str(artifact.data)
    settings.open_warehouse().halt(None, "ann", "the broker is down")
    state = _watch(settings, NEXT)
    assert "halted by ann since " in str(state.message)
    assert (state.name, len(told)) == ("Completed", 1)


def test_it_is_loud_when_nothing_ever_ran_on_the_scheduled_day(
    settings: Settings, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.watchdog, "_scheduled", lambda: datetime(2025, 6, 3, 23, 30, tzinfo=UTC))
    said = _alarm(settings)
    assert said.startswith("3 of 3 portfolios have no targets of 2025-06-03: core, income, opportunity cannot be")
    assert f"no warehouse at {settings.warehouse}" in said
    assert [resource_id for _, resource_id, _ in told] == ["ballast.day.2025-06-03"]


@pytest.mark.parametrize(("moment", "name"), [((2025, 7, 4, 23, 30), "Closed"), ((2025, 6, 9, 22, 30), "Early")])
def test_a_holiday_and_a_deadline_to_come_are_completed_in_words(
    settings: Settings, told: Told, monkeypatch: pytest.MonkeyPatch, moment: tuple[int, ...], name: str
) -> None:
    monkeypatch.setattr(flows.watchdog, "_scheduled", lambda: datetime(*moment, tzinfo=UTC))
    state = _watch(settings)
    assert (state.name, told) == (name, [])
    assert "XNYS" in str(state.message)
