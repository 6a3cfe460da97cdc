"""Stages of a flow: within a Prefect flow run each is a task of it, elsewhere the plain function with the same retries.

Everything that stages use of Prefect is here and in artifacts.py and events.py, and none of these imports it outside a
flow run: a command without a server neither starts one nor waits a second for the import.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cached_property, update_wrapper
from types import ModuleType
from typing import Any, Generic, ParamSpec, TypeVar

from sql.shared_opening import closed_meanwhile
from tasks.retries import NO_RETRIES, TRANSIENT, Retries, is_transient

P = ParamSpec("P")
R = TypeVar("R")

LOGGER = logging.getLogger("ballast")
"""The log of a run without Prefect."""

_JITTER = 0.5


class Stage(Generic[P, R]):
    """A step of a flow. `fn` is its plain function, without retries.

    `is_quick`: it uses the warehouse, and takes so little time that the flow may leave it open (`shared_opening`) from
    the step before to the step after. Any other step closes it first.
    """

    def __init__(self, fn: Callable[P, R], name: str, retries: Retries, *, is_quick: bool) -> None:
        update_wrapper(self, fn)
        self.fn, self.name, self.retries, self.is_quick = fn, name, retries, is_quick

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the stage: as a task of the flow run, or here."""
        with nullcontext() if self.is_quick else closed_meanwhile():
            return self._run(*args, **kwargs)

    def _run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if not in_flow_run():
            return self._run_with_retries(*args, **kwargs)
        from prefect.utilities.annotations import opaque  # noqa: PLC0415 - only a flow run needs Prefect

        # Prefect would look at every limit of every portfolio twice: whether it is the result of another task.
        result: R = self._task(*map(opaque, args), **{name: opaque(value) for name, value in kwargs.items()})
        return result

    @cached_property
    def _task(self) -> Any:  # noqa: ANN401 - a prefect.Task, which is not imported here
        return as_task(
            self.fn,
            self.name,
            retries=self.retries.times,
            retry_delay_seconds=self.retries.delay_seconds,
            retry_jitter_factor=_JITTER,
            retry_condition_fn=lambda _task, _run, state: is_transient(state.data),
        )

    def _run_with_retries(self, *args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(self.retries.times):
            try:
                return self.fn(*args, **kwargs)
            except TRANSIENT as error:
                if not is_transient(error):
                    raise
                LOGGER.warning("%s: %s; next try in %g s", self.name, error, self.retries.delay_seconds)
            time.sleep(self.retries.delay_seconds)
        return self.fn(*args, **kwargs)


def stage(
    name: str, retries: Retries = NO_RETRIES, *, is_quick: bool = False
) -> Callable[[Callable[P, R]], Stage[P, R]]:
    """Make a stage of a function, under the name that the graph of a flow run shows; `is_quick` as in `Stage`."""

    def decorate(fn: Callable[P, R]) -> Stage[P, R]:
        return Stage(fn, name, retries, is_quick=is_quick)

    return decorate


def as_task(fn: Callable[..., Any], name: str, **options: Any) -> Any:  # noqa: ANN401 - a prefect.Task and its options
    """Return a function as a task of Prefect, whose arguments and result are not kept."""
    from prefect import task  # noqa: PLC0415 - only a flow run needs Prefect
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415 - only a flow run needs Prefect

    return task(name=name, cache_policy=NO_CACHE, persist_result=False, **options)(fn)


def in_flow_run() -> bool:
    """Whether this is called within a Prefect flow run."""
    context = sys.modules.get("prefect.context")
    return context is not None and bool(context.FlowRunContext.get() or context.TaskRunContext.get())


def has_server() -> bool:
    """Whether this is called within a flow run of a server that is configured: other machines can reach it too."""
    if not in_flow_run():
        return False
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - only a flow run needs Prefect

    return bool(PREFECT_API_URL.value())


@contextmanager
def one_client() -> Iterator[None]:
    """Share one client of the server in the block: else each task and artifact makes one, which reads certificates."""
    if not in_flow_run():
        yield
        return
    from prefect.context import SyncClientContext  # noqa: PLC0415 - only a flow run needs Prefect

    with SyncClientContext.get_or_create():
        yield


def run_logger() -> "logging.Logger | logging.LoggerAdapter[Any]":
    """Return the log of the flow run, or `LOGGER` where there is none."""
    if not in_flow_run():
        return LOGGER
    from prefect.logging import get_run_logger  # noqa: PLC0415 - only a flow run needs Prefect

    return get_run_logger()


def flow_run_id() -> str | None:
    """Return the id of the flow run; None where there is none."""
    runtime = _runtime()
    return runtime.get_id() if runtime else None


def flow_run_name() -> str | None:
    """Return the name of the flow run; None where there is none."""
    runtime = _runtime()
    return runtime.get_name() if runtime else None


def scheduled_start_time() -> datetime | None:
    """Return when the flow run was to start; None where there is none."""
    runtime = _runtime()
    return runtime.get_scheduled_start_time() if runtime else None


def _runtime() -> ModuleType | None:
    if not in_flow_run():
        return None
    from prefect.runtime import flow_run  # noqa: PLC0415 - only a flow run needs Prefect

    return flow_run
