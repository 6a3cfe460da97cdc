"""A flow without Prefect's engine: its own function, its tasks as plain functions, and what the UI would show kept.

For tests of what a flow does to the tables, the files and the terminal. That the engine runs it so as well is tested
where Prefect is the point, by tests with the fixture `connected`.
"""

from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from functools import cache, partial
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from prefect import Flow, Task
from prefect.artifacts import Artifact
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.context import SettingsContext, SyncClientContext, get_settings_context
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, Settings, temporary_settings
from prefect.states import exception_to_failed_state

Shown = list[ArtifactCreate]
"""What flows gave to the UI, in its order."""

_NO_SERVER = {PREFECT_API_URL: None, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}


@contextmanager
def without_engine() -> Iterator[Shown]:
    """Let flows and tasks be called as the functions that they are, and give what they show.

    Events go nowhere. What is overlooked finds no server, and starts none.
    """
    shown: Shown = []

    def keep(artifact: Artifact, **_: object) -> Mock:
        data = artifact.format(_sync=True)
        shown.append(ArtifactCreate(type=artifact.type, key=artifact.key, description=artifact.description, data=data))
        return Mock(id=UUID(int=len(shown)))

    async def keep_later(artifact: Artifact, **_: object) -> Mock:
        return keep(artifact)

    async def update(*_: object) -> None:
        """Leave the progress as it is."""

    def call(task: Task[..., Any], *args: object, **named: object) -> object:
        # In a thread without an event loop, as the engine does: an artifact would be a coroutine else.
        return pool.submit(copy_context().run, partial(task.fn, *args, **named)).result()

    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadPoolExecutor(1) as pool,
        disable_run_logger(),
        SettingsContext(profile=get_settings_context().profile, settings=_without_server()),
    ):
        patch.setattr(Task, "__call__", call)
        patch.setattr(Flow, "__call__", _start)
        patch.setattr(SyncClientContext, "get_or_create", nullcontext)
        patch.setattr(Artifact, "create", keep)
        patch.setattr(Artifact, "acreate", keep_later)
        patch.setattr("flows.progress.aupdate_progress_artifact", update)
        patch.setattr("tasks.events.emit_event", lambda *_, **__: None)
        yield shown


@cache
def _without_server() -> Settings:
    """Give the settings under which Prefect finds no server: to make them takes longer than many a test."""
    with temporary_settings(_NO_SERVER) as settings:
        return settings


async def _start(flow: Flow[..., Any], config: object, *, return_state: bool = False) -> object:
    """Run the function of the flow; give its state as the engine does, also when it failed."""
    run: Coroutine[Any, Any, State[Any]] = flow.fn(config)
    try:
        return await run
    except Exception as error:
        if not return_state:
            raise
        return await exception_to_failed_state(error)
