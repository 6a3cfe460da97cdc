"""What the daily flow costs beside its rules: against an empty flow of as many tasks, on one running server.

    make bench
    python benchmarks/overhead.py --rounds 9    # more of each

The two flows and the rules take turns in this one process, and each figure is the best of its rounds: by the clock, and
in processor time of this process, which says more where the machine is busy. The empty flow is Prefect as it comes.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

import httpx
import polars as pl
from prefect import flow, get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from rich.table import Table

from flows.daily_rebalance import daily_rebalance
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import rebalance
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import RebalanceConfig, Settings
from tasks.inputs.day_inputs import read_days
from tasks.inputs.day_sources import find_sources

ROOT = Path(__file__).parents[1]
DAYS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6, 9))
AIM = 2
START_SECONDS = 180


@task(name="nothing", cache_policy=NO_CACHE, persist_result=False)
def nothing() -> None:
    """Do nothing, as a task."""


@flow(name="empty", persist_result=False)
async def empty(n_tasks: int) -> None:
    """Run as many tasks that do nothing, of the same shape as those of the daily flow."""
    for _ in range(n_tasks):
        nothing()


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Return the address of a Prefect server of its own, on loopback."""
    made = ROOT / ".venv" / "prefect" / "prefect.db"
    if made.exists():
        shutil.copy(made, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {"PREFECT_HOME": str(folder)}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 - ours
    try:
        url = f"http://127.0.0.1:{port}/api"
        wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_for(url: str) -> None:
    """Wait until the server is healthy."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    sys.exit(f"the Prefect server at {url} did not start in {START_SECONDS} s")


class Spent(NamedTuple):
    """Seconds by the clock, and of the processor."""

    clock: float
    processor: float


def seconds(work: Callable[[], object]) -> Spent:
    """Return the seconds that the work takes."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - clock, time.process_time() - processor)


def best(rounds: Iterable[Spent]) -> Spent:
    """Return the least of each."""
    return Spent(*map(min, zip(*rounds, strict=True)))


def run_day(settings: Settings, day: date) -> State[Any]:
    """Run the daily flow, which must publish."""
    config = RebalanceConfig(as_of_date=day, settings=settings)
    run: Coroutine[Any, Any, State[Any]] = daily_rebalance(config, return_state=True)
    state = asyncio.run(run)
    assert state.name == "Published", state.message
    return state


def run_plainly(settings: Settings, day: date) -> Spent:
    """Return the seconds of the same steps without a server, as plain functions: nothing is made for its UI."""
    config = RebalanceConfig(as_of_date=day, settings=settings)
    return seconds(lambda: asyncio.run(daily_rebalance.fn(config)))


def run_rules(settings: Settings, day: date) -> Spent:
    """Return the seconds of every rule of the day on the inputs that the flow read."""
    limits = load_portfolios(settings.config)
    warehouse = settings.open_warehouse()
    sources = find_sources(warehouse, settings.exchange, [day], limits)
    inputs = DayInputs(*read_days(warehouse, settings.exchange, [day], limits, sources)[day])
    return seconds(lambda: rebalance(inputs))


def task_seconds(state: State[Any]) -> pl.DataFrame:
    """Return the seconds of each task of a flow run, from the server that watched it."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=of_run)
    return pl.DataFrame(
        [(run.name.rsplit("-", 1)[0], run.total_run_time.total_seconds()) for run in runs],
        {"task": pl.String, "seconds": pl.Float64},
        orient="row",
    )


def run(folder: Path, rounds: int) -> Table:
    """Measure days of the sample, empty flows and rules in turn, and return the table."""
    whole, bare, rules, plain, tasks = [], [], [], [], []
    for number in range(rounds + 1):
        place = folder / str(number)
        settings = Settings(
            config=ROOT / "deployments" / "portfolios.yaml",
            inbox=ROOT / "deployments" / "sample" / "inbox",
            warehouse=place / "warehouse.duckdb",
            snapshot=place / "snapshot.duckdb",
            export_folder=place / "targets",
        )
        run_day(settings, DAYS[0])
        states: list[State[Any]] = []
        of_day = seconds(lambda settings=settings, states=states: states.append(run_day(settings, DAYS[1])))
        of_tasks = task_seconds(states[0])
        of_empty = seconds(lambda n_tasks=of_tasks.height: asyncio.run(empty(n_tasks)))
        if number:  # the first round warms up
            whole.append(of_day)
            bare.append(of_empty)
            rules.append(run_rules(settings, DAYS[1]))
            plain.append(run_plainly(settings, DAYS[2]))
            tasks.append(of_tasks)
    day, none, pure, work = map(best, (whole, bare, rules, plain))
    ratios = [one / (empty + rule) for one, empty, rule in zip(day, none, pure, strict=True)]
    title = f"{ratios[0]:.2f} times an empty flow and the rules, {ratios[1]:.2f} in processor time (aim: {AIM})"
    table = Table(title=title, title_justify="left")
    table.add_column("one day of the sample, three portfolios", min_width=60)
    table.add_column("ms", justify="right")
    table.add_column("processor ms", justify="right")
    table.add_row("the daily flow", *_ms(day), style="bold")
    table.add_row(f"an empty flow of its {tasks[0].height} tasks", *_ms(none))
    table.add_row("the rules alone", *_ms(pure))
    table.add_row("all its steps as plain functions", *_ms(work), end_section=True)
    spent = pl.concat(tasks).group_by("task").agg(pl.col("seconds").min()).sort("seconds", descending=True)
    for name, of_task in spent.iter_rows():
        table.add_row(f"task {name}", f"{1e3 * of_task:.0f}")
    table.caption = (
        f"{day.clock / (none.clock + work.clock):.2f} times an empty flow and all its steps\n"
        f"best of {rounds} rounds; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return table


def _ms(spent: Spent) -> Iterator[str]:
    return (f"{1e3 * one:.0f}" for one in spent)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; default: 5")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "prefect"
        home.mkdir()
        with server(home) as url, temporary_settings({PREFECT_API_URL: url}):
            table = run(Path(folder), options.rounds)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
