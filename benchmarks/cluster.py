"""What a second Dask worker gains: `ballast run` of a large day on one worker and on two, on a Prefect server.

    VENV=.venv-scale .ci/setup dev scale
    .venv-scale/bin/python benchmarks/cluster.py --portfolios 80000 --shard-size 4000

Each run is a process of its own in a new folder. The time of the shards begins when each worker has done one: their
start is left out. Scheduler, server and coordinator need processors too, so two cores show less than two workers could.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from overhead import server
from portfolios import ASSETS, DAY, write_day
from rich.console import Console
from rich.table import Table

AIM = 1.7
_DONE = re.compile(r"shards: (\d+) of (\d+), ")


def time_shards(n_workers: int, n_portfolios: int, shard_size: int, url: str) -> tuple[float, float]:
    """Return shards a second, and the seconds of the command. It must publish."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_day(folder, n_portfolios, ASSETS)
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("BALLAST_", "PREFECT_"))}
        ours |= {"PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "prefect"), "BALLAST_CONFIG": "portfolios.yaml"}
        ours |= {"BALLAST_DASK": str(n_workers), "BALLAST_SHARD_SIZE": str(shard_size)}
        command = [str(Path(sys.executable).with_name("ballast")), "run", "--as-of", str(DAY), "--verbose"]
        start = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=folder, env=ours, **quiet) as process:  # noqa: S603 - ours
            done = [time.perf_counter() for line in process.stderr or () if _DONE.search(line)]
        if process.returncode:
            sys.exit(f"ballast run ended with {process.returncode}")
        # From the moment when each worker has done one.
        return (len(done) - n_workers) / (done[-1] - done[n_workers - 1]), time.perf_counter() - start


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=int, default=80_000)
    parser.add_argument("--shard-size", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured; default: 2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, server(Path(home)) as url:
        rounds = [
            [time_shards(n_workers, asked.portfolios, asked.shard_size, url) for n_workers in (1, 2)]
            for _ in range(asked.rounds)
        ]
    one, two = (max(of[place][0] for of in rounds) for place in range(2))
    table = Table(title=f"{asked.portfolios:,} portfolios in shards of {asked.shard_size:,}", title_justify="left")
    for words in ("workers", "shards a second", "s of the command"):
        table.add_column(words, justify="right")
    for place, rate in enumerate((one, two)):
        table.add_row(f"{place + 1}", f"{rate:.2f}", f"{min(of[place][1] for of in rounds):.0f}")
    load, cores = os.getloadavg()[0], os.cpu_count()
    table.caption = f"two are {two / one:.2f} times one (aim: {AIM}); load of the machine {load:.1f} on {cores} cores"
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
