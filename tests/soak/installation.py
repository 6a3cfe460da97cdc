"""A whole installation in a temporary folder, started by `ballast up`, with a receiver of its alerts and a saboteur."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import yaml
from prefect.client.base import PrefectHttpxSyncClient

from flows.server.background_process import Background
from tasks.config.settings import Settings
from tests.helpers.prefect_home import put_empty_prefect

ROOT = Path(__file__).parents[2]

_SECONDS = 300
_ANSWER_SECONDS = 20
"""A server may stand still for a minute: two of its writers wait for each other in SQLite until one gives up."""

_SABOTAGE = """
import os, sys
from pathlib import Path
flag = Path(os.environ.get("BALLAST_TEST_KILL", "/nowhere"))
if "prefect.engine" in sys.orig_argv and flag.exists():
    flag.unlink()
    from tests.soak.faults import Faults, Kill
    Faults(flag.parent, Kill("between", "INSERT INTO targets", "after")).install()
"""
"""Read by each Python before anything else: the next flow run dies in the middle of its publication."""


@dataclass
class Installation:
    """The folder, the environment of its processes, and the alerts that came so far."""

    folder: Path
    environment: dict[str, str]
    alerts: list[dict[str, str]] = field(default_factory=list)

    @property
    def api(self) -> str:
        """Where its server answers."""
        return f"http://127.0.0.1:{self.environment['PREFECT_SERVER_API_PORT']}/api"

    @property
    def password(self) -> tuple[str, str]:
        """Who may ask the server: user and password, as `ballast up` generated them."""
        user, _, password = (self.folder / ".ballast" / "run" / "password").read_text().strip().partition(":")
        return user, password

    @property
    def settings(self) -> Settings:
        """What a reader needs of it."""
        return Settings(
            warehouse=self.folder / "warehouse.duckdb",
            snapshot=self.folder / "snapshot.duckdb",
            export_folder=self.folder / "targets",
        )

    def process(self, name: str) -> Background:
        """Return the server or the worker."""
        return Background(name, self.folder / ".ballast" / "run")

    def kill_next_publication(self) -> None:
        """Have the next flow run die by SIGKILL when it has written its targets and not yet committed."""
        (self.folder / "kill").touch()

    def ballast(self, *words: str, expected: int = 0) -> str:
        """Do a command as a person would, and give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli.app", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != expected:
            msg = f"ballast {' '.join(words)} gave {done.returncode}: {done.stdout}{done.stderr}"
            raise AssertionError(msg)
        return done.stdout

    def ask(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask the server with Prefect's own client: again when it is busy, or waits for its database."""
        with PrefectHttpxSyncClient(timeout=_ANSWER_SECONDS, auth=self.password) as client:
            answer = client.request(method, f"{self.api}{path}", json=body or None)
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment as the server has it."""
        found: dict[str, Any] = self.ask("GET", f"/deployments/name/{name}/{name}")
        return found

    def schedule(self, name: str, at: datetime, config: Mapping[str, Any] | None = None) -> str:
        """Schedule a run of a deployment, as its schedule or a person would, and give its id."""
        body: dict[str, Any] = {
            "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}},
            "parameters": {"config": dict(config)} if config else {},
            "idempotency_key": str(uuid4()),  # asked twice, it is one run
        }
        run_id: str = self.ask("POST", f"/deployments/{self.deployment(name)['id']}/create_flow_run", **body)["id"]
        return run_id

    def states(self, run_id: str) -> list[str]:
        """Return the names of the states a run went through, the first one first."""
        states = self.ask("GET", f"/flow_run_states/?flow_run_id={run_id}")
        return [one["name"] for one in sorted(states, key=lambda one: one["timestamp"])]

    def message(self, run_id: str) -> str:
        """Return what the state of a run says."""
        return str(self.ask("GET", f"/flow_runs/{run_id}")["state"]["message"])

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until it is so, with bounds."""
        until = time.monotonic() + _SECONDS
        while not is_so():
            if time.monotonic() > until:
                msg = f"not within {_SECONDS} s: {what}; the worker said: {self.process('worker').last_words()}"
                raise AssertionError(msg)
            time.sleep(0.3)

    def wait_for(self, run_id: str, *names: str) -> str:
        """Wait until the run was in one of the states, and give the last one."""
        self.wait(lambda: bool(set(names) & set(self.states(run_id))), f"{run_id} is {' or '.join(names)}")
        return self.states(run_id)[-1]


@contextmanager
def installed(
    folder: Path, *, patience: Mapping[str, int], environment: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Install in an empty folder, start, and end it all. `patience`: seconds of automations, by name."""
    with _receiver() as (address, alerts):
        there = Installation(folder, _environment(folder, address) | dict(environment or {}), alerts)
        (folder / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
        shutil.copytree(ROOT / "deployments", folder / "deployments")
        _set_patience(folder / "deployments" / "automations.yaml", patience)
        (folder / ".prefect").mkdir()
        put_empty_prefect(folder / ".prefect")
        (folder / "sabotage").mkdir()
        (folder / "sabotage" / "sitecustomize.py").write_text(_SABOTAGE)
        try:
            there.ballast("up")
            yield there
        finally:
            there.ballast("down")


@contextmanager
def _receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Take what is posted, as a chat or a pager would."""
    received: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/alerts", received
        server.shutdown()


def _set_patience(path: Path, patience: Mapping[str, int]) -> None:
    automations = yaml.safe_load(path.read_text())
    for one in automations:
        one["trigger"]["within"] = patience.get(one["name"], one["trigger"].get("within", 0))
    path.write_text(yaml.safe_dump(automations))


def _environment(folder: Path, address: str) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return mine | {
        "PYTHONPATH": f"{folder / 'sabotage'}:{ROOT}",
        "BALLAST_TEST_KILL": str(folder / "kill"),
        "BALLAST_ALERT_WEBHOOK": address,
        "BALLAST_INBOX": "deployments/sample/inbox",
        "BALLAST_WAREHOUSE": str(folder / "warehouse.duckdb"),
        "BALLAST_SNAPSHOT": str(folder / "snapshot.duckdb"),
        "BALLAST_EXPORT_FOLDER": str(folder / "targets"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_WORKER_QUERY_SECONDS": "3",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "3",
    }
