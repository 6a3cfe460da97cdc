"""The daily rebalance: from the day's score file to published targets, with a snapshot for readers."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from tasks.construct import break_circuit, check, diversify, select, size
from tasks.copy import copy_or_warn
from tasks.errors import ConfigError
from tasks.ingest import ingest_day
from tasks.ledger import OpenRun, open_run
from tasks.portfolios import load_portfolios
from tasks.publish import FailureRecord, hold, publish, snapshot
from tasks.report import report, warn_of_later_days, with_warnings
from tasks.settings import RebalanceConfig, Settings
from tasks.trading_days import exchange_time_zone, require_trading_day

HELD, PUBLISHED, UNCHANGED = "Held", "Published", "Unchanged"
"""The names of the states in which a run can complete."""

_MEND = "deliver the missing scores and run the day again"


def run_name() -> str:
    """Name a flow run by its day and portfolios."""
    config = RebalanceConfig.model_validate(flow_run.get_parameters()["config"])
    portfolios = ", ".join(sorted(config.portfolios)) or "all portfolios"
    return f"{config.as_of_date or 'scheduled day'} {portfolios}"


@flow(name="daily-rebalance", flow_run_name=run_name, persist_result=False)
async def daily_rebalance(config: RebalanceConfig) -> State[Any]:
    """Rebalance every portfolio for one trading day.

    Asynchronous, because a synchronous flow waits almost a second for its heartbeat thread to end. One task a stage:
    the graph shows where the day stands. A run of the same day, inputs, limits and code is a recorded no-op.

    Args:
        config: The day, the portfolios' limits, and where this installation keeps its things.

    """
    settings = config.settings
    day = config.as_of_date or _scheduled_day(settings.exchange)
    require_trading_day(settings.exchange, day)
    limits = config.portfolios or load_portfolios(settings.config)

    ingested = ingest_day(settings, day)
    run = open_run(settings, day, limits)
    if run.is_published:
        return _unchanged(run, _show_readers(settings, day))
    with FailureRecord(settings, day, run.run_id):
        missing = break_circuit(run.inputs)
        if missing:
            reason = "; ".join(missing)
            hold(settings, run.run_id, reason)
            not_copied = _show_readers(settings, day)
            sentence = f"{run.run_id} is held, the published targets stay: {reason}; {_MEND}"
            return Completed(name=HELD, message=with_warnings(sentence, *not_copied))
        qualified = select(run.inputs)
        decisions = diversify(qualified, run.inputs)
        sized = size(decisions, run.inputs)
        result = check(decisions, sized, run.inputs)
        publication = publish(settings, run, result)
    not_copied = _show_readers(settings, day)
    if not publication.is_new:
        return _unchanged(run, not_copied)
    sentence = report(settings, day, run, ingested)
    later = warn_of_later_days(settings, run.run_id)
    return Completed(name=PUBLISHED, message=with_warnings(sentence, *run.warnings, *later, *not_copied))


def _show_readers(settings: Settings, day: date) -> tuple[str, ...]:
    """Make what is recorded visible outside of the live file, and give what could not be, in words."""
    snapshot(settings, day)
    return copy_or_warn(settings)


def _unchanged(run: OpenRun, not_copied: tuple[str, ...]) -> State[Any]:
    """Say that the run was published before, by an earlier flow run or by one at the same time."""
    sentence = f"{run.run_id} is published already: nothing changed"
    return Completed(name=UNCHANGED, message=with_warnings(sentence, *run.warnings, *not_copied))


def _scheduled_day(exchange: str) -> date:
    scheduled = flow_run.get_scheduled_start_time()
    if scheduled is None:
        msg = "no as_of_date is given and the run has no scheduled time: give the day"
        raise ConfigError(msg)
    return scheduled.astimezone(ZoneInfo(exchange_time_zone(exchange))).date()
