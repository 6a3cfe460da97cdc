"""What is deployed says what it should: read from the files alone, without a server."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from exchange_calendars import get_calendar
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from prefect import Flow

from flows.server.automations import NO_RECIPIENT, read_automations
from tasks.config.settings import Settings
from tasks.run_state import RunState

FOLDER = Path(__file__).parents[2] / "deployments"
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "prefect.yaml").read_text())["deployments"]
AUTOMATIONS = read_automations(FOLDER / "automations.yaml")
EACH = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
WATCHED = {"daily", "history", "operations", "watchdog"}


def _flow(deployment: dict[str, Any]) -> Flow[..., Any]:
    module, _, name = deployment["entrypoint"].rpartition(".")  # no path: it is found from every folder
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    return flow


@EACH
def test_a_deployment_has_the_name_of_its_flow(deployment: dict[str, Any]) -> None:
    assert _flow(deployment).name == deployment["name"]


@EACH
def test_one_run_at_a_time_in_our_pool_and_what_comes_second_waits(deployment: dict[str, Any]) -> None:
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployment["work_pool"] == {"name": "ballast"}


@EACH
def test_nothing_in_the_file_resumes_what_operations_paused(deployment: dict[str, Any]) -> None:
    assert "paused" not in deployment
    for schedule in deployment.get("schedules", []):
        assert set(schedule) == {"slug", "cron", "timezone"}


@EACH
def test_a_run_is_watched_by_exactly_one_alert_and_its_description_speaks_to_an_operator(
    deployment: dict[str, Any],
) -> None:
    assert "ballast" in deployment["tags"]
    assert len(WATCHED & set(deployment["tags"])) == 1
    assert len(deployment["description"].split()) > 15


@EACH
def test_a_schedule_needs_no_parameters_and_runs_after_the_close_of_the_exchange(deployment: dict[str, Any]) -> None:
    calendar = get_calendar(Settings().exchange)
    for schedule in deployment.get("schedules", []):
        minute, hour, *_, weekdays = schedule["cron"].split()
        assert schedule["timezone"] == str(calendar.tz)
        assert (int(hour), int(minute)) > (calendar.close_times[-1][1].hour, calendar.close_times[-1][1].minute)
        assert weekdays == "1-5"
        assert "parameters" not in deployment
        assert not _flow(deployment).parameters.required


def test_no_file_names_a_machine_or_a_secret() -> None:
    for path in [*FOLDER.glob("*.yaml"), *FOLDER.glob("*.example"), *FOLDER.glob("systemd/*")]:
        text = path.read_text()
        assert "/home/" not in text, path
        assert "/tmp/" not in text, path  # noqa: S108 - the word is looked for
        assert "/work/" not in text, path


@pytest.mark.parametrize("described", AUTOMATIONS, ids=lambda one: one.name)
def test_an_automation_is_one_for_prefect_with_an_alert_and_without(described: Any) -> None:  # noqa: ANN401
    block = "00000000-0000-0000-0000-000000000001"
    assert described.automation(block).actions
    assert described.automation(block).enabled
    silent = described.automation(None)
    assert silent.actions
    assert silent.name.startswith("ballast ")
    # Without a recipient it is not armed and empty: it is disabled, and says why.
    assert silent.enabled == (NO_RECIPIENT not in silent.tags) == (not described.alert)
    if described.alert:
        assert set(described.alert) == {"subject", "body"}
        assert "ui_url" in described.alert["body"]
        assert "ballast sql" in described.alert["body"]


@pytest.mark.parametrize("described", [one for one in AUTOMATIONS if one.alert], ids=lambda one: one.name)
def test_an_alert_says_only_what_its_event_tells(described: Any) -> None:  # noqa: ANN401
    payload = {
        "as_of_date": "2025-06-02",
        "run_id": "2025-06-02-1",
        "reason": "so",
        "n_portfolios": 1,
        "portfolios": [{"portfolio_id": "p"}],
    }
    resource = {"prefect.state-name": "Crashed", "prefect.state-message": "so", "prefect.run-count": "1", "name": "n"}
    context = {"event": {"payload": payload, "resource": resource}, "flow": {"name": "f"}, "deployment": {"name": "d"}}
    context["flow_run"] = {"expected_start_time": "then"}
    strict = SandboxedEnvironment(undefined=StrictUndefined)
    strict.filters["ui_url"] = lambda _: "http://127.0.0.1:4200/run"
    subject, body = (strict.from_string(described.alert[part]).render(context) for part in ("subject", "body"))
    assert subject.startswith("Ballast: ")
    assert "http://127.0.0.1:4200/run" in body


def test_the_watch_over_heartbeats_knows_every_name_in_which_a_run_of_ours_ends() -> None:
    [heartbeat] = [one for one in AUTOMATIONS if one.name == "ballast heartbeat stopped"]
    known = {event.removeprefix("prefect.flow-run.") for event in heartbeat.trigger["expect"]}
    names = {state.flow_state for state in RunState} - {"Rejected"}  # that one is an error: the flow run fails
    for deployment in DEPLOYMENTS:
        module = importlib.import_module(_flow(deployment).fn.__module__)
        names |= {
            value
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, str) and value.istitle() and " " not in value
        }
    assert {"Published", "Held"} <= names
    assert names <= known
    assert "prefect.flow-run.Running" in heartbeat.trigger["after"]  # it may die before its first heartbeat


def test_a_second_attempt_is_bounded() -> None:
    [again] = [one for one in AUTOMATIONS if one.name == "ballast try again"]
    assert again.trigger["match"]["prefect.run-count"] == ["1", "2"]
