"""The kill switch as a flow: halt the publication of portfolios, or lift a halt."""

from typing import Any, Self

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field, model_validator

from sizing.names import TypedName
from tasks.config.settings import FlowParameters, Words
from tasks.inputs.portfolio_groups import shown
from tasks.runs.halts import Action, switch

HALTED, RESUMED = "Halted", "Resumed"
"""The names of the states in which the flow can complete."""


class HaltConfig(FlowParameters):
    """Of which portfolios publication is halted or resumed, by whom and why."""

    action: Action = Field(
        default="halt", description="halt: nothing of them is published from now on, until somebody resumes them."
    )
    portfolio_ids: tuple[TypedName, ...] = Field(
        default=(), description="The portfolios, by their names in the config file."
    )
    all_portfolios: bool = Field(
        default=False, description="All portfolios, instead of some. A halt of all and one of a portfolio are two."
    )
    by: Words = Field(description="Who orders it.")
    reason: Words = Field(description="The reason: it is stored, and held runs report it.")

    @model_validator(mode="after")
    def _some_or_all(self) -> Self:
        if self.all_portfolios == bool(self.portfolio_ids):
            got = f"portfolio_ids {list(self.portfolio_ids)} and all_portfolios {self.all_portfolios}"
            msg = f"expected names of portfolios, or all of them, got {got}"
            raise ValueError(msg)
        return self

    @property
    def names(self) -> str:
        """Name the portfolios in a sentence."""
        return "all portfolios" if self.all_portfolios else shown(self.portfolio_ids)


def run_name() -> str:
    """Name a flow run by what it does, to which portfolios, for whom."""
    config = HaltConfig.model_validate(flow_run.get_parameters()["config"])
    return f"{config.action} {config.names} by {config.by}"


@flow(name="halt", flow_run_name=run_name, persist_result=False)
async def halt(config: HaltConfig) -> State[Any]:
    """Halt the publication of portfolios, or lift a halt. The visible targets stay in either case.

    A halt is a row in the warehouse and is looked up in the transaction that publishes: it holds for every flow and
    command, and survives restarts. Runs of halted portfolios are recorded as held.

    Args:
        config: What is halted or resumed, by whom and why, and where this installation keeps its things.

    """
    portfolio_ids = None if config.all_portfolios else config.portfolio_ids
    sentence = switch(config.settings, config.action, portfolio_ids, config.by, config.reason)
    return Completed(name=HALTED if config.action == "halt" else RESUMED, message=sentence)
