"""Where a process can be killed: each statement, commit, copy, sync, rename and export of its work, in order.

Nothing in the product knows of it. The steps of a work are found by doing it once; a new step is covered by itself.
"""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal, Self, get_args

import duckdb
import polars as pl

from sql.engine.scripts import Folder, read_scripts

When = Literal["before", "during", "after"]
STATEMENTS = ("execute", "sql", "begin", "commit", "rollback", "close")
FILE_CALLS = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "truncate")

_WORDS = 3


@dataclass(frozen=True)
class Step:
    """One call: what the warehouse was doing, what it called, how long that took."""

    stage: str
    call: str
    seconds: float


@dataclass(frozen=True)
class Kill:
    """The end of a process: at which step, the first time or a later one, and how long after the step's start."""

    stage: str
    call: str
    when: When
    repetition: int = 0
    delay_seconds: float = 0.0


class Faults:
    """Counts the steps of this process that touch its folder, and kills it at the one that is planned."""

    def __init__(self, folder: Path, kill: Kill | None) -> None:
        self.steps: list[Step] = []
        self.stage = "between"
        self._folder = folder
        self._kill = kill
        self._done: Counter[tuple[str, str]] = Counter()

    def install(self) -> None:
        """Put the counting in front of everything that writes, for the rest of this process."""
        connect = duckdb.connect
        duckdb.connect = lambda path=":memory:", **options: _Counted(  # type: ignore[assignment]
            self.pass_through(f"connect {Path(path).name}", lambda: connect(path, **options)), self
        )
        for name in FILE_CALLS:
            setattr(os, name, self._on_files(getattr(os, name), name))
        subprocess.run = self._on_commands(subprocess.run)  # type: ignore[assignment]
        pl.DataFrame.write_parquet = self._on_frames(pl.DataFrame.write_parquet)  # type: ignore[method-assign]

    def pass_through(self, call: str, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call returns
        """Do one step, or die before, during or after it."""
        done = (self.stage, call, self._done[self.stage, call])
        self._done[self.stage, call] += 1
        here = self._kill if self._kill and (self._kill.stage, self._kill.call, self._kill.repetition) == done else None
        if here and here.when == "before":
            _die()
        dying = threading.Timer(here.delay_seconds, _die) if here and here.when == "during" else None
        started = time.perf_counter()
        if dying:
            dying.start()
        try:
            return do()
        finally:
            self.steps.append(Step(self.stage, call, time.perf_counter() - started))
            if dying:
                dying.join()
            if here:
                _die()

    def _on_files(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(call)
        def counted(file: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as os has it
            path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else Path(os.fsdecode(file))
            if not path.is_relative_to(self._folder):
                return call(file, *args, **kwargs)
            return self.pass_through(f"{name} {path.name}", lambda: call(file, *args, **kwargs))

        return counted

    def _on_commands(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def counted(command: Sequence[str], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as subprocess has it
            return self.pass_through(_program(command), lambda: run(command, *args, **kwargs))

        return counted

    def _on_frames(self, write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def counted(frame: pl.DataFrame, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Polars has it
            return self.pass_through("write_parquet", lambda: write(frame, *args, **kwargs))

        return counted


class _Counted:
    """A connection whose calls are counted."""

    def __init__(self, con: duckdb.DuckDBPyConnection, faults: Faults) -> None:
        self._con = con
        self._faults = faults

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as DuckDB has it
        attribute = getattr(self._con, name)
        if name == "cursor":
            return lambda: _Counted(attribute(), self._faults)
        if name not in STATEMENTS:
            return attribute

        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as DuckDB has it
            call = _describe(args[0]) if args and isinstance(args[0], str) else name
            return self._faults.pass_through(call, lambda: attribute(*args, **kwargs))

        return counted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()


def _program(command: Sequence[str]) -> str:
    """Name what a command runs: a program of Python by its file."""
    return next((Path(word).stem for word in command if word.endswith(".py")), Path(command[0]).name)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _describe(sql: str) -> str:
    for folder in get_args(Folder):
        for script in read_scripts(folder):
            if script.sql == sql:
                return f"{folder}/{script.name}"
    code = " ".join(line for line in sql.splitlines() if not line.startswith("--"))
    return " ".join(code.split("'", maxsplit=1)[0].split('"', maxsplit=1)[0].split()[:_WORDS])
