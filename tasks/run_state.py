"""The states in which a run, or a day of several runs, can end."""

from enum import StrEnum


class RunState(StrEnum):
    """How a run ends. Members stand in the order in which a day of several runs takes the state of the first of them.

    `HALTED` is held by an order: it is stored, and reported of a day, as held. `CLOSED` is a day without a run.
    """

    FAILED = "failed"
    REJECTED = "rejected"
    HALTED = "halted"
    HELD = "held"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    DECLINED = "declined"
    CLOSED = "closed"

    @property
    def flow_state(self) -> str:
        """Return the name of the state in which the flow run completes, such as `Held`."""
        return self.title()

    @property
    def precedence(self) -> int:
        """Return the place of the state: a day of several runs is in that of the lowest."""
        return list(RunState).index(self)
