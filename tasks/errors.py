"""What can go wrong on the way in: a person can mend each of these."""

from sizing.errors import BallastError


class SourceError(BallastError):
    """A file is missing, empty, unreadable, or not what its name says."""


class SourceUnavailableError(SourceError):
    """A source does not answer, or is still being written: it may be there a moment later."""


class ConfigError(BallastError):
    """The portfolio config does not say what it should. `mistakes`: where each stands, and what is wrong."""

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


class MissedDeadlineError(BallastError):
    """Targets of a trading day are not published when they should be."""
