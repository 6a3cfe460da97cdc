"""A life of the real `ballast run`, with a temporary Prefect server, that can be killed at the same steps.

`python -m tests.soak.ballast ORDER` does one order, JSON, in a process that nothing was prepared for.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from flows.cli.app import execute
from flows.terminal.exit_codes import ExitCode
from tests.soak.worker import Order, begin, tell

ORDERS = TypeAdapter(Order)


class BallastRun:
    """One `ballast run` of a day, in a session of its own, so that its server ends with it."""

    def __init__(self, order: Order) -> None:
        home = Path(tempfile.gettempdir()) / "ballast-soak-prefect"
        environment = os.environ | {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
        environment |= {
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        }
        command = [sys.executable, "-m", "tests.soak.ballast", ORDERS.dump_json(order).decode()]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def exitcode(self) -> int | None:
        """How it ended, None while it lives."""
        return self._process.poll()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, and end the server that it had."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()


def main(order: Order) -> None:
    """Run the day as the command does, and journal how it went."""
    faults = begin(order)
    given = {name: value for name, value in order.settings.model_dump(mode="json").items() if value is not None}
    os.environ |= {f"BALLAST_{name.upper()}": str(value) for name, value in given.items()}
    exitcode: object = 0
    try:
        execute(["run", "--as-of", str(order.day)])
    except SystemExit as left:
        exitcode = left.code or 0
    outcome = {0: "Published", ExitCode.HELD: "Held"}.get(exitcode, f"exit code {exitcode}")
    tell(order.journal, "done", outcome=outcome, steps=[asdict(step) for step in faults.steps])


if __name__ == "__main__":
    main(ORDERS.validate_json(sys.argv[1]))
