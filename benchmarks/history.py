"""What a long history costs: a day published after two hundred and fifty others, against one after a single other.

    make bench
    python benchmarks/history.py --portfolios 1000 --days 50    # quicker

Both warehouses start as the same published day. In one of them its rows stand under earlier days too, each a published
run of its own; then the same next day is run on both in turns, by `ballast run`, and read by `status`, `targets` and
`explain`. Processor seconds of the command, so that the machine's mood counts less.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from sql.engine.table_contracts import RUN_TABLES
from tasks.trading_calendar import find_calendar

LAST = date(2025, 6, 9)
ASSETS, BUCKETS = 20, 6
AIM = 1.2
_DAYS_A_TRANSACTION = 10
LIMITS = "defaults: {max_total_positions: 8, max_new_positions: 8, max_positions_per_bucket: 4}"


class Spent(NamedTuple):
    """What a command took."""

    processor: float
    clock: float


def make_inbox(folder: Path, days: Sequence[date], n_portfolios: int) -> None:
    """Write the config of so many portfolios, the asset list, and scores of the days; seeded."""
    random = np.random.default_rng(20251130)
    names = [f"A{number:03}" for number in range(ASSETS)]
    inbox = folder / "inbox"
    inbox.mkdir()
    pl.DataFrame({"asset": names, "bucket": [f"b{number % BUCKETS}" for number in range(ASSETS)]}).write_csv(
        inbox / "assets.csv"
    )
    for day in days:
        scores = random.uniform(0.4, 0.95, ASSETS).round(4)
        frame = pl.DataFrame({"date": [day] * ASSETS, "asset": names, "score": scores})
        frame.write_csv(inbox / f"scores_{day}.csv")
    portfolios = "\n".join(f"  p{number:06}:" for number in range(n_portfolios))
    (folder / "portfolios.yaml").write_text(f"{LIMITS}\nportfolios:\n{portfolios}\n")


def ballast(folder: Path, warehouse: str, *words: str) -> Spent:
    """Run a command on one of the warehouses. *Raises* `CalledProcessError` with its output when it fails."""
    paths = {"config": "portfolios.yaml", "inbox": "inbox", "warehouse": f"{warehouse}.duckdb"}
    paths |= {"snapshot": f"{warehouse}-snapshot.duckdb", "export_folder": f"{warehouse}-export"}
    own = {f"BALLAST_{name.upper()}": str(folder / path) for name, path in paths.items()}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", "from flows.cli.app import main; main()", *words]
    done = subprocess.run(  # noqa: S603 - our own command
        command, env=os.environ | own, capture_output=True, text=True, check=False
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode and words[0] != "status":  # whose code says how things are
        raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock)


def add_history(path: Path, days: Sequence[date]) -> None:
    """Write the rows of the only run under earlier days too, each as a run that was published on its day."""
    event = {"event_id": "event_id - 2 * {after}", "happened_at": "happened_at - INTERVAL {age} DAY"}
    published = {"published_at": "published_at - INTERVAL {age} DAY"}
    of_day = {"run_id": "'{day}-copied'", "as_of_date": "DATE '{day}'", "ingest_id": "-{after}", "sha256": "'{day}'"}
    scores = """'{{"scores": [-{after}], "scores_since": "{day}"}}'"""
    values = {
        "runs": {"created_at": "created_at - INTERVAL {age} DAY", "inputs": f"json_merge_patch(inputs, {scores})"},
        "run_events": event,
        "visibility": event | published | {"current_until": "published_at - INTERVAL {age} DAY + INTERVAL 1 HOUR"},
        **{table: {} for table in ("run_portfolios", *RUN_TABLES, "scores", "ingests")},
    }
    with duckdb.connect(str(path)) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET memory_limit = '4GB'")
        for table in ("run_events", "visibility"):
            con.execute(f"UPDATE {table} SET event_id = event_id + 2 * {len(days)}")  # noqa: S608 - ours
        # Like its copies it reads the scores of its own day: those of earlier days are no correction of what it read.
        own_day = """json_merge_patch(inputs, format('{{"scores_since": "{}"}}', as_of_date))"""
        con.execute(f"UPDATE runs SET inputs = {own_day}")  # noqa: S608 - ours
        for table, own in values.items():
            _copy_rows(con, table, of_day | own, days)
        con.execute("CHECKPOINT")


def _copy_rows(con: duckdb.DuckDBPyConnection, table: str, values: Mapping[str, str], days: Sequence[date]) -> None:
    """Append the rows of a table once for each day, with values that name it."""
    condition = "WHERE kind = 'scores'" if table == "ingests" else ""
    con.execute(f"CREATE OR REPLACE TEMP TABLE one AS FROM {table} {condition}")
    columns = con.sql(f"FROM {table} LIMIT 0").columns
    con.begin()
    for after, day in enumerate(days, start=1):
        if after % _DAYS_A_TRANSACTION == 0:
            con.commit()
            con.begin()
        texts = {name: value for name, value in values.items() if name in columns}
        replaced = ", ".join(
            f"{value.format(after=after, day=day, age=(LAST - day).days)} AS {name}" for name, value in texts.items()
        )
        con.execute(f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM one")  # noqa: S608 - ours
    con.commit()


def measure(folder: Path, n_portfolios: int, n_days: int) -> tuple[dict[str, tuple[Spent, Spent]], dict[str, int]]:
    """Return what each command takes on the short and on the long history, and the bytes of both."""
    *earlier, before, day = find_calendar("XNYS").between(LAST - timedelta(days=2 * n_days), LAST)[-n_days - 1 :]
    make_inbox(folder, (before, day), n_portfolios)
    ballast(folder, "short", "run", "--as-of", f"{before}")
    shutil.copy(folder / "short.duckdb", folder / "long.duckdb")
    shutil.copy(folder / "short-snapshot.duckdb", folder / "long-snapshot.duckdb")
    add_history(folder / "long.duckdb", earlier)
    commands = {
        "run": ("run", "--as-of", f"{day}"),
        "status": ("status",),
        "targets": ("targets", "p000007"),
        "explain": ("explain", "p000007", "A003"),
    }
    spent = {
        name: (ballast(folder, "short", *words), ballast(folder, "long", *words)) for name, words in commands.items()
    }
    return spent, {name: (folder / f"{name}.duckdb").stat().st_size for name in ("short", "long")}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What a long history costs.")
    parser.add_argument("--portfolios", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=250)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent, sizes = measure(Path(folder), asked.portfolios, asked.days)
    table = Table(title=f"{asked.portfolios:,} portfolios, day {asked.days} against day 2")
    for column in ("command", "day 2, s", f"day {asked.days}, s", "ratio", "clock, s", "ratio of clock"):
        table.add_column(column, justify="left" if column == "command" else "right")
    for name, (short, long) in spent.items():
        ratio, by_clock = long.processor / short.processor, long.clock / short.clock
        row = (
            f"{short.processor:.1f}",
            f"{long.processor:.1f}",
            f"{ratio:.2f}",
            f"{long.clock:.1f}",
            f"{by_clock:.2f}",
        )
        table.add_row(name, *row)
    console = Console()
    console.print(table)
    console.print(
        f"Files: {sizes['short'] / 1e6:,.0f} MB and {sizes['long'] / 1e6:,.0f} MB. Aim of a run: {AIM} times."
    )


if __name__ == "__main__":
    main()
