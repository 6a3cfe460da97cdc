"""The exit codes of the commands: what each means, and which one an error or a state of a run has."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final

from sql.errors import HaltedError, PublishRejectedError, QueryError
from tasks.errors import FailedPortfoliosError, NotATradingDayError, UsageError
from tasks.run_state import RunState


class ExitCode(IntEnum):
    """How a command ended; docs/commands.md has the same table for readers."""

    OK = 0
    ERROR = 1
    USAGE = 2
    HELD = 3
    REJECTED = 4
    DIFFERENT = 5
    """A replay differs."""
    PROPOSED = 6
    ATTENTION = 7
    """`ballast status` found what is not well."""
    STOPPED = 130


OF_STATE: Final[Mapping[RunState, ExitCode]] = {
    RunState.FAILED: ExitCode.ERROR,
    RunState.REJECTED: ExitCode.REJECTED,
    RunState.HALTED: ExitCode.HELD,
    RunState.HELD: ExitCode.HELD,
    RunState.PROPOSED: ExitCode.PROPOSED,
}
"""The exit codes of states that end a range of days; every other state is fine."""

_OF_ERROR: Final[Mapping[type[Exception], ExitCode]] = {
    **dict.fromkeys((UsageError, NotATradingDayError, QueryError), ExitCode.USAGE),
    PublishRejectedError: ExitCode.REJECTED,
    HaltedError: ExitCode.HELD,
}
_WORST_FIRST = (ExitCode.ERROR, ExitCode.USAGE, ExitCode.REJECTED, ExitCode.HELD, ExitCode.PROPOSED, ExitCode.OK)


def code_of_flow(state: str | None) -> ExitCode:
    """Return the exit code of a flow by the name of the state in which it completed, such as `Held`."""
    return OF_STATE.get(RunState(str(state).lower()), ExitCode.OK)


def code_of(problem: Exception) -> ExitCode:
    """Return the exit code of an error; of several, that of the worst."""
    if isinstance(problem, FailedPortfoliosError):
        return worst_of(code_of(failure) for _, failure in problem.failures)
    return next((code for kind, code in _OF_ERROR.items() if isinstance(problem, kind)), ExitCode.ERROR)


def worst_of(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the worst of the exit codes of runs."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.OK)
