"""The prompt of `ballast sql`, typed at a real terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from tasks.config.settings import Settings

_PATIENCE_SECONDS = 60
_ANSWER_SECONDS, _GLANCE_SECONDS = 5, 0.7


class Terminal:
    """A person at a terminal: types, and waits until something is seen."""

    def __init__(self, home: Path, snapshot: Path) -> None:
        self._unread = ""
        self._own, theirs = pty.openpty()
        environment = os.environ | {"HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "100"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli.app", "sql", "--snapshot", str(snapshot)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    def see(self, words: str) -> str:
        """Wait for the words; give what came since the last time up to them."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while words not in self._unread and time.monotonic() < until:
            self._read(1)
        seen, found, self._unread = self._unread.partition(words)
        assert found, seen
        return seen

    def _read(self, seconds: float) -> bool:
        """Wait so long for something to come; say whether it did."""
        has_come = bool(select.select([self._own], [], [], seconds)[0])
        if has_come:
            self._unread += os.read(self._own, 65536).decode()
        return has_come

    def type(self, words: str) -> None:
        os.write(self._own, words.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C after a glance, and look again before typing on.

        Pressed in the instant between a prompt and its waiting for keys, it would be heard only with the next line.
        """
        self._wait_for_silence()
        until = time.monotonic() + _PATIENCE_SECONDS
        while "ballast> " not in self._unread and time.monotonic() < until:
            self.process.send_signal(signal.SIGINT)
            while "ballast> " not in self._unread and self._read(_ANSWER_SECONDS):
                pass  # the new line comes before the prompt: to press again then would throw the next line away
        self._wait_for_silence()
        self.see("ballast> ")

    def _wait_for_silence(self) -> None:
        while self._read(_GLANCE_SECONDS):
            pass

    def left_with(self) -> int:
        """Wait until the command has ended; give its exit code."""
        return self.process.wait(timeout=_PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind when a test fails: another test would be blamed for it."""
        self.process.kill()
        self.process.wait()
        os.close(self._own)


@pytest.mark.slow
def test_a_person_asks_over_many_lines_errs_goes_on_and_leaves(sample_week: Settings, tmp_path: Path) -> None:
    with Terminal(tmp_path, sample_week.snapshot) as terminal:
        terminal.see("ballast> ")
        terminal.type("SELECT 40 + 2\n")
        terminal.see("...> ")
        terminal.type("AS answer;\n")
        assert "42" in terminal.see("1 row")
        terminal.type("SELECT ';' AS semicolon;\n")
        terminal.see("1 row")
        terminal.type("FROM nowhere;\n")
        terminal.see("error: the query fails")
        terminal.type("DROP TABLE targets;\n")
        terminal.see("is not one query")
        terminal.type(".tables\n")
        terminal.see("decisions_today")
        terminal.see("ballast> ")
        terminal.type(".schema current_targets\n")
        terminal.see("Weight to hold")
        terminal.type(".schema current_targts\n")
        terminal.see("did you mean current_targets?")
        terminal.type(".nothing\n")
        terminal.see(".schema NAME")
        terminal.type("SELECT 'left behind'\n")
        terminal.see("...> ")
        terminal.interrupt()
        terminal.type("SELECT 1 AS one;\n")
        assert "left behind" not in terminal.see("1 row")
        terminal.see("ballast> ")
        terminal.type("\x04")
        assert terminal.left_with() == 0
        assert "AS answer;" in (tmp_path / ".ballast_history").read_text()


def test_without_a_snapshot_there_is_no_prompt(tmp_path: Path) -> None:
    with Terminal(tmp_path, tmp_path / "snapshot.duckdb") as terminal:
        terminal.see("error: no snapshot at")
        assert terminal.left_with() == 1
