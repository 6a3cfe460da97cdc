"""Errors of inputs and requests: each message says what to fix."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sizing.errors import BallastError
from sizing.text import listed
from sql.errors import WarehouseError
from tasks.run_state import RunState

PROBLEMS: Final = (BallastError, WarehouseError)
"""Root of the expected errors: reported in one sentence, without a traceback."""


class SourceError(BallastError):
    """A file is missing, empty, unreadable, or not of the format of its name."""


class SourceUnavailableError(SourceError):
    """A source does not answer, or is still being written: it may be there a moment later."""


class ConfigError(BallastError):
    """The portfolio config is invalid. `mistakes`: the place of each, and what is wrong."""

    def __init__(self, message: str, mistakes: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class UsageError(BallastError):
    """The flags of a command do not go together."""


class NotATradingDayError(BallastError):
    """The exchange is closed on the day."""


class ServerUnreachableError(BallastError):
    """The Prefect server that PREFECT_API_URL names does not answer, or a temporary one cannot be started."""


class StaleRunError(BallastError):
    """A scheduled run starts too late: later days are published, or its day is long over."""


class FailedPortfoliosError(BallastError):
    """Some portfolios of a day failed, beside others that were run or failed too.

    `failures` has one entry a run that failed: its portfolios and the error. `state` and `message` are those of the
    runs that did not fail; without a state all did.
    """

    def __init__(
        self,
        day: date,
        failures: Sequence[tuple[tuple[str, ...], Exception]],
        state: RunState | None = None,
        message: str = "",
    ) -> None:
        self.day, self.failures, self.state, self.message = day, tuple(failures), state, message
        super().__init__(day, self.failures, state, message)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return one sentence a failure: the day, the portfolios, and what went wrong."""
        return tuple(f"{self.day} {listed(portfolio_ids)}: {problem}" for portfolio_ids, problem in self.failures)

    def __str__(self) -> str:
        done = [f"the others of {self.day}: {' '.join(self.message.splitlines())}"] if self.message else []
        return "; ".join([*self.sentences, *done])


class WorkerError(BallastError):
    """What another process was to compute is not there: a function failed in it, or it ended."""


class MissedDeadlineError(BallastError):
    """Targets of a trading day are not published when they should be."""
