"""The short `make soak-scale`: whoever publishes in a lake is killed, and the server that has its catalog is lost."""

from functools import partial
from pathlib import Path

import pytest

from flows.server.scale.local_postgres import find_binaries
from tests.helpers.postgres_server import PostgresServer, running_postgres
from tests.soak.campaign import Campaign, Plan, make_references
from tests.soak.faults import Kill
from tests.soak.lakes import install_in_a_lake, stop_the_server
from tests.soak.market import make_works
from tests.soak.publishing import publish_at_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS, STOPS, PROCESSES = 3, 3, 4
COMMITTED_NOT_TOLD = Plan("publish", Kill("publish", "commit", "after"))


def test_days_in_shards_under_kills_end_in_a_lake_as_without_kills(postgres: PostgresServer, tmp_path: Path) -> None:
    """Of a day and the same day with a corrected score file, which supersedes it."""
    install = partial(install_in_a_lake, postgres.url())
    works = [work for work in make_works(tmp_path / "market") if work.day.day == 4]
    references = make_references(tmp_path / "reference", works, install=install)
    campaign = Campaign(tmp_path / "kills", references, seed=5, install=install)
    campaign.run(1, plan=COMMITTED_NOT_TOLD)
    figures = campaign.run(KILLS)
    assert figures.findings == []
    assert figures.kills.total() >= KILLS
    assert figures.works_completed >= 2
    assert figures.looks > 0


def test_of_processes_that_publish_the_same_run_in_a_lake_one_does(postgres: PostgresServer, tmp_path: Path) -> None:
    lake = install_in_a_lake(postgres.url(), tmp_path / "together").open_warehouse()
    lake.migrate()
    assert publish_at_once(lake, "r1", PROCESSES) == {"published": 1, "unchanged": PROCESSES - 1}


def test_a_server_that_is_killed_while_a_run_is_published_loses_nothing(tmp_path: Path) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: the distribution's package postgresql has it")
    with running_postgres(binaries, is_durable=True) as server:
        assert [*stop_the_server(tmp_path / "stops", server, STOPS, 5, lambda: None)] == []
