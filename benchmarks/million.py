"""A first day of very many portfolios, from ingest to readable targets: `ballast run` as a user types it.

    make bench-million
    python benchmarks/million.py --portfolios 10000 100000

1,000 assets, 1,000 distinct sets of limits, 20 positions a portfolio, full audit. A portfolio follows one of 25 models,
each of which scores 40 of the assets: so many candidates it has. A table beside the config has its set of limits. Each
count is a process of its own in a new folder. Memory is that of all processes together: a page that two share counts
once (Pss). What a step costs is read from the lines of the log: processor seconds of all processes between two of them.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

DAY = date(2024, 12, 2)
ASSETS, MODELS, BUCKETS, LIMIT_SETS, POSITIONS = 1_000, 25, 10, 1_000, 20
COUNTS = (10_000, 100_000, 1_000_000)
SECONDS, GIGABYTES, GROWTH = 120, 12, 11
"""The aims for a million portfolios on two idle cores, and how much longer ten times the portfolios may take."""

_TICKS = os.sysconf("SC_CLK_TCK")
_BETWEEN_LOOKS = 0.5
_STEPS = ("ingest", "open run", "shards", "publish", "orders", "snapshot", "report", "the rest")
_STRATEGIES = ("safe_top_slice", "proportional", "cash_bucket")


class Moment(NamedTuple):
    """What a step had used when its line was written: seconds of the clock and of all processors."""

    step: str
    clock: float
    seconds: float


class Cost(NamedTuple):
    """What a day took: seconds of the processors and the clock, GB of memory and of disk, and how it went."""

    seconds: float
    clock: float
    memory: float
    disk: float
    most_disk: float
    moments: tuple[Moment, ...]


class Watch(threading.Thread):
    """Looks at a process and those that it started, until it ends: most memory, most disk, and processor seconds."""

    def __init__(self, pid: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.folder = pid, folder
        self.memory = self.disk = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self.is_over.wait(_BETWEEN_LOOKS):
            self.memory = max(self.memory, sum(map(_memory, _family(self.pid))))
            self.disk = max(self.disk, _disk(self.folder))

    def seconds(self) -> float:
        """Return the processor seconds so far, those of processes that have ended included."""
        return sum(_seconds(pid, with_ended=True) for pid in _family(self.pid))


def _family(pid: int) -> Iterator[int]:
    """Return a process and those below it."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _memory(pid: int) -> int:
    with suppress(OSError):
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:")), 0)
    return 0


def _seconds(pid: int, *, with_ended: bool) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if with_ended else 13])) / _TICKS
    return 0.0


