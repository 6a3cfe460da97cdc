"""Why rows were rejected: each reason once, with its number of rows, its first row and some of the values."""

from dataclasses import dataclass, field

import polars as pl

from sizing.text import counted
from tasks.validation.row_validation import GOT

_MOST_REASONS = 100
_MOST_VALUES = 3
_OTHER = "other reasons"


@dataclass
class Reason:
    """One reason: the sentence without a value, the first row, how many rows, and the first different values."""

    sentence: str
    first_row: int
    n_rows: int = 0
    values: list[str] = field(default_factory=list)
    has_more_values: bool = False

    def __str__(self) -> str:
        """Return the sentence with the values."""
        if not self.values:
            return self.sentence
        return f"{self.sentence}{GOT}{', '.join(self.values)}{', ...' if self.has_more_values else ''}"

    def counted(self) -> str:
        """Return the sentence with the values and the number of rows."""
        return f"{self} ({counted(self.n_rows, 'row')})"


class RejectReasons:
    """What was seen of the rejected rows of one content, in bounded memory."""

    def __init__(self) -> None:
        self._reasons: dict[str, Reason] = {}
        self.n_rows = 0

    def add(self, rejected: pl.DataFrame) -> None:
        """Note rejected rows: their `row_number` and `reason`."""
        self.n_rows += rejected.height
        parts = pl.col("reason").str.splitn(GOT, 2).struct.rename_fields(["sentence", "value"]).struct.unnest()
        value = pl.col("value").drop_nulls()
        grouped = (
            rejected.select("row_number", parts)
            .group_by("sentence", maintain_order=True)
            .agg(
                pl.col("row_number").first(),
                pl.len().alias("n_rows"),
                value.unique(maintain_order=True).head(_MOST_VALUES + 1).alias("values"),
            )
        )
        for sentence, first_row, n_rows, values in grouped.iter_rows():
            known = sentence in self._reasons or len(self._reasons) < _MOST_REASONS
            name = sentence if known else _OTHER
            reason = self._reasons.setdefault(name, Reason(name, first_row))
            reason.n_rows += n_rows
            if known:
                seen = list(dict.fromkeys([*reason.values, *values]))
                reason.has_more_values |= len(seen) > _MOST_VALUES
                reason.values = seen[:_MOST_VALUES]

    def by_row(self) -> list[Reason]:
        """Return the reasons in the order of their first rows."""
        return sorted(self._reasons.values(), key=lambda one: one.first_row)

    def most_first(self) -> list[Reason]:
        """Return the reasons, those of the most rows first."""
        return sorted(self._reasons.values(), key=lambda one: (-one.n_rows, one.sentence))
