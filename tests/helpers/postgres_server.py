"""A PostgreSQL of the distribution's package on loopback, in a temporary folder, ended with the tests."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as driver

from flows.server.scale.local_postgres import account, server_command

USER, PASSWORD = "ballast", "correct-horse"
_START_SECONDS = 60
_UNDURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""As a test wants it that does not kill the server."""


@dataclass
class PostgresServer:
    binaries: Path
    folder: Path
    port: int
    is_durable: bool = False
    process: subprocess.Popen[bytes] | None = None
    asking: driver.Connection | None = None

    def url(self, password: str = PASSWORD, port: int | None = None) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{port or self.port}/postgres"

    def create(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        options = ["--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={USER}", "--no-locale"]
        command = [str(self.binaries / "initdb"), *options, "--encoding=UTF8", "--no-sync", str(self.folder / "data")]
        _give_away(self.folder)
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **_as_account())

    def start(self) -> None:
        settings = () if self.is_durable else _UNDURABLE
        command = server_command(self.binaries, self.folder / "data", self.port, *settings)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_as_account())
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends the connections first, SIGQUIT ends all processes at once."""
        assert self.process
        if self.asking:
            self.asking.close()
            self.asking = None
        self.process.send_signal(number)
        self.process.wait(timeout=30)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement as a person would, in a connection that stays open, and keep what it does."""
        self.asking = self.asking or driver.connect(self.url(), autocommit=True)
        with self.asking.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        try:
            return self.ask("SELECT 1") == [(1,)]
        except driver.Error:
            return False


@contextmanager
def running_postgres(binaries: Path, *, is_durable: bool = False) -> Iterator[PostgresServer]:
    # Not below pytest's own folder, which nobody else may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="ballast-postgres-"))
    server = PostgresServer(binaries, folder, _free_port(), is_durable)
    try:
        server.create()
        server.start()
        yield server
    finally:
        if server.process:
            server.stop()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_account() -> dict[str, Any]:
    return owner.options if (owner := account()) else {}


def _give_away(folder: Path) -> None:
    if owner := account():
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.user, owner.group)
