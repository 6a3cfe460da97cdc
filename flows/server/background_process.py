"""Processes that outlive the command that starts them: each has a file that identifies it, and a log.

What does not belong here: what is started, in which order, and when it is ready.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sql.files.atomic_files import UMASK, make_folder, protect

_LOG_CHARACTERS = 600
_POLL_SECONDS = 0.1
_STATE, _STARTED = 2, 21
"""Where /proc/PID/stat has the state and the time of the start, after the name of the command."""


class Account(NamedTuple):
    """Who a process runs as: the numbers of user and group."""

    user: int
    group: int

    @property
    def options(self) -> dict[str, Any]:
        """How `subprocess` runs a process as this account, and with no other rights."""
        return {"user": self.user, "group": self.group, "extra_groups": []}


@dataclass(frozen=True)
class Background:
    """A process in the background, known by its name in a folder. Its number alone would not do: numbers come again.

    `account` is who it runs as, where that is somebody else; `ending` is the signal that ends it in order.
    """

    name: str
    folder: Path
    account: Account | None = None
    ending: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.folder / f"{self.name}.log"

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.name}.json"

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], noted: Mapping[str, str] | None = None
    ) -> None:
        """Start it in a session of its own, so that the end of the terminal is not its end.

        `noted` is what `differs_in` compares later: it is kept as hashes, for it may be secret.
        """
        make_folder(self.folder)
        with self.log.open("a") as log:
            protect(self.log)
            process = subprocess.Popen(  # noqa: S603 - the command is this project's own
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=UMASK,
                **(self.account.options if self.account else {}),
            )
        identity = {"pid": process.pid, "born": _born(process.pid), "noted": _hashed(noted or {})}
        self._file.write_text(json.dumps(identity))
        protect(self._file)

    def differs_in(self, noted: Mapping[str, str]) -> tuple[str, ...]:
        """Return which of these differ from when it was started, by their names; none when it does not run."""
        if not self.pid():
            return ()
        before, now = json.loads(self._file.read_text()).get("noted", {}), _hashed(noted)
        return tuple(sorted(name for name in before.keys() | now if before.get(name) != now.get(name)))

    def pid(self) -> int | None:
        """Return its number while it runs. A file that speaks of another process, or of none, counts for nothing."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._file.read_text())
            if noted["born"] and _born(noted["pid"]) == noted["born"]:
                return int(noted["pid"])
        return None

    def is_wanted(self) -> bool:
        """Report whether it was started and not stopped, running or not."""
        return self._file.exists()

    def stop(self, patience_seconds: float) -> bool:
        """End it with its signal, then SIGKILL. Return whether it was running."""
        pid = self.pid()
        if pid:
            _send(pid, self.ending)
            if not self._ends_within(patience_seconds):
                _send(pid, signal.SIGKILL)
                self._ends_within(patience_seconds)
        self._file.unlink(missing_ok=True)
        return pid is not None

    def last_words(self) -> str:
        """Return the end of its log, on one line."""
        with suppress(OSError):
            return " ".join(self.log.read_text(errors="replace")[-_LOG_CHARACTERS:].split())
        return ""

    def _ends_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.pid():
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def _hashed(noted: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(value.encode()).hexdigest() for name, value in noted.items()}


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_running(pid: int, word: str) -> bool:
    """Report whether the process runs and its command has the word in it: its number may be another one's by now."""
    if not Path("/proc/self/stat").exists():
        return word in _query_ps("command", pid)
    with suppress(OSError):
        return word in Path(f"/proc/{pid}/cmdline").read_text()
    return False


def _born(pid: int) -> str:
    """Return when a process was started, which with its number names it; nothing when it does not run."""
    if not Path("/proc/self/stat").exists():
        return _query_ps("lstart", pid)
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        is_dead = fields[_STATE - 2] == "Z"
        return "" if is_dead else fields[_STARTED - 2]
    return ""


def _query_ps(what: str, pid: int) -> str:
    """Query `ps` where there is no /proc, as on macOS."""
    command = ["/bin/ps", "-o", f"{what}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - ps
