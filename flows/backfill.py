"""Backfill: the trading days of a range in order, as the daily rebalance publishes them, many days a second."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Any, Self

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field, model_validator

from flows.progress import ProgressOf
from sizing.names import TypedName
from tasks import events
from tasks.config.settings import FlowParameters, Settings
from tasks.errors import UsageError
from tasks.inputs.portfolio_groups import Group, days_of_groups, shown
from tasks.inputs.run_context import RunContext, read_context
from tasks.operations.former_copies import warn_of_former_copies
from tasks.operations.postgres_copy import copy_or_warn
from tasks.reports.run_reporting import read_summary, reporting_rejections, send
from tasks.run_state import RunState
from tasks.runs.multi_day.backfill import backfill_days, ingest_days
from tasks.runs.multi_day.backfill_report import DayDone, report_backfill
from tasks.runs.multi_day.day_stretches import Approval
from tasks.runs.multi_day.guess_ahead import GuessAhead
from tasks.runs.snapshots import snapshot
from tasks.stages import one_client
from tasks.text import with_warnings
from tasks.trading_calendar import find_calendar


class BackfillConfig(FlowParameters):
    """Which days are published, one run a trading day, and what a held day does to those after it."""

    first: date = Field(description="First day of the range.")
    last: date = Field(description="Last day of the range, not before the first.")
    keep_going: bool = Field(
        default=False, description="Go on after a held day, with the targets published before it; else it is the end."
    )
    portfolio_ids: tuple[TypedName, ...] = Field(
        default=(), description="Portfolios that are run, by their names in the config file; empty: all of them."
    )
    limits: dict[str, Any] = Field(
        default={},
        description="Limits other than configured, for each of these portfolios, as in `{max_single_position: 0.1}`.",
    )
    requested_by: str = Field(default="", description="Who requests it; empty: nobody.")
    approver: str = Field(
        default="",
        description="Who approves the days that require approval; needed where a portfolio has an approval policy.",
    )
    note: str = Field(default="", description="Why they are approved: it stands beside each such run.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            msg = "last is before first"
            raise ValueError(msg)
        return self


def run_name() -> str:
    """Name a flow run by its range and portfolios."""
    config = BackfillConfig.model_validate(flow_run.get_parameters()["config"])
    return f"backfill {config.first} to {config.last} {shown(config.portfolio_ids) or 'all portfolios'}"


@flow(name="backfill", flow_run_name=run_name, persist_result=False)
async def backfill(config: BackfillConfig) -> State[Any]:
    """Publish the trading days of a range in order, one run a day, with the rows of the daily rebalance.

    Days that are published already with the same inputs, limits and code stay: stopped in the middle, it goes on where
    it was. One task a quarter of days; every day's targets are exported, and readers get one snapshot at the end.

    Args:
        config: The range, the portfolios and changed limits, and where this installation keeps its things.

    """
    with one_client():
        return await backfill_range(config, read_context(config.settings, config.portfolio_ids, config.limits))


async def backfill_range(config: BackfillConfig, context: RunContext) -> State[Any]:
    """Do what `backfill` does, with a config that is read already."""
    settings, groups = context.settings, context.groups
    approval = _require_approval(config, groups)
    days = days_of_groups(groups, config.first, config.last)
    parts = {group.exchange: find_calendar(group.exchange).between(config.first, config.last) for group in groups}
    with reporting_rejections(settings, days, "backfill", f"ballast backfill --from {config.first} --to {config.last}"):
        read = {
            (one.kind, one.source, one.ingest.ingest_id): one
            for exchange, own_days in parts.items()
            if own_days
            for one in ingest_days(
                settings.model_copy(update={"exchange": exchange}), own_days, context.limits, context.feeds
            )
        }
    progress = ProgressOf(sum(len(parts[group.exchange]) for group in groups))
    done: list[DayDone] = []
    try:
        for group in groups:
            others = tuple(sorted(set(context.terms) - set(group.limits)))
            quarters = tuple(_quarters(parts[group.exchange]))
            with GuessAhead(quarters) as ahead:
                for quarter in quarters:
                    done += backfill_days(
                        settings,
                        quarter,
                        group,
                        approval,
                        others,
                        keep_going=config.keep_going,
                        ahead=ahead,
                        requested_by=config.requested_by,
                    )
                    await progress.advance(len(done), f"after {done[-1].day}")
                    if done[-1].state == RunState.HELD and not config.keep_going:
                        break
    finally:
        snapshot(settings, done[-1].day if done else days[0])
    not_copied = (*copy_or_warn(settings), *warn_of_former_copies(settings))
    _send_newest(settings, done)
    is_held = any(one.state == RunState.HELD for one in done)
    return Completed(
        name=(RunState.HELD if is_held else RunState.PUBLISHED).flow_state,
        message=with_warnings(report_backfill(tuple(done), tuple(read.values())), *not_copied),
    )


def _quarters(days: Iterable[date]) -> Iterator[tuple[date, ...]]:
    for _, quarter in groupby(days, key=lambda day: (day.year, (day.month - 1) // 3)):
        yield tuple(quarter)


def _require_approval(config: BackfillConfig, groups: Iterable[Group]) -> Approval | None:
    """Return who approves, where a portfolio may require it. *Raises* `UsageError` when no one is named."""
    with_policy = [portfolio_id for group in groups for portfolio_id in group.policies]
    if not with_policy:
        return None
    approver, note = config.approver.strip(), config.note.strip()
    if not (approver and note):
        msg = (
            f"targets of {shown(with_policy)} may wait for approval, and a backfill does not wait: pass approver and "
            "note (--approver, --note), which are stored with each day that requires approval"
        )
        raise UsageError(msg)
    return Approval(approver, note)


def _send_newest(settings: Settings, done: Iterable[DayDone]) -> None:
    """Send the event of the newest published day and of the newest held one, not one of every past day."""
    for state, event in ((RunState.PUBLISHED, events.PUBLISHED), (RunState.HELD, events.HELD)):
        newest = max((one for one in done if one.state == state), key=lambda one: one.day, default=None)
        if newest:
            reason = newest.reason or "the newest day of a backfill"
            send(event, newest.day, newest.run_id, (), read_summary(settings, newest.run_id), reason=reason)
