"""The pins that keep Prefect alive: with other versions the server does not import, or never schedules a run."""

import time
import tomllib
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from prefect import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun

from flows.custom_run import custom_run
from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.config.settings import RebalanceConfig

ROOT = Path(__file__).parents[2]
SCHEDULER_SECONDS = 60

pytestmark = pytest.mark.server


@pytest.mark.usefixtures("connected")
def test_a_deployed_interval_schedule_really_produces_a_scheduled_run() -> None:
    deployment = daily_rebalance.to_deployment(
        "every-hour",
        interval=timedelta(hours=1),
        parameters={"config": RebalanceConfig().model_dump(mode="json", exclude={"settings"})},
    )
    deployment_id = deployment.apply()
    until = time.monotonic() + SCHEDULER_SECONDS
    runs: list[FlowRun] = []
    while not runs and time.monotonic() < until:
        time.sleep(1)
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
            )
    assert runs
    assert {str(run.state_name) for run in runs} == {"Scheduled"}
    assert all(run.auto_scheduled for run in runs)


def test_the_form_of_a_custom_run_shows_the_limits_with_their_descriptions() -> None:
    form = custom_run.parameters.model_dump()["definitions"]["CustomRunConfig"]["properties"]
    limits = form["limits"]["properties"]
    assert set(limits) == set(RebalancingLimits.model_fields)
    [bounds, _none] = limits["max_single_position"]["anyOf"]
    assert bounds == {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert all(limit["description"] for limit in limits.values())


@pytest.mark.parametrize("name", ["prefect", "pandas", "duckdb", "polars", "dataframely"])
def test_what_is_installed_lies_within_the_bounds_of_the_project(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [bound] = [one for one in map(Requirement, project["dependencies"]) if one.name == name]
    assert bound.specifier.contains(version(name))


def test_the_lock_pins_what_is_installed_with_hashes_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    for name in ("prefect", "fastapi", "sqlalchemy", "duckdb", "polars"):
        assert f"\n{name}=={version(name)} \\\n    --hash=sha256:" in f"\n{lock}"
    assert "://" not in lock
    assert "index" not in "".join(line for line in lock.splitlines() if line.startswith("--"))
