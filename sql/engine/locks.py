"""One writer at a time, threads of one process included, which DuckDB's own lock lets through."""

import fcntl
import logging
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sql.errors import WarehouseError, WarehouseLockedError
from sql.files.atomic_files import FILE_MODE, protect

OTHER_PROCESS = "another process"

_LOCK = re.compile(r"Could not set lock on file(?:.*held in (?P<holder>.+? \(PID \d+\)))?", re.DOTALL)
_LOG = logging.getLogger(__name__)
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.5
_TOLD_AT_ATTEMPT = 6


def attempts(timeout_seconds: float) -> Iterator[int]:
    """Count attempts, the first at once, the others after a wait that grows and varies, until the time is over."""
    deadline = time.monotonic() + timeout_seconds
    attempt, wait = 1, _FIRST_WAIT_SECONDS
    yield attempt
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, wait * random.uniform(0.5, 1.5)))  # noqa: S311 - spreads waiters, guards nothing
        attempt, wait = attempt + 1, min(2 * wait, _LONGEST_WAIT_SECONDS)
        yield attempt


@contextmanager
def exclusive(path: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file while the block runs. The system frees it when the process ends, however it ends.

    *Raises* `WarehouseLockedError` naming the process that holds it.
    """
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, timeout_seconds)
        # On a full disk the lock holds as well, only without a name.
        with suppress(OSError):
            protect(path)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    except OSError as error:
        msg = (
            f"warehouse {path.with_suffix('')} cannot be written: {error.strerror} ({path}). Nothing was changed: give "
            "this user the right to write the folder and the files in it, or point to another warehouse"
        )
        raise WarehouseError(msg) from error


def _acquire(descriptor: int, path: Path, timeout_seconds: float) -> None:
    for attempt in attempts(timeout_seconds):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log_waiting(attempt, path.with_suffix(""), _holder(descriptor), timeout_seconds)
            continue
        return
    raise WarehouseLockedError(describe_lock(path.with_suffix(""), _holder(descriptor), timeout_seconds))


def _holder(descriptor: int) -> str:
    return f"process {os.pread(descriptor, 32, 0).decode() or 'unknown'}"


def find_holder(message: str) -> str | None:
    """Name who holds the file from the message of DuckDB when it cannot open it, None when that is not the reason."""
    lock = _LOCK.search(message)
    return (lock["holder"] or OTHER_PROCESS) if lock else None


def log_waiting(attempt: int, path: Path | str, holder: str, timeout_seconds: float) -> None:
    """Log once, after half a second or so, that somebody waits and for whom."""
    if attempt == _TOLD_AT_ATTEMPT:
        _LOG.warning("warehouse %s is held by %s: waiting for up to %g s", path, holder, round(timeout_seconds, 1))


def describe_lock(path: Path, holder: str, timeout_seconds: float) -> str:
    """Return who holds the warehouse and what to do."""
    return (
        f"warehouse {path} is held by {holder}, waited {timeout_seconds:g} s. Nothing was changed: run again when it "
        "has ended; readers open the snapshot, never this file"
    )
