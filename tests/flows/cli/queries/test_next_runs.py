"""What a server has scheduled next is asked quickly, and its silence is no error."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.flows import Flow
from prefect.states import Scheduled

from flows.cli.queries.next_runs import next_runs, server_url


def test_the_server_is_that_of_the_environment_else_the_one_of_ballast_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert server_url() == "http://127.0.0.1:9/api"
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "4321")
    assert server_url() == "http://127.0.0.1:4321/api"


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