def _disk(folder: Path) -> int:
    """Return the bytes of the files below a folder, of which any may be gone by now."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(path, name).stat().st_blocks * 512
    return total


def write_day(folder: Path, n_portfolios: int) -> None:
    """Write the config with its table of portfolios, an asset list, and a day of scores of each model."""
    inbox = folder / "inbox"
    inbox.mkdir()
    assets = pl.DataFrame({"number": range(ASSETS)}).with_columns(
        asset=pl.format("ASSET{}", pl.col("number").cast(pl.String).str.zfill(4)),
        bucket=pl.format("Bucket {}", pl.col("number") // MODELS % BUCKETS),
        model=pl.format("model_{}", pl.col("number") % MODELS),
        score=pl.Series(np.random.default_rng(7).uniform(0.55, 1, ASSETS).round(4)),
        date=pl.lit(DAY),
    )
    assets.select("asset", "bucket").write_csv(inbox / "assets.csv")
    assets.select("date", "model", "asset", "score").write_csv(inbox / f"scores_{DAY}.csv")
    sets = (f"  set_{number:04}: {_limits(number)}" for number in range(LIMIT_SETS))
    shared = f"  max_total_positions: {POSITIONS}\n  max_new_positions: {POSITIONS}\n  max_positions_per_bucket: 4"
    text = ["defaults:", shared, "portfolios_file: portfolios.parquet", "limit_sets:", *sets, ""]
    (folder / "portfolios.yaml").write_text("\n".join(text))
    number = pl.col("portfolio_id").cast(pl.String).str.zfill(7)
    pl.DataFrame({"portfolio_id": range(n_portfolios)}).select(
        pl.format("fund_{}", number).alias("portfolio_id"),
        limit_set=pl.format("set_{}", (pl.col("portfolio_id") % LIMIT_SETS).cast(pl.String).str.zfill(4)),
    ).write_parquet(folder / "portfolios.parquet")


def _limits(number: int) -> str:
    """Return one of a thousand sets of limits: 40 for each model."""
    variant = number // MODELS
    own = {
        "model": f"model_{number % MODELS}",
        "max_single_position": round(0.06 + 0.001 * variant, 3),
        "residual_strategy": _STRATEGIES[variant % len(_STRATEGIES)],
        "sizing_mode": ("adaptive", "score_weighted")[variant % 2],
    }
    return "{" + ", ".join(f"{name}: {value}" for name, value in own.items()) + "}"


def run_day(n_portfolios: int, folder: Path) -> Cost:
    """Run the day in a new folder; it must publish 20 positions of each portfolio."""
    write_day(folder, n_portfolios)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BALLAST_", "PREFECT_"))}
    environment = ours | {"BALLAST_CONFIG": "portfolios.yaml", "PREFECT_HOME": str(folder / "prefect")}
    before = _disk(folder)
    command = [str(Path(sys.executable).with_name("ballast")), "run", "--as-of", str(DAY), "--verbose"]
    begin, used = time.perf_counter(), os.times()
    with (folder / "out.txt").open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - ours
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE, text=True
        )
        watch = Watch(process.pid, folder)
        watch.start()
        said, moments = [], [Moment("start", 0.0, 0.0)]
        for line in process.stderr or ():
            said.append(line)
            if step := _step(line):
                moments.append(Moment(step, time.perf_counter() - begin, watch.seconds()))
        code = process.wait()
    clock, after = time.perf_counter() - begin, os.times()
    watch.is_over.set()
    watch.join()
    if code:
        sys.exit("".join(said[-20:]))
    _require_targets(folder, n_portfolios)
    seconds = after.children_user + after.children_system - used.children_user - used.children_system
    moments.append(Moment("the rest", clock, seconds))
    disk = _disk(folder) - before
    return Cost(seconds, clock, watch.memory / 1e9, disk / 1e9, max(disk, watch.disk - before) / 1e9, tuple(moments))


def _step(line: str) -> str:
    """Return the step that a line of the log ends; empty where it ends none."""
    found = re.search(r"\| INFO +\| *(" + "|".join(_STEPS) + r")\b", line)
    return found[1] if found else ""


def _require_targets(folder: Path, n_portfolios: int) -> None:
    with duckdb.connect(folder / ".ballast" / "snapshot.duckdb", read_only=True) as snapshot:
        rows = snapshot.sql("SELECT count(*), count(DISTINCT portfolio_id) FROM current_targets WHERE NOT is_cash")
        found = rows.fetchone()
    if found != (n_portfolios * POSITIONS, n_portfolios):
        sys.exit(f"expected {POSITIONS} positions of {n_portfolios} portfolios, got {found}")


def table_of_costs(costs: dict[int, Cost]) -> Table:
    """Return what each count took, and how much longer ten times as many take."""
    table = Table(title="a first day, from ingest to readable targets", title_justify="left")
    for words in ("portfolios", "processor s", "s by the clock", "growth", "memory, GB", "disk, GB", "most disk, GB"):
        table.add_column(words, justify="right")
    before: tuple[int, Cost] | None = None
    for count, cost in costs.items():
        times = f"{cost.seconds / before[1].seconds:.1f} for {count / before[0]:g} x" if before else ""
        figures = (cost.memory, cost.disk, cost.most_disk)
        table.add_row(
            f"{count:,}", f"{cost.seconds:.0f}", f"{cost.clock:.0f}", times, *(f"{one:.1f}" for one in figures)
        )
        before = count, cost
    load, cores = os.getloadavg()[0], os.cpu_count()
    table.caption = (
        f"aims for 1,000,000: {SECONDS} s by the clock on two idle cores, {GIGABYTES} GB, {GROWTH} times as long for "
        f"10 x; load of the machine {load:.1f} on {cores} cores"
    )
    return table


def table_of_steps(costs: dict[int, Cost]) -> Table:
    """Return how many processor seconds, and seconds by the clock, each step took of each count."""
    table = Table(title="processor seconds of each step (by the clock)", title_justify="left")
    table.add_column("step")
    for count in costs:
        table.add_column(f"{count:,}", justify="right")
    for step in _STEPS:
        cells = []
        for cost in costs.values():
            own = [(before, after) for before, after in pairwise(cost.moments) if after.step == step]
            seconds = sum(after.seconds - before.seconds for before, after in own)
            cells.append(f"{seconds:.1f} ({sum(after.clock - before.clock for before, after in own):.0f})")
        table.add_row(step, *cells)
    return table


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=int, nargs="+", default=COUNTS, help="default: 10000 100000 1000000")
    parser.add_argument("--keep", type=Path, help="a new folder that keeps the files of each count")
    options = parser.parse_args()
    console, costs = Console(width=None if sys.stdout.isatty() else 140), {}
    for count in sorted(options.portfolios):
        with tempfile.TemporaryDirectory() as name:
            folder = options.keep / str(count) if options.keep else Path(name)
            folder.mkdir(parents=True, exist_ok=True)
            costs[count] = run_day(count, folder)
        console.print(table_of_costs(costs), table_of_steps(costs))


if __name__ == "__main__":
    main()
