"""Wait until a process in the background is ready. What does not belong here: what ready means."""

import time
from collections.abc import Callable

from flows.server.background_process import Background
from flows.server.readiness import StartError
from flows.terminal.console import err

_POLL_SECONDS = 0.3


def wait_until_ready(process: Background, seconds: float, is_ready: Callable[[], bool]) -> None:
    """Wait for it. *Raises* `StartError` when it ends meanwhile, or takes longer."""
    with err().status(f"waiting for the {process.name}"):
        until = time.monotonic() + seconds
        while process.pid() and time.monotonic() < until:
            if is_ready():
                return
            time.sleep(_POLL_SECONDS)
    late = f"is not ready after {seconds:g} s (BALLAST_START_SECONDS)"
    what = late if process.pid() else "ended at once"
    msg = f"the {process.name} {what}: {process.last_words() or 'it notes nothing'} (all of it is in {process.log})"
    raise StartError(msg)
