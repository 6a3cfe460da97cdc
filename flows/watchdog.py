"""The watchdog: raises an alarm when a portfolio has no targets by the deadline of its trading day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from sizing.text import MOST_NAMED
from sql.errors import WarehouseError
from tasks.config.portfolios import read_config
from tasks.config.settings import FlowParameters, Settings
from tasks.errors import MissedDeadlineError
from tasks.events import WATCHDOG_MISSED, emit
from tasks.operations.watchdog import (
    Due,
    Missing,
    NotDue,
    all_missing,
    describe_missing,
    find_due,
    find_missing,
    show_watch,
)
from tasks.run_state import RunState
from tasks.stages import scheduled_start_time

EARLY = "Early"
"""The state in which a watchdog completes before every deadline."""


class WatchdogConfig(FlowParameters):
    """Which day is looked at. It is the flow's only parameter, and the form in the Prefect UI."""

    as_of_date: date | None = Field(
        default=None,
        description="Trading day to look at; empty: the newest one whose deadline passed in the 24 hours before the "
        "run was scheduled.",
    )


def run_name() -> str:
    """Name a flow run by its day."""
    config = WatchdogConfig.model_validate(flow_run.get_parameters()["config"])
    return f"watchdog {config.as_of_date or 'scheduled day'}"


@flow(name="watchdog", flow_run_name=run_name, persist_result=False)
async def watchdog(config: WatchdogConfig = WatchdogConfig()) -> State[Any]:  # noqa: B008 - a schedule gives nothing
    """Look whether each portfolio of the config file has targets when it should, and fail when one has none.

    It reads the calendar and the tables, not the pipeline, so it raises its alarm also when that never ran. A halted
    portfolio is reported without an alarm.

    Args:
        config: The day, and where this installation keeps its things.

    """
    settings = config.settings
    terms = read_config(settings.config).terms
    exchanges = {name: one.calendar(settings.exchange) for name, one in terms.items()}
    moment = datetime.now(UTC) if config.as_of_date else _scheduled()
    due, not_due = find_due(exchanges, moment, config.as_of_date, timedelta(hours=settings.deadline_hours))
    missing = [one for day in due for one in _look(settings, day)]
    if missing:
        show_watch(due, missing)
    sentence = "; ".join([*([describe_missing(due, missing)] if due else []), *(one.words for one in not_due)])
    alarming = [one for one in missing if not one.is_halted]
    if alarming or any(one.is_unknown for one in not_due):
        _raise_alarm(alarming, sentence)
    return _completed(due, not_due, sentence)


def _look(settings: Settings, due: Due) -> tuple[Missing, ...]:
    try:
        return find_missing(settings, due)
    except WarehouseError as error:
        return all_missing(due, str(error))


def _raise_alarm(alarming: list[Missing], sentence: str) -> None:
    for day in sorted({one.day for one in alarming}):
        portfolios = [one.portfolio_id for one in alarming if one.day == day]
        payload = {
            "as_of_date": str(day),
            "n_portfolios": len(portfolios),
            "portfolios": portfolios[:MOST_NAMED],
            "reason": sentence,
        }
        emit(WATCHDOG_MISSED, f"ballast.day.{day}", payload)
    raise MissedDeadlineError(sentence)


def _completed(due: list[Due], not_due: list[NotDue], sentence: str) -> State[Any]:
    if due:
        return Completed(message=sentence)
    return Completed(
        name=RunState.CLOSED.flow_state if all(one.is_closed for one in not_due) else EARLY, message=sentence
    )


def _scheduled() -> datetime:
    return scheduled_start_time() or datetime.now(UTC)
