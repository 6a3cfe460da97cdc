"""Retry only where it helps: a source that cannot be read for a moment, a locked database. Never a broken rule."""

from typing import Any, TypedDict

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from sql.errors import DatabaseUnreachableError, WarehouseLockedError
from tasks.errors import SourceUnavailableError


class Retries(TypedDict):
    """The retry options of a task."""

    retries: int
    retry_delay_seconds: float
    retry_jitter_factor: float
    retry_condition_fn: Any


def may_pass(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Say whether what failed may pass by itself: a source, a server or a lock. A missing file will not appear."""
    may = isinstance(state.data, WarehouseLockedError | DatabaseUnreachableError | SourceUnavailableError | OSError)
    return may and not isinstance(state.data, FileNotFoundError)


RETRIES = Retries(retries=3, retry_delay_seconds=2, retry_jitter_factor=0.5, retry_condition_fn=may_pass)
