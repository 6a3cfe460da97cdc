"""What the next days of a range start from, guessed in another process while this one publishes those before them.

A guess needs nothing of the warehouse but the inputs of its days. It is used where the days before it left exactly what
it started from, and then verified like every guess (sizing/multi_day/day_chain.py).
"""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.multi_day.day_chain import DayChain, guess_after
from sizing.multi_day.day_starts import DayEnd, DayStarts
from sizing.multi_day.followed_states import Corrections
from sizing.multi_day.stacked_days import PackedDays
from tasks.errors import WorkerError
from tasks.stages import run_logger
from tasks.worker_process import WorkerProcess, count_cores

_PAYS = 60
"""Days from which a process pays: it starts in a second of processor time, and spares some 20 to 50 ms a day."""


class _Pending(NamedTuple):
    dates: list[date]
    corrections: Corrections
    starts: Future[DayStarts]


class GuessAhead:
    """Guesses what one stretch of days starts from at a time, while the stretch before it is computed and published.

    `parts` are all days of the range in order, as they are published together. There is a process only on a second core
    and for enough days.
    """

    def __init__(self, parts: Sequence[Sequence[date]] = ()) -> None:
        self._parts = parts if count_cores() > 1 else ()
        self.worker: WorkerProcess | None = None
        self._pending: _Pending | None = None

    def days_after(self, day: date) -> Sequence[date]:
        """Return the days to guess next, which follow the day; none where it does not pay."""
        later = [own for part in self._parts if (own := [one for one in part if one > day])]
        pays = self.worker or sum(map(len, later)) >= _PAYS
        return later[0] if later and pays else ()

    def submit(self, end: DayEnd, days: Sequence[DayFrames], corrections: Corrections, growth: pl.DataFrame) -> None:
        """Guess what the days start from when they follow a day that ends so; arguments as `guess_after` takes them."""
        if not self._parts:  # it ended while these days were read
            return
        self.worker = self.worker or WorkerProcess()
        starts = self.worker.submit(guess_after, end, PackedDays.of(days), corrections, growth)
        self._pending = _Pending([one.as_of_date for one in days], corrections, starts)

    def take(self, chain: DayChain) -> DayStarts | None:
        """Return what was guessed for the days, when they start from what was assumed; else None."""
        pending, self._pending = self._pending, None
        dates = [one.as_of_date for one in chain.days]
        if not pending or pending.dates != dates or not pending.corrections.agrees(chain.corrections, dates[1:]):
            return None
        try:
            starts = pending.starts.result()
        except WorkerError as error:
            run_logger().warning("backfill: %s; the days are computed in one process from %s on", error, dates[0])
            self.close()
            self._parts = ()
            return None
        return starts if starts.start_as(chain.days[0]) else None

    def close(self) -> None:
        """End the process."""
        if self.worker:
            self.worker.close()
            self.worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
