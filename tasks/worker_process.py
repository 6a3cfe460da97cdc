"""Another interpreter that calls functions of this code beside this one, each with what is pickled for it.

It is started anew and not forked, since Polars and DuckDB have threads. It imports what the functions need, and nothing
of the program that starts it. It ends when its input closes, so it never outlives this process, however that ends.
"""

import copyreg
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from queue import SimpleQueue
from types import MappingProxyType, TracebackType
from typing import IO, Any, ParamSpec, Self, TypeVar, cast

from tasks.errors import WorkerError

P = ParamSpec("P")
R = TypeVar("R")

_PROGRAM = "import sys; sys.path[:] = {path!r}; from tasks.worker_process import serve; serve()"


class _Pickler(pickle.Pickler):
    """Pickles read-only mappings too, which frames of a day have."""

    dispatch_table = copyreg.dispatch_table | {MappingProxyType: lambda one: (_read_only, (dict(one),))}


def _read_only(mapping: Mapping[object, object]) -> Mapping[object, object]:
    return MappingProxyType(mapping)


def _pickled(content: object) -> memoryview:
    """Return the content as a whole, so that nothing is written of what cannot be pickled."""
    buffer = BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(content)
    return buffer.getbuffer()


def count_cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerProcess:
    """Calls functions one after the other, in the order in which they were submitted."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this project's own code
            [sys.executable, "-P", "-c", _PROGRAM.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"POLARS_MAX_THREADS": "1"},
            start_new_session=True,  # Ctrl-C interrupts who waits for the result, and that ends the process
        )
        self._calls, self._answers = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._thread = ThreadPoolExecutor(1)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def submit(self, function: Callable[P, R], *args: P.args, **named: P.kwargs) -> Future[R]:
        """Return the future result of a function at the top level of a module.

        That *raises* `WorkerError` when the function fails, or the process ends.
        """
        return self._thread.submit(lambda: self._call(function, *args, **named))

    def close(self) -> None:
        """End the process, with what it has not done yet."""
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        with suppress(BrokenPipeError):
            self._calls.close()
        self._answers.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _call(self, function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        call = _pickled((function, args, named))
        try:
            self._calls.write(call)
            self._calls.flush()
            is_done, answer = pickle.load(self._answers)  # noqa: S301 - written by `serve`
        except (EOFError, OSError, pickle.UnpicklingError):
            msg = f"a worker process ended with exit code {self._process.wait()}"
            raise WorkerError(msg) from None
        if not is_done:
            raise WorkerError(answer)
        result: R = answer
        return result


def serve() -> None:
    """Answer the calls that come through the input, until it closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function prints is no answer
    sys.stdout = sys.stderr  # and is not lost when the process is ended
    calls: SimpleQueue[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = SimpleQueue()
    threading.Thread(target=_read, args=[calls], daemon=True).start()
    while True:
        function, args, named = calls.get()
        try:
            answer = _pickled((True, function(*args, **named)))
        except Exception as error:  # noqa: BLE001 - whoever waits for the result raises it
            answer = _pickled((False, f"a worker process failed: {type(error).__name__}: {error}"))
        answers.write(answer)
        answers.flush()


def _read(calls: SimpleQueue[Any]) -> None:
    """Read calls, also while one is answered, so that the process ends in the middle of it when its input closes."""
    try:
        while True:
            calls.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - written by `WorkerProcess`
    except EOFError:
        os._exit(0)
    except Exception:  # noqa: BLE001 - nobody else would report it
        traceback.print_exc()
        os._exit(1)
