"""Whether what was read counts as a whole: how much of it was refused, and what only the whole can show."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import polars as pl

from sql.records import IngestBatch
from tasks.contracts import Contract

_SHOWN = 5
_ROUNDING = Decimal("0.005")
"""What a feed's rounding may add to the weights of a portfolio: 0.01 % at each of fifty positions."""


class Verdict:
    """Watches the batches of one content go by, and says in the end whether it is refused whole, and why."""

    def __init__(self, contract: Contract, max_reject_share: float) -> None:
        self._contract = contract
        self._max_reject_share = max_reject_share
        self._reasons: Counter[str] = Counter()
        self._first: list[str] = []
        self._totals: pl.DataFrame | None = None
        self.refusal: str | None = None

    def watch(self, batches: Iterable[IngestBatch]) -> Iterator[IngestBatch]:
        """Give the batches on as they are, and note what is refused."""
        for batch in batches:
            self._note_rejects(batch.rejected)
            if self._contract.kind == "positions":
                self._note_weights(batch.accepted)
            yield batch

    def __call__(self, rows_accepted: int, rows_rejected: int) -> str | None:
        """Say why the content is refused whole; None when it counts."""
        self.refusal = self._too_few(rows_accepted, rows_rejected) or self._too_heavy()
        return self.refusal

    def _note_rejects(self, rejected: pl.DataFrame) -> None:
        self._reasons.update(dict(rejected["reason"].value_counts().rows()))
        more = rejected.head(_SHOWN - len(self._first)).select(pl.format("row {}: {}", "row_number", "reason"))
        self._first += more.to_series().to_list()

    def _note_weights(self, accepted: pl.DataFrame) -> None:
        weights = accepted.select("as_of_date", "portfolio_id", "current_weight")
        so_far = weights if self._totals is None else pl.concat([self._totals, weights])
        self._totals = so_far.group_by("as_of_date", "portfolio_id").agg(pl.col("current_weight").sum())

    def _too_few(self, rows_accepted: int, rows_rejected: int) -> str | None:
        rows = rows_accepted + rows_rejected
        if not rows_rejected:
            return None
        refused = f"is refused: {rows_rejected} of its {rows} rows cannot be used"
        if not rows_accepted and not self._contract.may_be_empty:
            told = self._told_reasons(rows_rejected)
            return f"is refused: none of its {rows} rows can be used: {told}. Nothing of it counts: correct the file"
        if self._contract.is_whole:
            return (
                f"{refused} ({'; '.join(self._first)}). The others alone would not be safe, so nothing of it counts: "
                "correct the file"
            )
        if rows_rejected > self._max_reject_share * rows:
            return (
                f"{refused}, more than max_reject_share {self._max_reject_share} allows: "
                f"{self._told_reasons(rows_rejected)}. Nothing of it counts: correct the file, or allow more with "
                "BALLAST_MAX_REJECT_SHARE"
            )
        return None

    def _told_reasons(self, rows_rejected: int) -> str:
        repeated = rows_rejected - self._reasons.total()
        most_first = sorted(self._reasons.items(), key=lambda one: (-one[1], one[0]))
        told = [f"{reason} ({_rows(count)})" for reason, count in most_first[:_SHOWN]]
        told += [f"the same key stands in other rows too ({_rows(repeated)})"] if repeated else []
        more = len(self._reasons) - _SHOWN
        return "; ".join(told) + (f"; and {more} more reasons" if more > 0 else "")

    def _too_heavy(self) -> str | None:
        if self._totals is None:
            return None
        heavy = self._totals.filter(pl.col("current_weight") > 1 + _ROUNDING).sort("as_of_date", "portfolio_id")
        if heavy.is_empty():
            return None
        day, portfolio_id, total = heavy.row(0)
        return (
            f"is refused: the weights of {heavy.height} portfolios add up to more than {1 + _ROUNDING}, the first is "
            f"{portfolio_id} on {day} with {total}. Weights are fractions of the portfolio's value, so nothing of "
            "it counts: correct the file"
        )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
