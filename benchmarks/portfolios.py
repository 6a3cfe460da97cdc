"""What each further portfolio costs a first day: `ballast run` as a user types it, with 1, 1,000 and 6,000 portfolios.

    make bench
    python benchmarks/portfolios.py --portfolios 1 1000 50000 --assets 114
    python benchmarks/portfolios.py --server    # each a flow run on a Prefect server

40 assets, a handful of limit sets, each run a process of its own in a new folder. The runs take turns, and each figure
is the best of its rounds: processor seconds of the command, which a busy machine changes less than the clock.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from overhead import server
from rich.console import Console
from rich.table import Table

DAY = date(2024, 12, 2)
ASSETS, BUCKETS = 40, 10
COUNTS = (1, 1_000, 6_000)
LIMIT_SETS = (
    "{max_total_positions: 20, max_single_position: 0.10, max_new_positions: 20, max_positions_per_bucket: 6}",
    "{preset: balanced}",
    "{preset: aggressive, max_new_positions: 8}",
    "{preset: conservative, max_new_positions: 10}",
    "{sizing_mode: score_weighted, max_single_position: 0.12, max_total_positions: 15, replacement_margin: 0.02}",
)


class Cost(NamedTuple):
    """Processor seconds of a command, and the most memory that it had, MB."""

    seconds: float
    memory: float


def write_day(folder: Path, n_portfolios: int, n_assets: int) -> None:
    """Write a config of so many portfolios, an asset list and a day of scores."""
    names = [f"ASSET{number:03}" for number in range(n_assets)]
    buckets = islice(cycle(f"Bucket {number}" for number in range(BUCKETS)), n_assets)
    scores = np.random.default_rng(7).random(n_assets).round(4)
    inbox = folder / "inbox"
    inbox.mkdir()
    pl.DataFrame({"asset": names, "bucket": list(buckets)}).write_csv(inbox / "assets.csv")
    pl.DataFrame({"asset": names, "score": scores}).with_columns(date=pl.lit(DAY)).write_csv(
        inbox / f"scores_{DAY}.csv"
    )
    portfolios = (f"  fund_{number:05}: {limits}" for number, limits in zip(range(n_portfolios), cycle(LIMIT_SETS)))
    (folder / "portfolios.yaml").write_text("\n".join(["portfolios:", *portfolios, ""]))


def run_day(n_portfolios: int, n_assets: int, connection: Mapping[str, str]) -> Cost:
    """Run the day in a new folder; it must publish. `connection` names a Prefect server, where there is one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_day(folder, n_portfolios, n_assets)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("BALLAST_", "PREFECT_"))}
        environment = ours | {
            "BALLAST_CONFIG": "portfolios.yaml",
            "PREFECT_HOME": str(folder / "prefect"),
            **connection,
        }
        before = _children()
        command = [Path(sys.executable).with_name("ballast"), "run", "--as-of", str(DAY)]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)  # noqa: S603 - ours
        after = _children()
    return Cost(after.seconds - before.seconds, after.memory)


def _children() -> Cost:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def run(counts: list[int], n_assets: int, rounds: int, connection: Mapping[str, str]) -> Table:
    """Measure the counts in turn, from few to many, and return the table."""
    costs = [[run_day(count, n_assets, connection) for count in counts] for _ in range(rounds)]
    seconds = [min(one[place].seconds for one in costs) for place in range(len(counts))]
    memory = [costs[0][place].memory for place in range(len(counts))]
    each = (seconds[-1] - seconds[0]) / (counts[-1] - counts[0])
    share = each / seconds[0]
    table = Table(title=f"each further portfolio costs {share:.2%} of a day of {counts[0]}", title_justify="left")
    for words in ("portfolios", "processor s", "times the first", "ms each further", "MB"):
        table.add_column(words, justify="right")
    for count, taken, most in zip(counts, seconds, memory, strict=True):
        further = f"{1e3 * (taken - seconds[0]) / (count - counts[0]):.1f}" if count > counts[0] else ""
        table.add_row(f"{count:,}", f"{taken:.1f}", f"{taken / seconds[0]:.2f}", further, f"{most:.0f}")
    table.caption = f"best of {rounds} rounds; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return table


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=int, nargs="+", default=COUNTS, help="default: 1 1000 6000")
    parser.add_argument("--assets", type=int, default=ASSETS, help=f"candidates of each; default: {ASSETS}")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured; default: 2")
    parser.add_argument("--server", action="store_true", help="run on a Prefect server, which is not measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, server(Path(home)) if options.server else nullcontext() as url:
        connection = {"PREFECT_API_URL": url} if url else {}
        table = run(sorted(options.portfolios), options.assets, options.rounds, connection)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
