"""A custom run: one portfolio, one day, with the limits of the form of the UI."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.daily_rebalance import rebalance_day
from sizing.names import TypedName
from tasks.config.limit_overrides import describe_differences
from tasks.config.settings import FlowParameters, RebalanceConfig, Words
from tasks.config.ui_form import ChangedLimits, given_limits
from tasks.inputs.run_context import RunContext, read_custom
from tasks.stages import one_client, run_logger
from tasks.text import with_warnings


class CustomRunConfig(FlowParameters):
    """One portfolio with other limits for one run. What the form leaves empty is as in the config file.

    **What is published replaces the portfolio's targets of the day.**
    """

    portfolio_id: TypedName = Field(
        description="Portfolio that is rebalanced. What is published replaces its targets of the day."
    )
    as_of_date: date | None = Field(
        default=None, description="Trading day whose scores are used; None: the day on which the run is to start."
    )
    requested_by: Words = Field(description="Who requests the run. With four_eyes, another person approves it.")
    limits: ChangedLimits = Field(
        default={},
        description="Limits that are other in this run; what is empty is the portfolio's own. Weights are fractions: "
        "0.15 is 15 %.",
    )


def run_name() -> str:
    """Name a flow run by its day and portfolio."""
    config = CustomRunConfig.model_validate(flow_run.get_parameters()["config"])
    return f"{config.as_of_date or 'scheduled day'} {config.portfolio_id}, custom limits"


@flow(name="custom-run", flow_run_name=run_name, persist_result=False)
async def custom_run(config: CustomRunConfig) -> State[Any]:
    """Rebalance one portfolio for one day with some limits typed into the form, the others as configured.

    **What is published replaces the portfolio's targets of the day.** It goes the way of the daily rebalance, within
    this flow run: its stages, checks, approval and artifacts are here, and no second run is to be looked for.

    Args:
        config: The portfolio, the day, who requests it, and the limits that are other than in portfolios.yaml for this
            run. What is published replaces the portfolio's targets of the day.

    """
    context = read_custom(config.settings, config.portfolio_id, given_limits(config.limits))
    differing = _differing_limits(config, context)
    for sentence in differing:
        run_logger().warning(sentence)
    request = RebalanceConfig(as_of_date=config.as_of_date, requested_by=config.requested_by, settings=config.settings)
    with one_client():
        state = await rebalance_day(request, context)
    return state.model_copy(update={"message": with_warnings(str(state.message), *differing)})


def _differing_limits(config: CustomRunConfig, context: RunContext) -> tuple[str, ...]:
    """Return which limits differ from the config file; nothing where it does not know the portfolio."""
    own = context.configured.get(config.portfolio_id)
    if own is None:
        return ()
    differing = describe_differences(context.limits[config.portfolio_id], own)
    return (f"limits other than in {config.settings.config} (its own in brackets): {differing}",) if differing else ()
