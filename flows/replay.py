"""Replay: compute published runs again from stored inputs and config, and report each value that differs."""

from datetime import date
from typing import Any, Self

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field, model_validator

from flows.progress import ProgressOf
from tasks.config.settings import FlowParameters
from tasks.runs.replay import Replayed, find_published, replay_runs, report_replay

IDENTICAL, DIFFERENT = "Identical", "Different"
"""The names of the states in which a replay can complete."""


class ReplayConfig(FlowParameters):
    """Which published runs are computed again: one by its name, or all of a range of days, superseded ones too."""

    run_id: str | None = Field(default=None, description="Run to compute again; empty: those of a range of days.")
    first: date | None = Field(default=None, description="First day of the range.")
    last: date | None = Field(default=None, description="Last day of the range, not before the first.")

    @model_validator(mode="after")
    def _one_or_range(self) -> Self:
        if self.run_id and not self.first and not self.last:
            return self
        if self.run_id or not self.first or not self.last or self.last < self.first:
            msg = "give run_id, or first and last in order"
            raise ValueError(msg)
        return self


def run_name() -> str:
    """Name a flow run by what it replays."""
    config = ReplayConfig.model_validate(flow_run.get_parameters()["config"])
    return f"replay {config.run_id or f'{config.first} to {config.last}'}"


@flow(name="replay", flow_run_name=run_name, persist_result=False)
async def replay(config: ReplayConfig) -> State[Any]:
    """Compute published runs again, from the inputs and limits that were stored with them, and compare every value.

    Nothing is written but the record of the replay: `replays`, `replay_differences`. One task a month of runs.

    Args:
        config: Which runs, and where this installation keeps its things.

    """
    months = find_published(config.settings, config.run_id, config.first, config.last)
    progress = ProgressOf(sum(map(len, months.values())))
    replayed: list[Replayed] = []
    for month, run_ids in months.items():
        replayed += replay_runs(config.settings, run_ids)
        await progress.advance(len(replayed), f"after {month}")
    message = report_replay(tuple(replayed))
    name = DIFFERENT if any(one.n_differences for one in replayed) else IDENTICAL
    return Completed(name=name, message=message)
