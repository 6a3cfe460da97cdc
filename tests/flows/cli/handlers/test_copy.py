"""The copy in PostgreSQL as a part of the day: after publishing, never in its way."""

import asyncio
from datetime import date

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State
from pydantic import SecretStr

from flows.daily_rebalance import daily_rebalance
from tasks.config.settings import RebalanceConfig, Settings
from tasks.operations import postgres_copy as copy_module
from tasks.retries import NO_RETRIES
from tests.helpers.command_line import exit_code
from tests.helpers.postgres_server import PASSWORD, PostgresServer

DAY = date(2025, 6, 2)
SCHEMA = "of_the_flow"
TABLES = (
    "current_targets",
    "targets",
    "decisions",
    "sizing_audit",
    "sizing_summary",
    "constraint_checks",
    "run_events",
)


def _run(settings: Settings) -> State[object]:
    config = RebalanceConfig(as_of_date=DAY, settings=settings)
    return asyncio.run(daily_rebalance(config, return_state=True))


def _with_copy(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"postgres_url": SecretStr(url), "postgres_schema": SCHEMA})


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_day_is_published_without_its_copy_and_copied_when_the_server_is_back(
    settings: Settings, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(copy_module.copy, "retries", NO_RETRIES)
    url = postgres.url(port=1)
    state = _run(_with_copy(settings, url))
    assert state.name == "Published"
    [warning] = [line for line in str(state.message).splitlines() if line.startswith("warning: not copied")]
    assert "start the server" in warning
    assert "the next publication or `ballast db copy` brings what is missing" in warning

    for name, value in (("URL", postgres.url()), ("SCHEMA", SCHEMA)):
        monkeypatch.setenv(f"BALLAST_POSTGRES_{name}", value)
    assert exit_code("db", "copy", "--warehouse", settings.warehouse) == 0
    assert capsys.readouterr().out.startswith("copied 1 run, ")
    warehouse = settings.open_warehouse()
    for table in TABLES:
        n_rows = warehouse.query_snapshot(f"SELECT count(*) FROM {table}").item()
        assert postgres.ask(f"SELECT count(*) FROM {SCHEMA}.{table}") == [(n_rows,)]
    assert [attempt is None for attempt in warehouse.query("copies")["error"]] == [True, False]

    again = _run(_with_copy(settings, postgres.url()))
    assert (again.name, "warning: not copied" in str(again.message)) == ("Unchanged", False)
    assert postgres.ask(f"SELECT state FROM {SCHEMA}.run_events ORDER BY event_id DESC LIMIT 1") == [("unchanged",)]
    kept = _what_prefect_keeps(state)
    assert warning.removeprefix("warning: ") in kept
    assert "postgres_schema" in kept
    assert PASSWORD not in kept


def _what_prefect_keeps(state: State[object]) -> str:
    flow_run_id = state.state_details.flow_run_id
    assert flow_run_id
    of_the_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(artifact_filter=of_the_run)
        return f"{client.read_flow_run(flow_run_id)} {[artifact.data for artifact in artifacts]}"


def test_without_an_address_the_command_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("db", "copy") == 2
    assert "set BALLAST_POSTGRES_URL to postgresql://" in " ".join(capsys.readouterr().err.split())


def test_the_address_is_a_secret_that_no_form_shows_and_no_parameter_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLAST_POSTGRES_URL", f"postgresql://u:{PASSWORD}@h/d")
    config = RebalanceConfig()
    shown = [repr(config), config.model_dump_json(), str(RebalanceConfig.model_json_schema())]
    assert [
        text for text in shown if PASSWORD in text or "postgres_url" in text.replace("postgres_url=Secret", "")
    ] == []
    carried = RebalanceConfig.model_validate_json(config.model_dump_json()).settings.postgres_url
    assert carried
    assert PASSWORD in carried.get_secret_value()
