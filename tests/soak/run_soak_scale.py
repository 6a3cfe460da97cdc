"""`make soak-scale`: kill workers and coordinators, cut connections and stop servers around a lake, and report."""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.server.scale.local_postgres import find_binaries
from tests.helpers.postgres_server import PostgresServer, running_postgres
from tests.helpers.prefect_server import running_server
from tests.soak.campaign import Campaign, Figures, make_references
from tests.soak.clusters import Desk, compare_workers, kill_workers
from tests.soak.lakes import cut_connections, install_in_a_lake, stop_the_server
from tests.soak.market import make_works
from tests.soak.publishing import publish_and_read, publish_at_once
from tests.soak.run_soak import Advance, Bar, bars, show_kills

_COMMIT_KILLS, _CUTS, _STOPS, _ROUNDS, _PUBLISHES = 0.3, 0.3, 0.1, 0.1, 0.5
"""Of each there are so many times the kills."""
_PROCESSES = 8


def main() -> int:
    """Run it all, show the figures, and give 1 when anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    console, binaries = Console(highlight=False, emoji=False), find_binaries()
    if not binaries:
        console.print("PostgreSQL is not installed: the distribution's package postgresql has it")
        return 1
    logging.getLogger("sql").setLevel(logging.ERROR)
    console.print(f"make soak-scale KILLS={asked.kills} SEED={asked.seed}")
    home = Path(tempfile.mkdtemp(prefix="ballast-soak-scale-"))
    findings: list[str] = []
    with running_postgres(binaries, is_durable=True) as postgres, bars(console) as bar:
        for what, n_times, found in _hurt(home, postgres, asked.kills, asked.seed, bar):
            console.print(f"{what}: {n_times}, found {len(found)}")
            findings += [f"{what}: {one}" for one in found]
        campaigns = _kill_coordinators(home, postgres, asked.kills, asked.seed, bar)
    show_kills(console, campaigns)
    findings += [one for figures in campaigns.values() for one in figures.findings]
    for one in findings:
        console.print(f"[bold red]found[/] {escape(one)}")
    if not findings:
        shutil.rmtree(home)
    return 1 if findings else 0


def _kill_coordinators(home: Path, postgres: PostgresServer, kills: int, seed: int, bar: Bar) -> dict[str, Figures]:
    """Kill whoever publishes, at each of its steps and at random moments, then at COMMIT alone."""
    install = partial(install_in_a_lake, postgres.url())
    works = make_works(home / "market")
    references = make_references(home / "reference", works, bar("days without a kill", len(works)), install)
    start = partial(Campaign, references=references, seed=seed, install=install)
    anywhere = start(home / "kills", progress=bar("kills of coordinators", kills)).run(kills)
    n_commits = max(1, round(kills * _COMMIT_KILLS))
    at_commit = start(home / "commits", progress=bar("kills at COMMIT", n_commits), call="commit", points_share=1)
    return {"coordinator": anywhere, "at COMMIT": at_commit.run(n_commits)}


def _hurt(
    home: Path, postgres: PostgresServer, kills: int, seed: int, bar: Bar
) -> Iterator[tuple[str, int, Sequence[str]]]:
    """Yield what was done, how often, and what was found, as each is done."""
    n_cuts, n_stops, n_rounds, n_publishes = (
        max(2, round(kills * share)) for share in (_CUTS, _STOPS, _ROUNDS, _PUBLISHES)
    )
    cuts = cut_connections(home / "cuts", postgres, n_cuts, bar("connections cut at COMMIT", n_cuts))
    yield "connections cut at COMMIT", n_cuts, [*cuts]
    stops = stop_the_server(home / "stops", postgres, n_stops, seed, bar("stops of PostgreSQL", n_stops))
    yield "stops of PostgreSQL while a run is published", n_stops, [*stops]
    together = _publish_at_once(home / "together", postgres, n_rounds, bar("runs that eight publish", n_rounds))
    yield "runs that eight coordinators publish at once", n_rounds, [*together]
    lake = install_in_a_lake(postgres.url(), home / "readers").open_warehouse()
    seen = publish_and_read(lake, n_publishes, bar("publishes, two readers", n_publishes))
    yield f"looks of two readers at {n_publishes} publishes", seen.looks, seen.torn
    (home / "prefect").mkdir()
    with running_server(home / "prefect") as prefect:
        desk = Desk(home / "desk", prefect, postgres)
        killed = kill_workers(desk, kills, seed, bar("kills of workers", kills))
        yield "workers killed in a shard", kills, [*killed]
        others = compare_workers(desk, bar("other numbers of workers", 2))
        yield "days with the hashes of one worker, with two and with four", 2, [*others]


def _publish_at_once(home: Path, postgres: PostgresServer, n_rounds: int, advance: Advance) -> Iterable[str]:
    lake = install_in_a_lake(postgres.url(), home).open_warehouse()
    lake.migrate()
    for number in range(n_rounds):
        said = publish_at_once(lake, f"r{number}", _PROCESSES)
        if said != {"published": 1, "unchanged": _PROCESSES - 1}:
            yield f"of {_PROCESSES} processes that publish the same run: {dict(said)}"
        advance()


if __name__ == "__main__":
    sys.exit(main())
