"""A flow without Prefect's engine, as a command without a server runs it, and what the UI would show kept.

For tests of what a flow does to the tables, the files and the terminal. That the engine runs it so as well is tested
where Prefect is the point, by tests with the fixture `connected`.
"""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from prefect import Flow
from prefect.artifacts import Artifact, MarkdownArtifact, TableArtifact
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, Settings, temporary_settings
from prefect.states import exception_to_failed_state

Shown = list[ArtifactCreate]
"""What flows gave to the UI, in its order."""

_NO_SERVER = {PREFECT_API_URL: None, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}


@contextmanager
def without_engine() -> Iterator[Shown]:
    """Let flows be called as the functions that they are, and give what they would show in a flow run."""
    shown: Shown = []

    def keep(artifact: Artifact) -> Mock:
        data = artifact.format(_sync=True)
        shown.append(ArtifactCreate(type=artifact.type, key=artifact.key, description=artifact.description, data=data))
        return Mock(id=UUID(int=len(shown)))

    def keep_markdown(markdown: str, key: str, description: str | None) -> None:
        keep(MarkdownArtifact(markdown=markdown, key=key, description=description))

    def keep_table(table: list[dict[str, object]], key: str, description: str | None) -> None:
        keep(TableArtifact(table=table, key=key, description=description))

    async def keep_later(artifact: Artifact, **_: object) -> Mock:
        return keep(artifact)

    async def update(*_: object) -> None:
        """Leave the progress as it is."""

    with (
        pytest.MonkeyPatch.context() as patch,
        SettingsContext(profile=get_settings_context().profile, settings=_without_server()),
    ):
        patch.setattr(Flow, "__call__", _start)
        patch.setattr("tasks.artifacts.are_shown", lambda: True)
        patch.setattr("prefect.artifacts.create_markdown_artifact", keep_markdown)
        patch.setattr("prefect.artifacts.create_table_artifact", keep_table)
        patch.setattr(Artifact, "acreate", keep_later)
        patch.setattr("flows.progress.aupdate_progress_artifact", update)
        yield shown


@cache
def _without_server() -> Settings:
    """Return the settings under which Prefect finds no server: to make them takes longer than many a test."""
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
