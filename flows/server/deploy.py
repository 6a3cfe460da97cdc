"""`ballast deploy`: apply deployments/prefect.yaml and automations.yaml to a Prefect server.

Done again, it changes nothing that operations changed: what is paused or disabled stays so. The work pool is the
exception: whatever its template was, no variable of a request reaches the process that is started.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, get_current_settings
from prefect.workers.process import ProcessWorker

from flows.server.automations import Alerts, Described, apply_automations, read_automations
from sizing.errors import BallastError
from tasks.config.settings import Settings

POOL = "ballast"
DEPLOYMENTS, AUTOMATIONS = Path("deployments/prefect.yaml"), Path("deployments/automations.yaml")
JOB_TEMPLATE: Final[Mapping[str, Any]] = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
"""No command, environment, folder or image of a request counts: the worker starts the flow of the deployment."""

_LAST_LINES = 6
_HEARTBEAT_SECONDS = 30
"""As in pyproject.toml, which a process in another folder does not find; the automations wait for four of them."""


class DeployError(BallastError):
    """The server rejects the files."""


def deploy() -> tuple[str, ...]:
    """Create or update work pool, deployments and automations, and return what is there as text.

    *Requires* a server that answers at PREFECT_API_URL. *Raises* `DeployError`.
    """
    described, automations = read_files()
    try:
        return asyncio.run(_apply(described, automations))
    except PrefectHTTPStatusError as error:
        msg = f"the Prefect server refused what {DEPLOYMENTS} and {AUTOMATIONS} say: {error}"
        raise DeployError(msg) from error


def read_files() -> tuple[dict[str, Any], tuple[Described, ...]]:
    """Return what the files of this folder describe; where it has none, those that come with the program.

    *Raises* `DeployError` for a file that cannot be used.
    """
    try:
        described: dict[str, Any] = yaml.safe_load(_find(DEPLOYMENTS).read_text(encoding="utf-8"))
        return described, read_automations(_find(AUTOMATIONS))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        msg = f"{DEPLOYMENTS} and {AUTOMATIONS} cannot be used: {' '.join(str(error).split())}"
        raise DeployError(msg) from error


def _find(path: Path) -> Path:
    return path if path.exists() else Path(str(files("flows"))).parent / path


async def _apply(described: Mapping[str, Any], automations: tuple[Described, ...]) -> tuple[str, ...]:
    async with get_client() as client:
        await _ensure_pool(client)
        _apply_deployments(await _keep_paused(client, described))
        block = await Alerts().save()
        await apply_automations(client, automations, block)
    deployments = ", ".join(one["name"] for one in described["deployments"])
    return (f"work pool {POOL}, deployments {deployments}", _describe(automations, has_recipient=block is not None))


def _describe(automations: tuple[Described, ...], *, has_recipient: bool) -> str:
    silent = [] if has_recipient else [one.name.removeprefix(f"{POOL} ") for one in automations if one.only_alerts]
    if not silent:
        return f"{len(automations)} automations, alerts go out"
    return (
        f"{len(automations)} automations, {len(silent)} of them disabled, for their alerts have no recipient "
        f"({', '.join(silent)}): set BALLAST_ALERT_WEBHOOK or BALLAST_ALERT_EMAIL, then `ballast deploy`"
    )


async def _ensure_pool(client: PrefectClient) -> None:
    template = dict(JOB_TEMPLATE)
    try:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template))
    except ObjectAlreadyExists:
        pool = await client.read_work_pool(POOL)
        if pool.type != ProcessWorker.type:
            msg = f"work pool {POOL} is of the type {pool.type}: delete it on the server, then deploy again"
            raise DeployError(msg) from None
        if pool.base_job_template != template:
            await client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))


async def _keep_paused(client: PrefectClient, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file with what is paused on the server as paused: Prefect resumes a deployment that does not say so.

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
        seconds = Settings().start_seconds
        try:
            done = subprocess.run(  # noqa: S603 - Prefect's own command
                command, env=connected(), capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            msg = f"prefect deploy did not end within {seconds:g} s (BALLAST_START_SECONDS): run it again"
            raise DeployError(msg) from None
    if done.returncode:
        last = " ".join((done.stdout + done.stderr).split("\n")[-_LAST_LINES:]).strip()
        msg = f"prefect deploy refused {DEPLOYMENTS}: {last}"
        raise DeployError(msg)


def connected() -> dict[str, str]:
    """Return the environment of a process that speaks to the same server as this one."""
    environment = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(_HEARTBEAT_SECONDS)} | os.environ
    environment |= {"DO_NOT_TRACK": "1", "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    environment["PREFECT_HOME"] = str(PREFECT_HOME.value().resolve())
    if secret := get_current_settings().api.auth_string:
        environment["PREFECT_API_AUTH_STRING"] = secret.get_secret_value()
    return environment
