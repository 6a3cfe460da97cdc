"""Days on a Dask cluster that loses its workers: `ballast run` as a user types it, on a Prefect server, into a lake."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pydantic import SecretStr

from tasks.config.settings import Settings
from tests.helpers.dask_cluster import Cluster, cluster
from tests.helpers.postgres_server import PostgresServer
from tests.soak.market import SAMPLE
from tests.soak.reader import opened

Advance = Callable[[], None]
DAY = "2025-06-02"
N_SHARDS, SHARDS_A_KILL = 60, 4


@dataclass(frozen=True)
class Done:
    """A run that has ended: its code, how often its rows are visible, the hash of each file of its shards."""

    exitcode: int
    states: Mapping[str, int]
    hashes: Mapping[str, str]

    def unlike(self, other: "Done") -> Iterator[str]:
        """Report what is not as in another run of the same day."""
        if self.exitcode or self.states.get("published") != 1:
            yield f"ended with {self.exitcode} and {self.states}"
        names = self.hashes.keys() | other.hashes.keys()
        if others := sorted(name for name in names if self.hashes.get(name) != other.hashes.get(name)):
            yield f"{len(others)} files of shards differ: {', '.join(others[:3])}"


@dataclass(frozen=True)
class Desk:
    """Where days are run: a Prefect server, a PostgreSQL, a folder."""

    home: Path
    prefect: str
    postgres: PostgresServer

    def run(self, name: str, n_workers: int, on_shard: Callable[[Cluster, int], None] = lambda *_: None) -> Done:
        """Run the day in a new lake on so many workers; `on_shard` is called as shards are done, with their number."""
        folder = self.home / name
        folder.mkdir(parents=True)
        settings, environment = self._install(folder)
        with cluster(folder / "cluster", environment, n_workers) as workers:
            own = environment | {"BALLAST_DASK": workers.address}
            exitcode = _run(folder, own, lambda done: on_shard(workers, done))
            if exitcode:  # a shard was on four workers that were killed, so Dask gave it up: the day is started again
                exitcode = _run(folder, own, lambda _: None)
        return Done(exitcode, _states(settings), _hashes(folder / "lake" / "shards"))

    def _install(self, folder: Path) -> tuple[Settings, dict[str, str]]:
        """Return settings and environment of an installation that has as many portfolios as shards."""
        limits = (f"  fund_{number:02}: {{max_single_position: 0.{number + 5:02}}}\n" for number in range(N_SHARDS))
        (folder / "portfolios.yaml").write_text("portfolios:\n" + "".join(limits))
        catalog, schema = self.postgres.url(), f"desk_{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"
        named = {"store": "ducklake", "lake_schema": schema, "lake_data": str(folder / "lake"), "shard_size": 1}
        paths = {"config": folder / "portfolios.yaml", "inbox": SAMPLE, "export_folder": folder / "targets"}
        settings = Settings(**paths, **named, lake_catalog=SecretStr(catalog))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
        kept |= {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1", "PREFECT_API_URL": self.prefect}
        ours = {**paths, **named, "lake_catalog": catalog}
        return settings, kept | {f"BALLAST_{name.upper()}": str(value) for name, value in ours.items()}


def _run(folder: Path, environment: Mapping[str, str], on_shard: Callable[[int], None]) -> int:
    """Run the day, tell of each shard that is done, and return the exit code."""
    command = [sys.executable, "-m", "flows.cli.app", "run", "--as-of", DAY, "--verbose"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=dict(environment), **quiet) as process:
        done = 0
        for line in process.stderr or ():
            if "shards: " in line and f" of {N_SHARDS}, " in line:
                done += 1
                on_shard(done)
    return process.returncode


def kill_workers(desk: Desk, n_kills: int, seed: int, advance: Advance) -> Iterator[str]:
    """Kill so many workers while they compute, a new one comes for each; yield what is not as without a kill."""
    random, expected = Random(seed), desk.run("without-kills", 2)
    if expected.exitcode:
        yield f"a day without kills ended with {expected.exitcode}"
        return
    left = n_kills

    def kill_one(workers: Cluster, done: int) -> None:
        nonlocal left
        if left and done % SHARDS_A_KILL == 0 and done < N_SHARDS:
            random.choice(workers.workers).kill()
            workers.start_worker()
            left -= 1
            advance()

    number = 0
    while left:
        number += 1
        yield from (f"run {number}: {found}" for found in desk.run(f"kills-{number}", 2, kill_one).unlike(expected))


def compare_workers(desk: Desk, advance: Advance) -> Iterator[str]:
    """Run the day with one, two and four workers; yield what is not the same."""
    one, *others = (desk.run(f"workers-{n_workers}", n_workers) for n_workers in (1, 2, 4))
    for other in others:
        yield from other.unlike(one)
        advance()


def _states(settings: Settings) -> dict[str, int]:
    with opened(settings.open_warehouse()) as con:
        return dict(con.execute("SELECT state, count(*) FROM run_events GROUP BY ALL").fetchall())


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
