"""Change the sizer in a thousand small ways and see whether a test notices: `make mutation`.

    make mutation                                  # every file of the sizer: an hour
    make mutation FILES="sizing/weights/water_fill.py"     # one file

cosmic-ray makes the mutants (mutmut forks, and Polars is not fork safe). They live in temporary copies of the tracked
files, one a worker; the working tree is never touched. The run fails when a mutant survives that `explained.toml` does
not explain. What was killed is kept in .mutation/, so an interrupted run goes on where it was.
"""

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from tests.mutation.explained import Explanation, read_explanations, unmatched
from tests.mutation.journal import Journal
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trial import (
    BaselineError,
    Digests,
    Outcome,
    Round,
    copy_tracked,
    digest,
    measure,
    rounds_for,
    try_mutant,
)

SIZER = (
    "sizing/frames/integer_keys.py",
    "sizing/frames/sorted_groups.py",
    "sizing/weights/water_fill.py",
    "sizing/weights/two_stage.py",
    "sizing/weights/residual.py",
    "sizing/weights/rounding.py",
    "sizing/weights/raw_weights.py",
    "sizing/weights/working_frame.py",
    "sizing/weights/relaxation.py",
    "sizing/weights/relaxed_caps.py",
    "sizing/weights/audit.py",
    "sizing/frames/limit_columns.py",
    "sizing/weights/batches.py",
    "sizing/limits/fields.py",
    "sizing/limits/sizing.py",
    "sizing/limits/scores.py",
    "sizing/limits/selection.py",
    "sizing/limits/diversification.py",
    "sizing/limits/trading.py",
    "sizing/checks/feasibility.py",
)

TimedRounds = tuple[tuple[Round, int], ...]


class Tried(NamedTuple):
    """A mutant, its result, and how long that took."""

    mutant: Mutant
    outcome: Outcome
    seconds: float


