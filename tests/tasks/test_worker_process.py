"""Another interpreter that computes beside this one: its results, its failures, and that it never outlives this one."""

import operator
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest

from sizing.multi_day.stacked_days import day_of
from tasks.errors import WorkerError
from tasks.worker_process import WorkerProcess

ROOT = Path(__file__).parents[2]
LOADED = "[name for name in ('prefect', 'duckdb', 'cyclopts', 'flows', 'sizing') if name in __import__('sys').modules]"


def test_functions_are_called_in_order_in_a_process_of_their_own() -> None:
    with WorkerProcess() as worker:
        results = [worker.submit(operator.mul, number, 2) for number in range(5)]
        assert [one.result() for one in results] == [0, 2, 4, 6, 8]
        assert worker.submit(os.getpid).result() == worker.pid != os.getpid()


def test_frames_and_read_only_mappings_go_over_as_they_are() -> None:
    frame = pl.DataFrame({"asset": ["KO", None], "weight": [0.1, None]}, schema_overrides={"weight": pl.Decimal(10, 8)})
    with WorkerProcess() as worker:
        assert worker.submit(operator.getitem, [frame], 0).result().equals(frame)
        assert worker.submit(operator.getitem, [MappingProxyType({"old": "new"})], 0).result() == {"old": "new"}


def test_it_imports_the_rules_and_nothing_of_the_program_that_starts_it() -> None:
    with WorkerProcess() as worker:
        worker.submit(day_of, "2025-06-02|growth").result()
        assert worker.submit(eval, LOADED).result() == ["sizing"]


def test_a_function_that_fails_is_an_error_and_the_next_one_is_called() -> None:
    with WorkerProcess() as worker:
        failed, done = worker.submit(operator.truediv, 1, 0), worker.submit(operator.add, 1, 1)
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            failed.result()
        assert done.result() == 2


def test_what_cannot_go_over_is_an_error_and_the_next_function_is_called() -> None:
    with WorkerProcess() as worker:
        there, back = worker.submit(len, [lambda: 1]), worker.submit(eval, "(number for number in range(3))")
        with pytest.raises((pickle.PicklingError, AttributeError)):
            there.result()
        with pytest.raises(WorkerError, match="generator"):
            back.result()
        assert worker.submit(operator.add, 1, 1).result() == 2


def test_what_a_function_prints_is_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    with WorkerProcess() as worker:
        assert worker.submit(print, "one line").result() is None
    assert capfd.readouterr() == ("", "one line\n")


def test_a_process_that_is_killed_is_an_error_for_all_that_wait_for_it() -> None:
    with WorkerProcess() as worker:
        waiting = [worker.submit(time.sleep, 600), worker.submit(os.getpid)]
        os.kill(worker.pid, signal.SIGKILL)
        for one in waiting:
            with pytest.raises(WorkerError, match="-9"):
                one.result()


def test_closing_ends_it_in_the_middle_of_a_function() -> None:
    worker = WorkerProcess()
    asleep = worker.submit(time.sleep, 600)
    worker.close()
    with pytest.raises(WorkerError):
        asleep.result()


SCRIPT = """
import time
from tasks.worker_process import WorkerProcess
print("started", flush=True)
worker = WorkerProcess()
worker.submit(max, 1, 2).result()
worker.submit(time.sleep, 600)
print("computing", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_the_program_is_its_end(tmp_path: Path, sent: signal.Signals) -> None:
    """Both hold the same pipe, which ends when the last of them has. The program guards no main module."""
    (tmp_path / "program.py").write_text(SCRIPT)
    program = subprocess.Popen(
        [sys.executable, tmp_path / "program.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout, program.stderr
        assert [program.stdout.readline(), program.stdout.readline()] == ["started\n", "computing\n"]
        program.send_signal(sent)
        assert program.communicate(timeout=60) == ("", "")
