"""The daily rebalance: from the day's score file to published targets, with a snapshot for readers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from sql.errors import HaltedError, PublishRejectedError
from sql.shared_opening import shared_opening
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import PROBLEMS, FailedPortfoliosError
from tasks.inputs.portfolio_groups import Group, closed_portfolios, early_closes, set_halted_apart, shown, unknown_days
from tasks.inputs.run_context import RunContext, read_context
from tasks.inputs.warnings.superseded_holdings import warn_of_corrected_inputs
from tasks.operations.former_copies import warn_of_former_copies
from tasks.operations.postgres_copy import copy_or_warn
from tasks.reports.run_reporting import (
    Outcome,
    join,
    report_outcome,
    report_rejected,
    reporting_rejections,
)
from tasks.run_state import RunState
from tasks.runs.approval import ApprovalRequest, propose, request_approval
from tasks.runs.compute import break_circuit, check, diversify, select, size
from tasks.runs.ingest import ingest_day
from tasks.runs.orders import order_or_warn
from tasks.runs.publish import hold, publish, recording_failure
from tasks.runs.run_lifecycle import run_lifecycle
from tasks.runs.run_record import OpenRun, open_run
from tasks.runs.schedule import require_fresh, scheduled_day, scheduled_start
from tasks.runs.shards.dask_cluster import require_cluster
from tasks.runs.shards.large_run import Result, compute_in_shards, holding_shards, is_large
from tasks.runs.snapshots import snapshot
from tasks.stages import one_client, run_logger
from tasks.text import with_warnings
from tasks.trading_calendar import find_calendar

_RESUME = "when the cause is gone, lift the halt with `ballast resume` and run the day again"
_FIXES = {RunState.HELD: "deliver the missing scores and run the day again", RunState.HALTED: _RESUME}

_Failure: TypeAlias = tuple[Group, Exception]


def run_name() -> str:
    """Name a flow run by its day and portfolios."""
    config = RebalanceConfig.model_validate(flow_run.get_parameters()["config"])
    day = config.as_of_date or scheduled_day(config.settings.exchange)
    return f"{day} {shown(config.portfolio_ids) or 'all portfolios'}"


@flow(name="daily-rebalance", flow_run_name=run_name, persist_result=False)
async def daily_rebalance(config: RebalanceConfig = RebalanceConfig()) -> State[Any]:  # noqa: B008 - the UI's form shows it
    """Rebalance every portfolio for one trading day.

    Asynchronous, because a synchronous flow waits almost a second for its heartbeat thread to end. One task a stage:
    the graph shows where the day stands. A run of the same day, inputs, limits and code is a recorded no-op.

    Portfolios of one exchange go together in one run; those that may wait for approval, and those that are halted, have
    runs of their own, so that none waits for another. Without a day it is the day of the scheduled start: then a closed
    exchange is no error, and a run that starts too late is rejected.

    Args:
        config: The day, the portfolios and changed limits, and where this installation keeps its things.

    """
    with one_client():
        return await rebalance_day(config, read_context(config.settings, config.portfolio_ids, config.limits))


async def rebalance_day(config: RebalanceConfig, context: RunContext) -> State[Any]:
    """Do what `daily_rebalance` does, with a config that is read already."""
    settings, groups = context.settings, context.groups
    if settings.dask:
        require_cluster(settings.dask)
    day = config.as_of_date or scheduled_day(settings.exchange)
    closed, unknown = closed_portfolios(groups, day), unknown_days(groups, day)
    open_groups = tuple(group for group in groups if day in find_calendar(group.exchange))
    if not open_groups:
        if config.as_of_date:
            find_calendar(groups[0].exchange).require_open(day)
        if unknown:
            raise _failure(day, groups, [(group, unknown[group.exchange]) for group in groups])
        return Completed(name=RunState.CLOSED.flow_state, message="; ".join(closed))
    if not config.as_of_date:
        require_fresh(settings, day, sorted(context.limits), scheduled_start())
    notes = (*closed, *early_closes(open_groups, day))
    for note in notes:
        run_logger().info("%s", note)

    unread = [(group, unknown[group.exchange]) for group in groups if group.exchange in unknown]
    with shared_opening():
        return _publish_day(config, context, day, open_groups, unread, notes)


def _publish_day(  # noqa: PLR0913, PLR0917 - what a day is made of
    config: RebalanceConfig,
    context: RunContext,
    day: date,
    open_groups: tuple[Group, ...],
    unread: Sequence[_Failure],
    notes: Sequence[str],
) -> State[Any]:
    """Read the day's files, run every group, and show readers what came of it."""
    settings, groups = context.settings, context.groups
    with reporting_rejections(settings, [day], "daily-rebalance", f"ballast run --as-of {day}"):
        ingested = ingest_day(settings, day, context.feeds)
    outcomes, failures = _rebalance_each(config, context, day, set_halted_apart(settings, open_groups))
    failures += unread
    if not outcomes:
        raise _failure(day, groups, failures)
    not_ordered = order_or_warn(settings, day)
    snapshot(settings, day)
    corrected = warn_of_corrected_inputs(settings.open_warehouse(), context.terms)
    not_copied = (*copy_or_warn(settings), *warn_of_former_copies(settings))
    outcomes.sort(key=lambda outcome: outcome.state.precedence)  # the UI cuts a long message off
    sentence, warnings = join([report_outcome(settings, day, outcome, ingested) for outcome in outcomes], *notes)
    state, message = outcomes[0].state, with_warnings(sentence, *warnings, *corrected, *not_ordered, *not_copied)
    if failures:
        raise _failure(day, groups, failures, state, message)
    return Completed(name=state.flow_state, message=message)


