"""Whether what was read counts as a whole: how much of it was rejected, and what only the whole can show."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from decimal import Decimal

import polars as pl

from sizing.text import counted, listed
from sql.records import MOST_REJECTS, IngestBatch
from tasks.config.field_descriptions import as_yaml
from tasks.file_contracts import Contract
from tasks.renames import find_tangled
from tasks.validation.cash_lines import looks_like_cash
from tasks.validation.reject_reasons import RejectReasons

_SHOWN = 5
_ENOUGH = 250_000
"""After so many rejected rows, reading stops where the share of them is too large so far: more would not help."""
_ROUNDING = Decimal("0.005")
"""What a feed's rounding may add to the weights of a portfolio: 0.01 % at each of fifty positions."""


class FileAcceptance:
    """Watches the batches of one content go by, and reports in the end whether it is rejected whole, and why."""

    def __init__(self, contract: Contract, max_reject_share: float, known: Collection[str] | None = None) -> None:
        """Begin; `known` are assets that a list has or had: no cash, whatever their names. None: unknown."""
        self._contract = contract
        self._max_reject_share = max_reject_share
        self._known = known
        self._cash: set[str] = set()
        self._first: list[str] = []
        self._totals: pl.DataFrame | None = None
        self._renames: list[tuple[str, str, date]] = []
        self._n_accepted = 0
        self._n_kept = 0
        self.n_left_out = 0  # rejected rows that are only counted
        self._n_unread = 0
        self._is_stopped = False
        self.reasons = RejectReasons()
        self.refusal: str | None = None

    def watch(self, batches: Iterable[IngestBatch]) -> Iterator[IngestBatch]:
        """Pass the batches on, with a bounded number of rejected rows; stop where these are too many."""
        for batch in batches:
            self._n_accepted += batch.accepted.height
            self._n_unread += sum(batch.left_out.values())
            self._note_rejects(batch.rejected)
            if self._contract.kind == "positions":
                self._note_weights(batch.accepted)
                self._note_cash(batch.accepted)
            if self._contract.kind == "renames":
                self._renames += batch.accepted.select("old", "new", "valid_from").rows()
            yield self._bounded(batch)
            if self.n_rejected >= _ENOUGH and self._too_few(self._n_accepted, self.n_rejected):
                self._is_stopped = True
                return

    def __call__(self, rows_accepted: int, rows_rejected: int) -> str | None:
        """Return why the content is rejected whole; None when it counts."""
        too_few = self._too_few(rows_accepted, rows_rejected)
        self.refusal = too_few or self._cash_lines() or self._too_heavy() or self._tangled()
        return self.refusal

    @property
    def n_rejected(self) -> int:
        """How many rows were rejected by themselves, whatever the others are."""
        return self._n_kept + self.n_left_out

    def _note_rejects(self, rejected: pl.DataFrame) -> None:
        self.reasons.add(rejected)
        more = rejected.head(_SHOWN - len(self._first)).select(pl.format("row {}: {}", "row_number", "reason"))
        self._first += more.to_series().to_list()

    def _bounded(self, batch: IngestBatch) -> IngestBatch:
        kept = batch.rejected.head(MOST_REJECTS - self._n_kept)
        left_out: Counter[date | None] = Counter(batch.left_out)
        rest = batch.rejected[kept.height :]
        left_out.update(rest["as_of_date"].to_list() if "as_of_date" in rest.columns else {None: rest.height})
        self._n_kept += kept.height
        self.n_left_out += left_out.total()
        return batch._replace(rejected=kept, left_out=left_out)

    def _note_weights(self, accepted: pl.DataFrame) -> None:
        weights = accepted.select("as_of_date", "portfolio_id", "current_weight")
        so_far = weights if self._totals is None else pl.concat([self._totals, weights])
        self._totals = so_far.group_by("as_of_date", "portfolio_id").agg(pl.col("current_weight").sum())

    def _note_cash(self, accepted: pl.DataFrame) -> None:
        if self._known is not None:
            names = accepted["asset"].unique().to_list()
            self._cash.update(name for name in names if name not in self._known and looks_like_cash(name))

    def _cash_lines(self) -> str | None:
        if not self._cash:
            return None
        names = sorted(self._cash)
        leave_out = as_yaml({"asset": names})
        look = "looks" if len(names) == 1 else "look"
        return (
            f"is rejected: {counted(len(names), 'name')} that no asset list has and that {look} like cash: "
            f"{listed(names)}. Cash is no position, so nothing of it counts: leave these "
            f"lines out, with leave_out: {leave_out} under feeds, or put what is an asset into the list"
        )

    def _too_few(self, rows_accepted: int, rows_rejected: int) -> str | None:
        rows = rows_accepted + rows_rejected
        if not rows_rejected:
            return None
        of_its = f"of its {'first ' if self._is_stopped else ''}{rows} rows"
        rejected = f"is rejected: {rows_rejected} {of_its} cannot be used"
        if not rows_accepted and not self._contract.may_be_empty:
            words = self._describe_reasons(rows_rejected)
            return f"is rejected: none {of_its} can be used: {words}. Nothing of it counts: correct the file"
        if self._contract.is_whole:
            return (
                f"{rejected} ({'; '.join(self._first)}). The others alone would not be safe, so nothing of it counts: "
                "correct the file"
            )
        if rows_rejected > self._max_reject_share * rows:
            return (
                f"{rejected}, more than max_reject_share {self._max_reject_share} allows: "
                f"{self._describe_reasons(rows_rejected)}. Nothing of it counts: correct the file, or allow more with "
                "BALLAST_MAX_REJECT_SHARE"
            )
        return None

    def _describe_reasons(self, rows_rejected: int) -> str:
        reasons = self.reasons.most_first()
        words = [one.counted() for one in reasons[:_SHOWN]]
        repeated = rows_rejected - self.reasons.n_rows - self._n_unread
        words += [f"the same key stands in other rows too ({counted(repeated, 'row')})"] if repeated else []
        words += [f"and {len(reasons) - _SHOWN} more reasons"] if len(reasons) > _SHOWN else []
        words += [f"of {self.n_left_out} rejected rows only the number is kept"] if self.n_left_out else []
        words += ["the rest was not read"] if self._is_stopped else []
        return "; ".join(words)

    def _too_heavy(self) -> str | None:
        if self._totals is None:
            return None
        heavy = self._totals.filter(pl.col("current_weight") > 1 + _ROUNDING).sort("as_of_date", "portfolio_id")
        if heavy.is_empty():
            return None
        day, portfolio_id, total = heavy.row(0)
        return (
            f"is rejected: the weights of {heavy.height} portfolios add up to more than {1 + _ROUNDING}, the first is "
            f"{portfolio_id} on {day} with {total}. Weights are fractions of the portfolio's value, so nothing of "
            "it counts: correct the file"
        )

    def _tangled(self) -> str | None:
        tangled = find_tangled(self._renames)
        if not tangled:
            return None
        name, day = tangled[0]
        return (
            f"is rejected: {counted(len(tangled), 'name')} given up and given on the same day, the first is {name} on "
            f"{day}. Their order is unknown, so nothing of it counts: give renames that follow each other "
            "different days, and leave out those that go round in a circle"
        )