def main() -> int:
    """Run as asked on the command line; 1 when a survivor is not explained, 2 when nothing could be proved."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside, it cleans up as when interrupted
    console = Console()
    mutants = [mutant for file in asked.files for mutant in mutants_of(file, Path(file).read_text(encoding="utf-8"))]
    if asked.count:
        console.print(_counts(mutants))
        return 0
    journal = Journal()
    if asked.fresh:
        journal.forget()
    explanations = read_explanations()
    # The survivors last: they take longest, for they go through every round.
    mutants.sort(key=lambda mutant: any(one.is_of(mutant) for one in explanations))
    try:
        tried = _try_all(mutants, asked.workers, journal, console)
    except BaselineError as error:
        console.print(str(error), markup=False)
        return 2
    return _report(tried, explanations, console)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation", description="Mutate the sizer and see what no test notices.")
    parser.add_argument("files", nargs="*", default=SIZER, help="the files to mutate; all of the sizer")
    parser.add_argument("--workers", type=int, default=2, help="mutants tried at the same time")
    parser.add_argument("--fresh", action="store_true", help="try again what was killed before")
    parser.add_argument("--count", action="store_true", help="only count the mutants")
    return parser.parse_args()


def _try_all(mutants: Sequence[Mutant], workers: int, journal: Journal, console: Console) -> list[Tried]:
    """Try each mutant that is not known to be killed, in the next free copy."""
    known = [Tried(mutant, outcome, 0.0) for mutant in mutants if (outcome := journal.outcome(mutant))]
    mutants = [mutant for mutant in mutants if not journal.outcome(mutant)]
    if known:
        console.print(f"{len(known)} were killed before, {len(mutants)} are left")
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory(prefix="mutation-"))) for _ in range(workers)]
        free: SimpleQueue[Path] = SimpleQueue()
        for folder in folders:
            copy_tracked(folder)
            free.put(folder)
        timed, unchanged = _timed_rounds({mutant.file for mutant in mutants}, folders[0]), digest(folders[0])
        executor = ThreadPoolExecutor(workers)
        stack.callback(executor.shutdown, cancel_futures=True)  # an interrupt waits for the mutants on trial alone
        futures = [executor.submit(_try_one, mutant, free, timed[mutant.file], unchanged) for mutant in mutants]
        return known + _followed(futures, journal, console)


def _timed_rounds(files: Iterable[str], folder: Path) -> dict[str, TimedRounds]:
    rounds = {file: rounds_for(file) for file in files}
    seconds = {one: measure(folder, one) for one in {one for several in rounds.values() for one in several}}
    return {file: tuple((one, seconds[one]) for one in several) for file, several in rounds.items()}


def _try_one(mutant: Mutant, free: SimpleQueue[Path], timed: TimedRounds, unchanged: Digests) -> Tried:
    folder, start = free.get(), time.monotonic()
    try:
        outcome = try_mutant(folder, mutant.file, mutant.source, timed, unchanged)
        return Tried(mutant, outcome, time.monotonic() - start)
    finally:
        free.put(folder)


def _followed(futures: Sequence[Future[Tried]], journal: Journal, console: Console) -> list[Tried]:
    """Show how far it is, and each survivor as it is found; keep what was killed."""
    for future in track(as_completed(futures), "mutants", total=len(futures), console=console):
        tried = future.result()
        if tried.outcome == "survived":
            console.print(_described(tried.mutant))
        else:
            journal.add(tried.mutant, tried.outcome)
    return [future.result() for future in futures]


def _report(tried: Sequence[Tried], explanations: Sequence[Explanation], console: Console) -> int:
    survivors = [one.mutant for one in tried if one.outcome == "survived"]
    open_ones = [mutant for mutant in survivors if not any(one.is_of(mutant) for one in explanations)]
    console.print(_table(tried, open_ones))
    for line in _remarks(tried, explanations):
        console.print(line)
    for mutant in open_ones:
        console.print(_described(mutant))
    if open_ones:
        words = (
            "survived and are not explained: kill them with a test, or explain them in tests/mutation/explained.toml"
        )
        console.print(f"{len(open_ones)} mutants {words}")
    return 1 if open_ones else 0


def _table(tried: Sequence[Tried], open_ones: Sequence[Mutant]) -> Table:
    outcomes = Counter((one.mutant.file, one.outcome) for one in tried)
    unexplained = Counter(mutant.file for mutant in open_ones)
    seconds = {file: [one.seconds for one in tried if one.mutant.file == file] for file, _ in outcomes}
    table = Table("file")
    for heading in ("mutants", "killed", "by time-out", "survived", "not explained", "median seconds", "together"):
        table.add_column(heading, justify="right")
    for file, times in seconds.items():
        killed, timed_out, survived = (outcomes[file, name] for name in ("killed", "timed out", "survived"))
        numbers = (killed + timed_out + survived, killed + timed_out, timed_out, survived, unexplained[file])
        table.add_row(file, *map(str, numbers), f"{median(times):.1f}", f"{sum(times):.0f}")
    return table


def _counts(mutants: Sequence[Mutant]) -> Table:
    table = Table("file", "mutants")
    for file, count in Counter(mutant.file for mutant in mutants).items():
        table.add_row(file, str(count))
    table.add_row("together", str(len(mutants)))
    return table


def _remarks(tried: Sequence[Tried], explanations: Sequence[Explanation]) -> Iterator[Text]:
    """Report which explanations no longer hold: of no mutant, or of one that a test kills."""
    for one in unmatched(explanations, (one.mutant for one in tried)):
        yield Text(f"stale, no mutant is like it: {one.file} {one.function}\n  - {one.old}\n  + {one.new}")
    for mutant in (one.mutant for one in tried if one.outcome != "survived"):
        if any(one.is_of(mutant) for one in explanations):
            yield Text("explained, but a test kills it: ") + _described(mutant)


def _described(mutant: Mutant) -> Text:
    where = f"{mutant.file}:{mutant.line} {mutant.function} {mutant.operator}"
    return Text(f"{where}\n  - {mutant.old}\n  + {mutant.new}")


if __name__ == "__main__":
    sys.exit(main())