def _failure(
    day: date, groups: Sequence[Group], failures: Iterable[_Failure], state: RunState | None = None, message: str = ""
) -> Exception:
    """Return the error of the only group as it is; of several, one that names the portfolios of each failure."""
    failed = [(tuple(sorted(group.limits)), problem) for group, problem in failures]
    return failed[0][1] if len(groups) == 1 else FailedPortfoliosError(day, failed, state, message)


def _rebalance_each(
    config: RebalanceConfig, context: RunContext, day: date, groups: Sequence[Group]
) -> tuple[list[Outcome], list[_Failure]]:
    """Run every group, also when one of them fails. Return the outcomes, and the groups that failed with the error."""
    outcomes: list[Outcome] = []
    failures: list[_Failure] = []
    for group in groups:
        try:
            outcomes.append(_rebalance(config, context, day, group))
        except PROBLEMS as problem:
            failures.append((group, problem))
    return outcomes, failures


def _rebalance(config: RebalanceConfig, context: RunContext, day: date, group: Group) -> Outcome:
    """Compute the targets of a group, and publish them, propose them or hold them."""
    settings = group.settings(context.settings)
    run = open_run(settings, day, group.limits, frozenset(context.terms), config.requested_by)
    try:
        with recording_failure(settings, day, run), holding_shards(settings, run):
            taken = run_lifecycle(run, group, _Tasks(settings, run, group))
            if taken.state in _FIXES:
                hold(settings, run, taken.reason)
    except HaltedError as halted:
        return Outcome(run, RunState.HELD, halted.reason, _RESUME)
    except PublishRejectedError as rejected:
        report_rejected(settings, day, run, str(rejected))
        raise
    fix = _FIXES.get(taken.state, "")
    state = RunState.HELD if taken.state is RunState.HALTED else taken.state
    return Outcome(run, state, taken.reason, fix, taken.request, is_new=taken.is_new)


@dataclass(frozen=True)
class _Tasks:
    """The steps of a run, each a task that the graph shows."""

    settings: Settings
    run: OpenRun
    group: Group

    def find_missing_scores(self) -> tuple[str, ...]:
        return break_circuit(self.run.inputs)

    def compute(self) -> Result:
        inputs = self.run.inputs
        if is_large(self.settings, self.run):
            return compute_in_shards(self.settings, self.run)
        decisions = diversify(select(inputs), inputs)
        return check(decisions, size(decisions, inputs), inputs)

    def request_approval(self, result: Result) -> ApprovalRequest:
        return request_approval(self.settings, result, self.group.policies)

    def propose(self, result: Result, request: ApprovalRequest) -> None:
        propose(self.settings, self.run, result, request)

    def publish(self, result: Result) -> bool:
        return publish(self.settings, self.run, result).is_new
