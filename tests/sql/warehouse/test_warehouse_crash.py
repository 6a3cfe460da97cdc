"""Days of the real flow under SIGKILL: the short `make soak`, and that its harness notices what is broken."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sql.engine.scripts import read_scripts
from sql.errors import ApprovalError
from sql.warehouse import Warehouse
from tests.soak.campaign import (
    KILLED,
    Campaign,
    Plan,
    Reference,
    make_installation,
    make_order,
    make_references,
    start_process,
)
from tests.soak.faults import Faults, Kill, When
from tests.soak.market import make_ranges, make_works
from tests.soak.processes import processes
from tests.soak.publishing import publish_and_read, publish_at_once
from tests.sql.warehouse_samples import make_frames, make_run, make_warehouse

KILLS, BACKFILL_KILLS = 12, 2
PROCESSES = 8
PUBLISHES = 6
COMMITTED_NOT_TOLD = Plan("publish", Kill("publish", "commit", "after"))


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, ...]:
    """A day, the same day with a corrected score file, which supersedes it, and a day with orders."""
    works = [work for work in make_works(tmp_path_factory.mktemp("market")) if work.day.day in (4, 6)]
    return make_references(tmp_path_factory.mktemp("reference"), works)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_days_under_kills_lose_nothing_tear_nothing_and_end_as_without_kills(
    references: tuple[Reference, ...], tmp_path: Path
) -> None:
    campaign = Campaign(tmp_path, references, seed=5, pause_seconds=0.3)
    campaign.run(1, plan=COMMITTED_NOT_TOLD)
    figures = campaign.run(KILLS)
    assert figures.findings == []
    assert figures.kills.total() >= KILLS
    assert len(figures.kills) >= 4, "kills in so many steps"
    assert figures.works_completed >= KILLS / 3
    assert figures.recoveries >= 1, "the first kill left a log"
    assert figures.looks > figures.works_completed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_backfill_under_kills_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    days = make_ranges(make_works(tmp_path / "market"))[:1]
    references = make_references(tmp_path / "reference", days)
    figures = Campaign(tmp_path / "backfills", references, seed=5, pause_seconds=0.3).run(BACKFILL_KILLS)
    assert figures.findings == []
    assert figures.kills.total() >= BACKFILL_KILLS
    assert figures.works_completed >= 1


@pytest.mark.slow
def test_migrations_that_are_killed_after_any_of_their_commits_go_on(tmp_path: Path) -> None:
    [work, *_] = make_works(tmp_path / "market")
    versions = [script.version for script in read_scripts("migrations")]
    for number, version in enumerate(versions):
        settings = make_installation(tmp_path / version)
        kill = Kill("migrate", "commit", "after", repetition=number)
        life = start_process(replace(make_order(settings, work, tmp_path / f"{version}.jsonl"), kill=kill))
        life.join()
        assert life.exitcode == KILLED
        assert settings.open_warehouse().migrate() == tuple(versions[number + 1 :])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sabotage", "stage", "call", "when", "finding"),
    [
        ("no transaction", "publish", "INSERT INTO targets", "after", "not recovered"),
        pytest.param("copies in place", "snapshot", "copy_alone", "before", "torn"),
        pytest.param("forgets what it acknowledged", "migrate", "begin", "before", "lost: publish"),
    ],
)
def test_the_harness_notices_what_is_broken(  # noqa: PLR0913, PLR0917 - two fixtures and what is broken
    references: tuple[Reference, ...],
    tmp_path: Path,
    sabotage: str,
    stage: str,
    call: str,
    when: When,
    finding: str,
) -> None:
    campaign = Campaign(tmp_path, references[:1], sabotage=sabotage)
    figures = campaign.run(1, plan=Plan(stage, Kill(stage, call, when)))
    assert any(finding in found for found in figures.findings), figures.findings


def _connect_without_a_file(folder: Path) -> None:
    Faults(folder, None).install()
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SELECT 1").fetchall()


@pytest.mark.slow
def test_the_harness_counts_a_connection_without_a_file_too(tmp_path: Path) -> None:
    # As the warehouse opens one to replay what a migration left that was killed.
    worker = processes().Process(target=_connect_without_a_file, args=(tmp_path,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0


def _approve(warehouse: Warehouse, kill: Kill) -> None:
    Faults(warehouse.path.parent, kill).install()
    warehouse.approve("r1", "anna", "fine")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "when", "is_published"),
    [
        ("commands/record_event", "after", False),
        ("queries/proposals_replaced_by", "before", False),
        ("commit", "before", False),
        ("commit", "after", True),
        ("close", "before", True),
    ],
)
def test_an_approval_that_is_killed_is_whole_or_not_there(
    warehouse: Warehouse, call: str, when: When, *, is_published: bool
) -> None:
    with warehouse.kept_open() as session:
        session.start_run(make_run("r1"), "tom")
        session.propose("r1", make_frames(), "tom", {"p1": "first day"}, ["p1"])
    worker = processes().Process(target=_approve, args=(warehouse, Kill("between", call, when)))
    worker.start()
    worker.join()
    assert worker.exitcode == KILLED
    states = ["started", "proposed", *(["approved", "published"] if is_published else [])]
    assert warehouse.query("run_events", run_id="r1")["state"].to_list() == states
    assert warehouse.query("current_targets").height == (4 if is_published else 0)
    if is_published:
        with pytest.raises(ApprovalError, match=r"published since .* by anna"):
            warehouse.approve("r1", "anna", "fine")
    else:
        assert warehouse.approve("r1", "anna", "fine").is_new


@pytest.mark.slow
def test_of_eight_processes_that_publish_the_same_run_one_does_and_seven_say_unchanged(warehouse: Warehouse) -> None:
    assert publish_at_once(warehouse, "r1", PROCESSES) == {"published": 1, "unchanged": 7}
    assert warehouse.query("current_targets").height == 4
    states = Counter(warehouse.query("run_events", run_id="r1")["state"])
    assert states["published"] == 1
    assert states.total() == 2 * PROCESSES


@pytest.mark.slow
def test_readers_see_whole_days_through_many_publishes(tmp_path: Path) -> None:
    seen = publish_and_read(make_warehouse(tmp_path), PUBLISHES)
    assert seen.torn == ()
    assert seen.looks >= PUBLISHES
