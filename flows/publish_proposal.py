"""Decide on a proposed run: make its targets visible, or let the published ones stay."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from sql.errors import HaltedError, PublishRejectedError
from tasks import events
from tasks.config.portfolios import load_feeds
from tasks.config.settings import FlowParameters, Settings, Words
from tasks.operations.postgres_copy import copy_or_warn
from tasks.reports.run_reporting import (
    Outcome,
    join,
    read_summary,
    report_outcome,
    report_rejected,
    reporting_rejections,
    send,
)
from tasks.run_state import RunState
from tasks.runs.approval import Proposal, approve, decline, find_proposal, require_same_inputs
from tasks.runs.ingest import Ingested
from tasks.runs.multi_day.backfill import ingest_days
from tasks.runs.orders import order_or_warn
from tasks.runs.run_record import OpenRun
from tasks.runs.snapshots import snapshot
from tasks.stages import one_client
from tasks.text import with_warnings

_RESUME = "it goes on waiting: when the cause is gone, lift the halt with `ballast resume` and approve it again"


class PublishConfig(FlowParameters):
    """Which proposed run is decided on, how, by whom and why."""

    run_id: Words = Field(description="The proposed run, as its message and open_proposals name it.")
    approver: Words = Field(description="Who decides; with four_eyes, not the person who requested the run.")
    note: Words = Field(description="Why: it stands beside the run for good.")
    decision: Literal["approve", "decline"] = Field(
        default="approve", description="approve: its targets become visible. decline: the published targets stay."
    )


def run_name() -> str:
    """Name a flow run by what is decided, whose name begins with its day, and by whom."""
    config = PublishConfig.model_validate(flow_run.get_parameters()["config"])
    return f"{config.decision} {config.run_id} by {config.approver}"


@flow(name="publish", flow_run_name=run_name, persist_result=False)
async def publish_proposal(config: PublishConfig) -> State[Any]:
    """Approve or decline a run that waits for approval.

    New files are read first: a run whose inputs have changed is rejected, because its new result was not reviewed.
    Then its rows are checked again and become visible in one transaction, with a snapshot for readers as after any day.

    Args:
        config: The run, the decision, who decides and why, and where this installation keeps its things.

    """
    with one_client():
        return _decide(config)


def _decide(config: PublishConfig) -> State[Any]:
    proposal = find_proposal(config.settings, config.run_id)
    settings = config.settings.model_copy(update={"exchange": proposal.exchange})
    if config.decision == "decline":
        return _decline(config, settings, proposal)
    ingested: tuple[Ingested, ...] = ()
    if proposal.is_open:
        with reporting_rejections(settings, [proposal.day], "publish", f"ballast run --as-of {proposal.day}"):
            ingested = ingest_days(settings, (proposal.day,), {}, load_feeds(settings.config))
    run = require_same_inputs(settings, proposal)
    outcome = _approve(config, settings, proposal, run)
    not_ordered = order_or_warn(settings, proposal.day)
    snapshot(settings, proposal.day)
    not_copied = copy_or_warn(settings)
    sentence, warnings = join([report_outcome(settings, proposal.day, outcome, ingested)])
    approved = f"{config.run_id} approved by {config.approver}: " if outcome.state == RunState.PUBLISHED else ""
    return Completed(
        name=outcome.state.flow_state,
        message=with_warnings(f"{approved}{sentence}", *warnings, *not_ordered, *not_copied),
    )


def _approve(config: PublishConfig, settings: Settings, proposal: Proposal, run: OpenRun) -> Outcome:
    try:
        approve(settings, config.run_id, config.approver, config.note)
    except HaltedError as halted:
        return Outcome(run, RunState.HELD, halted.reason, _RESUME)
    except PublishRejectedError as rejected:
        snapshot(settings, proposal.day)
        report_rejected(settings, proposal.day, run, str(rejected))
        raise
    return Outcome(run, RunState.PUBLISHED)


def _decline(config: PublishConfig, settings: Settings, proposal: Proposal) -> State[Any]:
    decline(settings, config.run_id, config.approver, config.note)
    snapshot(settings, proposal.day)
    send(
        events.REJECTED,
        proposal.day,
        config.run_id,
        proposal.portfolio_ids,
        read_summary(settings, config.run_id),
        reason=config.note,
        by=config.approver,
    )
    sentence = f"{config.run_id} declined by {config.approver}, the published targets stay: {config.note}"
    return Completed(name=RunState.DECLINED.flow_state, message=with_warnings(sentence, *copy_or_warn(settings)))
