"""How many days a second a backfill publishes, where the time of a day goes, and what the daily flow takes for one.

    make bench                                     # three years of a made-up market
    python benchmarks/backfill.py --data FOLDER    # a folder with scores.parquet and assets.csv
    python benchmarks/backfill.py --lifecycle      # with grace, a holding period, a cooldown and round trips

The daily flow runs on a temporary Prefect server. All in this one process, so that the machine's mood divides out.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from functools import wraps
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

import numpy as np
import polars as pl
import yaml
from rich.console import Console
from rich.table import Table

import sizing.multi_day.day_chain
import sql.store.run_batches
import sql.warehouse
import tasks.runs.multi_day.day_stretches
from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from sizing.multi_day.day_chain import DayChain
from tasks.config.settings import RebalanceConfig, Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day.backfill import publish_days
from tasks.runs.multi_day.day_stretches import Book
from tasks.runs.multi_day.guess_ahead import GuessAhead
from tasks.trading_calendar import find_calendar

FIRST, LAST = date(2022, 1, 3), date(2024, 12, 31)
ASSETS, BUCKETS, MEMORY, DAILY = 114, 13, 0.98, 5
"""The market's size; how much of a score's distance from its mean is left a day later; days of the daily flow."""

LIMITS = {
    "default": RebalancingLimits(),
    "buckets": RebalancingLimits(
        sizing_mode="score_weighted",
        residual_strategy="proportional",
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.25,
        replacement_margin=0.05,
    ),
    "cash": RebalancingLimits(sizing_mode="equal_weight", residual_strategy="cash_bucket", max_single_position=0.08),
}
LIFECYCLE = {"grace_period_days": 5, "min_holding_days": 3, "reentry_cooldown_days": 10, "max_round_trips": 2}
PARTS = {
    "find and read the inputs": [(Book, "read")],
    "guess what each day starts from, or wait for it": [(DayChain, "guess"), (GuessAhead, "take")],
    "the rules": [(sizing.multi_day.day_chain, "rebalance"), (tasks.runs.multi_day.day_stretches, "find_held_days")],
    "name and describe each run": [
        (tasks.runs.multi_day.day_stretches, "describe"),
        (tasks.runs.multi_day.day_stretches, "continue_from"),
    ],
    "insert the rows": [(sql.store.run_batches, "insert")],
    "run every check on every run": [(sql.store.run_batches, "find_failures")],
    "export each day": [(sql.warehouse, "export_days")],
}
"""Functions that are timed separately; none calls another of them."""


def make_market(folder: Path) -> Path:
    """Write three years of scores that move slowly, as real ones do, and the asset list; seeded."""
    random = np.random.default_rng(20251122)
    days = find_calendar("XNYS").between(FIRST, LAST)
    names = [f"A{number:03}" for number in range(ASSETS)]
    drift = np.zeros((len(days), ASSETS))
    drift[0] = random.normal(0, 1, ASSETS)
    for number in range(1, len(days)):
        drift[number] = MEMORY * drift[number - 1] + np.sqrt(1 - MEMORY**2) * random.normal(0, 1, ASSETS)
    ranks = (drift.argsort(axis=1).argsort(axis=1) / (ASSETS - 1)).round(4)
    pl.DataFrame(
        {
            "date": np.repeat(np.array(days, dtype="datetime64[D]"), ASSETS),
            "asset": names * len(days),
            "score": ranks.ravel(),
        }
    ).write_parquet(folder / "scores.parquet")
    buckets = [f"b{number % BUCKETS:02}" for number in range(ASSETS)]
    pl.DataFrame({"asset": names, "bucket": buckets}).write_csv(folder / "assets.csv")
    return folder


def backfill(settings: Settings, days: tuple[date, ...], limits: Mapping[str, RebalancingLimits]) -> float:
    """Publish and export the days, a quarter at a time as the flow does, and return the seconds."""
    start = time.perf_counter()
    quarters = [tuple(own) for _, own in groupby(days, key=lambda day: (day.year, (day.month - 1) // 3))]
    with GuessAhead(quarters) as ahead:
        for these in quarters:
            with settings.open_warehouse().kept_open() as warehouse:
                book = Book(warehouse, settings.exchange, limits, "benchmark", None, ahead=ahead)
                done = publish_days(book, these, keep_going=True)
                warehouse.export(these)
            assert [one.state for one in done] == ["published"] * len(these)
    return time.perf_counter() - start


def daily(settings: Settings, days: tuple[date, ...]) -> float:
    """Run the daily flow for each day, and return the seconds of one, without the first, which starts the server."""

    async def run_each() -> float:
        start = time.perf_counter()
        for number, day in enumerate(days):
            config = RebalanceConfig(as_of_date=day, settings=settings)
            state = await daily_rebalance(config, return_state=True)
            assert state.name == "Published"
            if number == 0:
                start = time.perf_counter()
        return (time.perf_counter() - start) / (len(days) - 1)

    return asyncio.run(run_each())


def timed(seconds: Counter[str], part: str, module: Any, name: str) -> AbstractContextManager[Any]:  # noqa: ANN401 - a module
    """Add up the seconds that a function takes while the context lasts."""
    work: Callable[..., object] = getattr(module, name)

    @wraps(work)
    def watched(*args: object, **named: object) -> object:
        start = time.perf_counter()
        try:
            return work(*args, **named)
        finally:
            seconds[part] += time.perf_counter() - start

    return patch.object(module, name, watched)


def run(folder: Path, inbox: Path, limits: Mapping[str, RebalancingLimits]) -> Table:
    """Measure the backfill and the daily flow, and return the table."""
    config = folder / "portfolios.yaml"
    portfolios = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in limits.items()}
    config.write_text(yaml.safe_dump({"portfolios": portfolios}))
    settings = [
        Settings(
            config=config,
            inbox=inbox,
            warehouse=folder / name / "warehouse.duckdb",
            snapshot=folder / name / "snapshot.duckdb",
            export_folder=folder / name / "targets",
        )
        for name in ("backfill", "daily")
    ]
    scores = pl.read_parquet(inbox / "scores.parquet", columns=["date"])
    days = tuple(scores["date"].unique().sort())
    start = time.perf_counter()
    ingest_range(settings[0], days, {})
    ingest_seconds = time.perf_counter() - start
    seconds: Counter[str] = Counter()
    watches = [timed(seconds, part, *where) for part, functions in PARTS.items() for where in functions]
    for watch in watches:
        watch.__enter__()
    processor = time.process_time()
    total = backfill(settings[0], days, limits)
    processor = time.process_time() - processor
    for watch in watches:
        watch.__exit__(None, None, None)
    start = time.perf_counter()
    settings[0].open_warehouse().snapshot(days[-1])
    snapshot_seconds = time.perf_counter() - start
    one_daily = daily(settings[1], days[: DAILY + 1])
    table = Table(title=f"{len(days) / total:.1f} days a second", title_justify="left")
    for name in ("where the time of a day goes", "ms", "share"):
        table.add_column(name, justify="right" if name in {"ms", "share"} else "left")
    seconds["everything else, commit included"] = total - seconds.total()
    for part, spent in seconds.most_common():
        table.add_row(part, f"{1e3 * spent / len(days):.1f}", f"{spent / total:.0%}")
    table.add_row("in all", f"{1e3 * total / len(days):.1f}", "100%")
    table.add_row("processor time of all", f"{1e3 * processor / len(days):.1f}", f"{processor / total:.0%}")
    table.caption = (
        f"{len(days):,} days, {len(limits)} portfolios, {scores.height:,} scores\n"
        f"the daily flow takes {one_daily:.2f} s a day, {one_daily * len(days) / total:.0f} times as long\n"
        f"once: {ingest_seconds:.1f} s to ingest, {snapshot_seconds:.1f} s for the snapshot"
    )
    return table


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, help="folder with scores.parquet and assets.csv; default: a made-up market"
    )
    parser.add_argument("--lifecycle", action="store_true", help="switch on limits that read states of holdings")
    options = parser.parse_args()
    changed = LIFECYCLE if options.lifecycle else {}
    limits = {name: one.model_copy(update=changed) for name, one in LIMITS.items()}
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory() as folder:
        inbox = options.data
        if inbox and not (inbox / "scores.parquet").exists():
            console.print(f"no scores.parquet in {inbox}: a made-up market of the same size is measured instead")
            inbox = None
        console.print(run(Path(folder), inbox or make_market(Path(folder)), limits))


if __name__ == "__main__":
    main()
