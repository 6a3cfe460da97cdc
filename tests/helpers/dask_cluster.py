"""A Dask scheduler and its workers on loopback, as a user starts them, each a process without a nanny."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_HOST = "127.0.0.1"
_START_SECONDS = 60


@dataclass
class Cluster:
    """Its processes, and their logs in a folder."""

    folder: Path
    environment: Mapping[str, str]
    address: str = ""
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def scheduler(self) -> "subprocess.Popen[bytes]":
        return self.processes[0]

    @property
    def workers(self) -> "list[subprocess.Popen[bytes]]":
        """Return those that run, the oldest first."""
        return [process for process in self.processes[1:] if process.poll() is None]

    def start_scheduler(self) -> None:
        words = ("scheduler", "--host", _HOST, "--port", "0", "--no-dashboard", "--no-show")
        self.address = self._start(r"Scheduler at: +(tcp://\S+)", *words)

    def start_worker(self) -> None:
        words = (
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            "--host",
            _HOST,
        )
        self._start(r"Registered to: +(tcp://\S+)", "worker", self.address, *words)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, pattern: str, *words: str) -> str:
        """Start a process, and wait for what it says."""
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("w") as file:
            command = [sys.executable, "-m", "dask", *words]
            process = subprocess.Popen(command, cwd=self.folder, env={**self.environment}, stdout=file, stderr=file)
        self.processes.append(process)
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if found := re.search(pattern, log.read_text()):
                return found[1]
            time.sleep(0.05)
        msg = f"dask {words[0]} did not say {pattern}: {log.read_text()[-2000:]}"
        raise AssertionError(msg)


@contextmanager
def cluster(folder: Path, environment: Mapping[str, str], n_workers: int) -> Iterator[Cluster]:
    """Start a scheduler and so many workers."""
    folder.mkdir()
    started = Cluster(folder, os.environ | {**environment, "POLARS_MAX_THREADS": "1", "PYTHONUNBUFFERED": "1"})
    try:
        started.start_scheduler()
        for _ in range(n_workers):
            started.start_worker()
        yield started
    finally:
        started.end()
