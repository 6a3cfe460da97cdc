"""The errors of the warehouse. Each has how many, which, got and expected, and what to do next."""

from typing import TypeAlias

from sql.text import counted

Failure: TypeAlias = tuple[str, int, str]
"""Name of a check, number of rows that failed it, the first of them as readable text."""


class WarehouseError(Exception):
    """Base of every expected error of the warehouse."""


class WarehouseLockedError(WarehouseError):
    """Another process or thread holds the warehouse, and went on holding it for the whole wait."""


class DamagedError(WarehouseError):
    """The file, or its log, cannot be read as a database: reading it failed."""


class ForeignFileError(WarehouseError):
    """The file belongs to another application, or to another warehouse."""


class QueryError(WarehouseError):
    """The text is no query, or none that the snapshot can answer."""


class MigrationError(WarehouseError):
    """The database and the migration files do not belong together, or a migration failed."""


class DatabaseUnreachableError(WarehouseError):
    """Another database does not answer or rejects the connection. It may accept later."""


class PublishRejectedError(WarehouseError):
    """Checks failed: nothing of the run was written, and the run is recorded as rejected.

    `failures` has one entry a failing check: its name, the number of rows that failed, the first rows as text.
    """

    def __init__(self, run_id: str, failures: tuple[Failure, ...]) -> None:
        self.run_id = run_id
        self.failures = failures
        super().__init__(run_id, failures)

    @property
    def reason(self) -> str:
        """What failed, for the run's event."""
        named = "; ".join(f"{name} ({counted(rows, 'row')}): {first}" for name, rows, first in self.failures)
        return f"{counted(len(self.failures), 'check')} failed: {named}"

    def __str__(self) -> str:
        return (
            f"run {self.run_id} was not published, {self.reason}. Yesterday's targets stay; "
            f"sql/checks/publication/<name>.sql says what each check proves: correct the cause and run the day again"
        )


class HaltedError(WarehouseError):
    """Publication is halted: nothing was published, and a single run is recorded as held.

    `what` was to be published, `halts` says which halts are in force, since when, by whom and why.
    """

    def __init__(self, what: str, halts: str) -> None:
        self.what = what
        self.halts = halts
        super().__init__(what, halts)

    @property
    def reason(self) -> str:
        """Which halts are in force, for the run's event."""
        return f"publication is halted: {self.halts}"

    def __str__(self) -> str:
        return (
            f"{self.what} was not published, {self.reason}. The visible targets stay: when the cause is gone, lift the "
            "halt with `ballast resume` and do it again"
        )


class ApprovalError(WarehouseError):
    """A proposal cannot be approved or declined so: nothing was changed, what waits goes on waiting."""
