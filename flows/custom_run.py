"""A custom run: one portfolio, one day, with the limits that a person types into the form of the UI."""

from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import BaseModel, ConfigDict, Field

from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from sizing.names import TypedName
from tasks.forms import InWords
from tasks.limit_changes import tell_differences
from tasks.portfolios import load_portfolios
from tasks.report import with_warnings
from tasks.settings import InstallationSettings, RebalanceConfig, Settings, Words
from tasks.stages import run_logger


class CustomRunConfig(BaseModel):
    """One portfolio with limits of its own. What the form leaves as it is has the default of the limit, as it shows.

    The portfolio's section of the config file does not count, except for what asks for approval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    portfolio_id: TypedName = Field(
        description="Portfolio that is rebalanced. What is published replaces its targets of the day."
    )
    as_of_date: date | None = Field(
        default=None, description="Trading day whose scores are used; None: the day on which the run is to start."
    )
    requested_by: Words = Field(description="Who asks for it. Where four eyes are asked for, somebody else approves.")
    limits: Annotated[RebalancingLimits, InWords()] = Field(
        default_factory=RebalancingLimits, description="Every limit of the run. Weights are fractions: 0.15 is 15 %."
    )
    settings: InstallationSettings = Field(
        default_factory=Settings, description="Where this installation keeps its things; empty: from BALLAST_*."
    )


def run_name() -> str:
    """Name a flow run by its day and portfolio."""
    config = CustomRunConfig.model_validate(flow_run.get_parameters()["config"])
    return f"{config.as_of_date or 'scheduled day'} {config.portfolio_id}, custom limits"


@flow(name="custom-run", flow_run_name=run_name, persist_result=False)
async def custom_run(config: CustomRunConfig) -> State[Any]:
    """Rebalance one portfolio for one day with limits that are typed into the form.

    It goes the way of the daily rebalance, within this flow run: its stages, checks, approval and artifacts are here,
    and no second run is to be looked for.

    Args:
        config: The portfolio, the day, who asks for it, and every limit. The limits of portfolios.yaml do not count
            here, those of the form do, its defaults too.

    """
    differing = _differing_limits(config)
    for sentence in differing:
        run_logger().warning(sentence)
    state = await daily_rebalance.fn(
        RebalanceConfig(
            as_of_date=config.as_of_date,
            portfolios={config.portfolio_id: config.limits},
            requested_by=config.requested_by,
            settings=config.settings,
        )
    )
    return state.model_copy(update={"message": with_warnings(str(state.message), *differing)})


def _differing_limits(config: CustomRunConfig) -> tuple[str, ...]:
    """Say which limits are other than in the config file; nothing where it does not know the portfolio."""
    file = config.settings.config
    own = load_portfolios(file).get(config.portfolio_id) if file.exists() else None
    if own is None:
        return ()
    differing = tell_differences(config.limits, own)
    return (f"limits other than in {file} (its own in brackets): {differing}",) if differing else ()
