"""The lifecycle of a run: its steps, their order, and its result. One for the daily run and a plan.

What does not belong here: how a step is done. The flow does it with tasks, a plan in a temporary warehouse.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sizing.checks.volatility_coverage import find_missing_volatility
from sizing.text import first_of
from tasks.inputs.portfolio_groups import Group
from tasks.run_state import RunState
from tasks.runs.approval import NO_REQUEST, ApprovalRequest
from tasks.runs.run_record import OpenRun
from tasks.runs.shards.large_run import Result


class RunSteps(Protocol):
    """How the steps of one run are done."""

    def find_missing_scores(self) -> Sequence[str]:
        """Return which scores are missing, so many that the run is held."""

    def compute(self) -> Result:
        """Compute the targets."""

    def request_approval(self, result: Result) -> ApprovalRequest:
        """Return which portfolios wait for approval."""

    def propose(self, result: Result, request: ApprovalRequest) -> None:
        """Write the targets, which wait for approval."""

    def publish(self, result: Result) -> bool:
        """Publish the targets, and return whether no other process had done so."""


class LifecycleResult(NamedTuple):
    """The result of a run: why it is held, the approval that it requests, and whether its state is new."""

    state: RunState
    reason: str = ""
    request: ApprovalRequest = NO_REQUEST
    is_new: bool = True


def run_lifecycle(run: OpenRun, group: Group, steps: RunSteps) -> LifecycleResult:
    """Publish the targets of the group, propose them, or return why they are held.

    *Raises* what the steps raise: `PublishRejectedError`, and `HaltedError` for a halt since the group was made.
    """
    if settled := _settle(run, group):
        return settled
    if missing := steps.find_missing_scores():
        return LifecycleResult(RunState.HELD, "; ".join(first_of(missing)))
    result = steps.compute()
    if missing := find_missing_volatility(result, run.inputs):
        return LifecycleResult(RunState.HELD, "; ".join(first_of(missing)))
    request = steps.request_approval(result) if group.policies else NO_REQUEST
    if request.reasons:
        steps.propose(result, request)
        return LifecycleResult(RunState.PROPOSED, request=request)
    is_new = steps.publish(result)
    return LifecycleResult(RunState.PUBLISHED if is_new else RunState.UNCHANGED, is_new=is_new)


def _settle(run: OpenRun, group: Group) -> LifecycleResult | None:
    """Return the result of a run for which nothing is computed."""
    if run.is_published:
        return LifecycleResult(RunState.UNCHANGED, is_new=False)
    if run.is_proposed:
        return LifecycleResult(RunState.PROPOSED, is_new=False)
    return LifecycleResult(RunState.HALTED, group.halt) if group.halt else None
