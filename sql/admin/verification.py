"""What a verification found, and what to do about it."""

from dataclasses import dataclass

from sql.errors import Failure
from sql.text import counted

ALL_APPLIED = "migrations are all applied"
SAME_SNAPSHOT = "the snapshot shows the same"
SAME_EXPORTS = "the exports show the same"

_FIRST = 5


@dataclass(frozen=True)
class Verification:
    """Result of a verification: `failures` is empty when the warehouse is sound."""

    n_steps: int
    failures: tuple[Failure, ...]

    @property
    def advice(self) -> str:
        """What to do: a backup is the way back only from damage of the live file."""
        failing = {name for name, _, _ in self.failures}
        if failing <= {ALL_APPLIED}:
            return "migrate the warehouse with `ballast db migrate`"
        if failing <= {SAME_SNAPSHOT, SAME_EXPORTS}:
            return "the warehouse itself is sound: write its copies again with `ballast db snapshot`"
        return "restore a backup with `ballast db restore`, or report what is wrong"

    @property
    def words(self) -> str:
        """How many failed, and the first of them."""
        named = "; ".join(f"{name} ({rows}): {first}" for name, rows, first in self.failures[:_FIRST])
        return f"{counted(len(self.failures), 'failure')}: {named}"
