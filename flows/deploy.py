"""`ballast deploy`: bring a Prefect server to what deployments/prefect.yaml and automations.yaml say.

Done again, it changes nothing that operations changed: what is paused or disabled stays so.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, get_current_settings
from prefect.workers.process import ProcessWorker

from flows.automations import Alerts, Described, apply_automations, read_automations
from sizing.errors import BallastError

POOL = "ballast"
DEPLOYMENTS, AUTOMATIONS = Path("deployments/prefect.yaml"), Path("deployments/automations.yaml")

_DEPLOY_SECONDS = 300
_LAST_LINES = 6


class DeployError(BallastError):
    """The server does not take what the files say."""


def deploy(deployments: Path = DEPLOYMENTS, automations: Path = AUTOMATIONS) -> tuple[str, ...]:
    """Create or update work pool, deployments and automations, and say in words what is there.

    *Requires* a server that answers at PREFECT_API_URL. *Raises* `DeployError`.
    """
    for path in (deployments, automations):
        if not path.exists():
            msg = f"no {path} in {Path.cwd()}: run this in the folder of the project"
            raise DeployError(msg)
    described: dict[str, Any] = yaml.safe_load(deployments.read_text(encoding="utf-8"))
    try:
        return asyncio.run(_apply(described, read_automations(automations)))
    except PrefectHTTPStatusError as error:
        msg = f"the Prefect server refused what {deployments} and {automations} say: {error}"
        raise DeployError(msg) from error


async def _apply(described: Mapping[str, Any], automations: tuple[Described, ...]) -> tuple[str, ...]:
    async with get_client() as client:
        await _ensure_pool(client)
        _apply_deployments(await _keep_paused(client, described))
        block = await Alerts().save()
        await apply_automations(client, automations, block)
    alerts = "alerts go out" if block else "no alert goes out: set BALLAST_ALERT_WEBHOOK or BALLAST_ALERT_EMAIL"
    deployments = ", ".join(one["name"] for one in described["deployments"])
    return (f"work pool {POOL}, deployments {deployments}", f"{len(automations)} automations, {alerts}")


async def _ensure_pool(client: PrefectClient) -> None:
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
    with suppress(ObjectAlreadyExists):
        await client.create_work_pool(pool)


async def _keep_paused(client: PrefectClient, described: Mapping[str, Any]) -> dict[str, Any]:
    """Give the file with what is paused on the server as paused: Prefect resumes a deployment that does not say so.

    Its schedules have slugs, by which Prefect knows them again and leaves their pauses.
    """
    deployments = [dict(one) for one in described["deployments"]]
    for one in deployments:
        with suppress(ObjectNotFound):
            # A flow and its deployment have the same name.
            one["paused"] = (await client.read_deployment_by_name(f"{one['name']}/{one['name']}")).paused
    return {**described, "deployments": deployments}


def _apply_deployments(described: Mapping[str, Any]) -> None:
    """Hand the file to `prefect deploy`, which has no other way in that is promised to stay."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(dict(described)), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--prefect-file", str(path), "--all"]
        done = subprocess.run(  # noqa: S603 - Prefect's own command
            command, env=connected(), capture_output=True, text=True, timeout=_DEPLOY_SECONDS, check=False
        )
    if done.returncode:
        last = " ".join((done.stdout + done.stderr).split("\n")[-_LAST_LINES:]).strip()
        msg = f"prefect deploy refused {DEPLOYMENTS}: {last}"
        raise DeployError(msg)


def connected() -> dict[str, str]:
    """Give the environment of a process that speaks to the same server as this one."""
    environment = os.environ | {"DO_NOT_TRACK": "1", "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    if secret := get_current_settings().api.auth_string:
        environment["PREFECT_API_AUTH_STRING"] = secret.get_secret_value()
    return environment
