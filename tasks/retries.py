"""Retry only where it helps: a source that cannot be read for a moment, a locked database. Never a broken rule."""

from typing import NamedTuple

from sql.errors import DatabaseUnreachableError, WarehouseLockedError
from tasks.errors import SourceUnavailableError

TRANSIENT = (WarehouseLockedError, DatabaseUnreachableError, SourceUnavailableError, OSError)
"""Errors that may pass by themselves: of a source, a server or a lock."""


class Retries(NamedTuple):
    """How often a stage is tried again after a transient error, and how many seconds it waits before."""

    times: int
    delay_seconds: float = 2


RETRIES, NO_RETRIES = Retries(3), Retries(0)


def is_transient(error: object) -> bool:
    """Return whether the error may pass by itself. A missing file will not appear."""
    return isinstance(error, TRANSIENT) and not isinstance(error, FileNotFoundError)
