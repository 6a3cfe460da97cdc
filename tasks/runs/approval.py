"""Targets that wait for approval: the request and the decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from sizing.approval import ApprovalPolicy, find_approvals, summarise_moves
from sizing.frames.day_inputs import DayInputs
from sizing.text import first_of, grouped, listed
from sql.any_warehouse import AnyWarehouse
from sql.errors import ApprovalError
from sql.records import Publication
from tasks.config.settings import Settings
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_sources import find_sources
from tasks.inputs.fingerprints import input_fingerprint
from tasks.inputs.source_record import as_record, find_missing_returns, find_other_inputs, read_record
from tasks.retries import RETRIES
from tasks.runs.run_record import OpenRun, stored_exchange, stored_limits
from tasks.runs.shards.large_run import Result, rows_to_publish
from tasks.stages import run_logger, stage


@dataclass(frozen=True)
class ApprovalRequest:
    """Why each portfolio waits for approval, and for which of them that must be somebody else than who asks."""

    reasons: dict[str, str]
    four_eyes: tuple[str, ...]

    def __str__(self) -> str:
        """Return the reasons as one text: of many portfolios the first, and how many more there are."""
        return "; ".join(first_of([f"{names}: {reason}" for names, reason in grouped(self.reasons.items())]))


NO_REQUEST = ApprovalRequest({}, ())


@dataclass(frozen=True)
class Proposal:
    """A run that was proposed: its day, its portfolios, the exchange that it counts by, and whether it waits still."""

    run_id: str
    day: date
    portfolio_ids: tuple[str, ...]
    exchange: str
    is_open: bool


@stage("approval", RETRIES)
def request_approval(settings: Settings, result: Result, policies: Mapping[str, ApprovalPolicy]) -> ApprovalRequest:
    """Return which portfolios wait for approval today, and why."""
    request = find_approval_request(settings.open_warehouse(), result, policies)
    summary = f"{len(request.reasons)} of {len(policies)} portfolios with a policy ask for it"
    run_logger().info("approval: %s", "; ".join(filter(None, [summary, str(request)])))
    return request


def find_approval_request(
    warehouse: AnyWarehouse, result: Result, policies: Mapping[str, ApprovalPolicy]
) -> ApprovalRequest:
    """Return which portfolios wait for approval, without an engine.

    A first day is one with nothing visible before it.
    """
    day = result.targets.lazy().select(pl.col("as_of_date").max()).collect().item()
    seen = warehouse.query("first_days").filter(pl.col("as_of_date") < day)["portfolio_id"].to_list()
    moves = summarise_moves(result.targets).with_columns(is_first_day=~pl.col("portfolio_id").is_in(seen))
    found = find_approvals(moves, policies)
    return ApprovalRequest(
        dict(found.select("portfolio_id", "reason").iter_rows()),
        tuple(found.filter("needs_four_eyes")["portfolio_id"]),
    )


@stage("propose", RETRIES)
def propose(settings: Settings, run: OpenRun, result: Result, request: ApprovalRequest) -> None:
    """Write and check the run in one transaction, and let it wait: nothing of it is visible."""
    settings.open_warehouse().propose(
        run.run_id, rows_to_publish(result), run.by, request.reasons, request.four_eyes, run.warnings
    )
    run_logger().warning("proposed by %s, nothing is visible: %s", run.by, request)


@stage("find proposal", RETRIES)
def find_proposal(settings: Settings, run_id: str) -> Proposal:
    """Return what was proposed. *Raises* `ApprovalError` for an unknown run."""
    with settings.open_warehouse().kept_open() as warehouse:
        known = warehouse.query("run_by_id", run_id=run_id).rows(named=True)
        waiting = warehouse.query("waiting_runs")["run_id"].to_list()
        covered = warehouse.query("portfolios_of_run", run_id=run_id)["portfolio_id"]
    if not known:
        msg = f"no run {run_id} in the warehouse, so nothing was decided; open proposals: {listed(waiting) or 'none'}"
        raise ApprovalError(msg)
    run = known[0]
    exchange = stored_exchange(run, settings.exchange)
    return Proposal(run_id, run["as_of_date"], tuple(covered), exchange, is_open=run_id in waiting)


@stage("require the same inputs", RETRIES)
def require_same_inputs(settings: Settings, proposal: Proposal) -> OpenRun:
    """Compare what the warehouse has now with what the run was computed from: what is old must not be approved.

    A proposal that is closed is not compared with anything. *Raises* `ApprovalError` that says what is other.
    """
    day, exchange = proposal.day, proposal.exchange
    with settings.open_warehouse().kept_open() as warehouse:
        run = warehouse.query("run_by_id", run_id=proposal.run_id).row(0, named=True)
        stored = read_record(warehouse, run)
        limits = stored_limits(warehouse, proposal.run_id)
        sources = find_sources(warehouse, exchange, [day], limits)
        inputs = DayInputs(
            *read_days(warehouse, exchange, [day], limits, sources, dust_weight=settings.dust_weight)[day]
        )
    if proposal.is_open and input_fingerprint(inputs.frames) != run["input_fingerprint"]:
        missing = find_missing_returns(inputs.frames, sources, exchange)["portfolio_id"]
        others = find_other_inputs(stored, as_record(inputs.frames, sources, exchange, missing))
        msg = (
            f"run {proposal.run_id} was proposed on other inputs than there are now (changed: "
            f"{', '.join(others) or 'their rows'}), and nothing was published: run the day again, `ballast run --as-of "
            f"{day}`, and decide on the new run"
        )
        raise ApprovalError(msg)
    return OpenRun(proposal.run_id, inputs, is_published=False, warnings=(), is_proposed=proposal.is_open)


@stage("approve", RETRIES)
def approve(settings: Settings, run_id: str, approver: str, note: str) -> Publication:
    """Check the proposed run again and make it visible, in one transaction; who and why stand beside it."""
    publication = settings.open_warehouse().approve(run_id, approver, note)
    run_logger().info(
        "approved by %s and published: %s, %d runs superseded", approver, note, len(publication.superseded)
    )
    return publication


@stage("decline", RETRIES)
def decline(settings: Settings, run_id: str, approver: str, note: str) -> None:
    """End the proposal: the published targets stay."""
    settings.open_warehouse().decline(run_id, approver, note)
    run_logger().info("declined by %s: %s", approver, note)
