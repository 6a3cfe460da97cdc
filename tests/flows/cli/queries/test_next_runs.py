"""What a server has scheduled next is asked quickly, and its silence is no error."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.flows import Flow
from prefect.states import Scheduled

from flows.cli.queries.next_runs import next_runs, server_url
from flows.server.connection import address, database


def test_the_server_is_that_of_the_environment_else_the_one_of_ballast_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert server_url() == "http://127.0.0.1:9/api"
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "4321")
    assert server_url() == "http://127.0.0.1:4321/api"


@pytest.mark.parametrize(
    ("said", "given", "port"), [("4391", None, "4391"), ("4391", "4321", "4321"), ("", None, "4200")]
)
def test_the_port_and_the_database_may_stand_in_the_settings_of_the_folder(
    said: str, given: str | None, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_SERVER_API_PORT", "PREFECT_SERVER_DATABASE_CONNECTION_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    database_url = "PREFECT_SERVER_DATABASE_CONNECTION_URL=postgresql+asyncpg://h/d"
    Path(".env").write_text(f"PREFECT_SERVER_API_PORT={said}\n{database_url}\n")
    if given is not None:
        monkeypatch.setenv("PREFECT_SERVER_API_PORT", given)
    assert server_url() == f"http://127.0.0.1:{port}/api"
    assert address() == f"http://127.0.0.1:{port}"
    assert database() == "PostgreSQL"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "nowhere", "http://[broken"])
def test_no_answer_is_told_as_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    assert next_runs(5, 1) is None


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_the_next_run_of_a_real_server_is_told_with_its_moment() -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    flow = Flow(lambda: None, name="asked-for-later")
    with get_client(sync_client=True) as client:
        made = client.create_flow_run(flow, name="later", state=Scheduled(scheduled_time=soon))
    told = next_runs(50, 10)
    assert told is not None
    assert (made.name, soon) in told.rows()
