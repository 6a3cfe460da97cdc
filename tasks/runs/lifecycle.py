"""The course of a run: what is asked of it, in which order, and what becomes of it. One for the daily run and a plan.

What does not belong here: how a step is done. The flow does it with tasks, a plan in a throw-away warehouse.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sizing.pipeline import Rebalance
from sizing.text import first_of
from tasks.inputs.portfolio_groups import Group
from tasks.runs.approval import NOBODY_ASKED, Asked
from tasks.runs.run_record import PROPOSED, PUBLISHED, OpenRun

UNCHANGED, HELD, HALTED = "unchanged", "held", "halted"
"""What becomes of a run, beside `PUBLISHED` and `PROPOSED`. Halted is held by a person."""


class Steps(Protocol):
    """How the steps of one run are done."""

    def find_missing_scores(self) -> Sequence[str]:
        """Say which scores are missing, so many that nothing is to be computed."""

    def compute(self) -> Rebalance:
        """Compute the targets."""

    def ask(self, result: Rebalance) -> Asked:
        """Say which portfolios wait for a person."""

    def propose(self, result: Rebalance, asked: Asked) -> None:
        """Write the targets, and let them wait."""

    def publish(self, result: Rebalance) -> bool:
        """Make the targets visible, and say whether nobody else had done so."""


class Course(NamedTuple):
    """What became of a run: why it is held, who is asked, and whether it came into its state just now."""

    state: str
    reason: str = ""
    asked: Asked = NOBODY_ASKED
    is_new: bool = True


def take_course(run: OpenRun, group: Group, steps: Steps) -> Course:
    """Publish the targets of the group, propose them, or say why they are held.

    *Raises* what the steps raise: `PublishRejectedError`, and `HaltedError` for a halt since the group was made.
    """
    if run.is_published:
        return Course(UNCHANGED, is_new=False)
    if run.is_proposed:
        return Course(PROPOSED, is_new=False)
    if group.halt:
        return Course(HALTED, group.halt)
    if missing := steps.find_missing_scores():
        return Course(HELD, "; ".join(first_of(missing)))
    result = steps.compute()
    asked = steps.ask(result) if group.policies else NOBODY_ASKED
    if asked.reasons:
        steps.propose(result, asked)
        return Course(PROPOSED, asked=asked)
    is_new = steps.publish(result)
    return Course(PUBLISHED if is_new else UNCHANGED, is_new=is_new)
