"""A proposed run waits, seen by nobody who trades, until somebody approves or declines it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import polars as pl
import pytest

from sql.admin.maintenance import verify
from sql.errors import ApprovalError, HaltedError, PublishRejectedError, WarehouseError
from sql.records import StartedRun
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import DAY, ONE, TWO, Weights, make_frames, make_run, publish, read, states_of

NEXT = DAY + timedelta(days=1)
P2 = {"p2": TWO["p2"]}
OTHER: Weights = {"p1": {"AAA": "0.2", "BBB": "0.5", "CCC": "0"}}
WHY = {"p1": "turnover 0.45 above max_turnover 0.3"}
APPROVED = ("anna", "talked to the desk")


@pytest.fixture
def warehouse(make_migrated: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """A warehouse that is opened once for a test."""
    with make_migrated().kept_open() as session:
        yield session


def _propose(  # noqa: PLR0913, PLR0917 - what a proposal is
    warehouse: Warehouse,
    run_id: str,
    portfolios: Weights = ONE,
    as_of_date: date = DAY,
    by: str = "tom",
    four_eyes: tuple[str, ...] = (),
) -> None:
    warehouse.start_run(make_run(run_id, portfolios, as_of_date), by)
    reasons = {portfolio_id: f"why {portfolio_id}" for portfolio_id in portfolios}
    warehouse.propose(run_id, make_frames(portfolios, as_of_date), by, reasons, four_eyes)


def _waiting(warehouse: Warehouse) -> list[str]:
    return warehouse.query("open_proposals")["run_id"].unique(maintain_order=True).to_list()


def _current(warehouse: Warehouse) -> set[str]:
    return set(warehouse.query("current_targets")["run_id"])


def test_a_proposal_waits_with_every_row_and_says_what_it_would_do(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1", TWO), "tom")
    proposed_at = warehouse.propose("r1", make_frames(TWO), "tom", WHY, ["p2"], ["include_assets names XXX"])
    waiting = warehouse.query("open_proposals")
    told = ("portfolio_id", "reason", "needs_four_eyes", "proposed_by", "n_open", "n_close", "turnover", "is_halted")
    assert waiting.select(told).rows() == [
        ("p1", WHY["p1"], False, "tom", 2, 1, 0.45, False),
        ("p2", f"waits with the others of its run: p1: {WHY['p1']}", True, "tom", 2, 1, 0.45, False),
    ]
    assert set(waiting["proposed_at"]) == {proposed_at}
    assert warehouse.query("run_by_id", run_id="r1").select("state", "reason").row(0) == (
        "proposed",
        f"p1: {WHY['p1']}; approval is asked, with four eyes for p2; warning: include_assets names XXX",
    )
    assert read(warehouse, "SELECT count(*) FROM targets").item() == 8
    assert _current(warehouse) == set()


def test_an_approved_run_is_published_with_both_events_and_the_words_of_who_approved(warehouse: Warehouse) -> None:
    publish(warehouse, "r0")
    _propose(warehouse, "r1", OTHER)
    published = warehouse.approve("r1", " anna ", "talked to the desk")
    assert (published.run_id, published.is_new, published.superseded) == ("r1", True, ("r0",))
    events = warehouse.query("run_events", run_id="r1").select("state", "by", "reason").rows()
    assert events[2:] == [
        ("approved", "anna", "talked to the desk"),
        ("published", "anna", "approved, every check passed: talked to the desk"),
    ]
    assert _current(warehouse) == {"r1"}
    assert _waiting(warehouse) == []
    assert warehouse.start_run(make_run("r1", OTHER), "tom") == "published"


def test_a_declined_proposal_leaves_what_is_visible_and_may_be_proposed_again(warehouse: Warehouse) -> None:
    publish(warehouse, "r0")
    _propose(warehouse, "r1", OTHER)
    warehouse.decline("r1", "anna", "too much at once")
    assert (_current(warehouse), _waiting(warehouse)) == ({"r0"}, [])
    assert warehouse.query("run_by_id", run_id="r1").select("state", "by", "reason").row(0) == (
        "rejected",
        "anna",
        "too much at once",
    )
    assert warehouse.start_run(make_run("r1", OTHER), "tom") == "rejected"
    warehouse.propose("r1", make_frames(OTHER), "tom", WHY)
    assert _waiting(warehouse) == ["r1"]
    warehouse.approve("r1", *APPROVED)
    assert read(warehouse, "SELECT count(*) FROM targets WHERE run_id = 'r1'").item() == 4
    history = read(warehouse, "SELECT outcome, decided_by, note FROM proposal_history")
    assert history.rows() == [("published", *APPROVED), ("declined", "anna", "too much at once")]


def test_a_proposal_that_is_started_or_made_again_goes_on_waiting(warehouse: Warehouse) -> None:
    _propose(warehouse, "r1")
    first = warehouse.query("open_proposals")
    assert warehouse.start_run(make_run("r1"), "tom") == "proposed"
    assert warehouse.propose("r1", make_frames(), "ben", WHY) == first["proposed_at"][0]
    assert warehouse.query("open_proposals").equals(first)
    assert states_of(warehouse, "r1") == ["started", "proposed", "unchanged", "unchanged"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("portfolios", "day", "waiting"),
    [
        (ONE, DAY, ["new"]),
        (TWO, NEXT, ["new"]),
        (P2, DAY, ["old", "new"]),
        (ONE, DAY - timedelta(days=1), ["old", "new"]),
    ],
)
@pytest.mark.parametrize("how", ["proposed", "published"])
def test_what_replaces_a_proposal_supersedes_it(
    warehouse: Warehouse, portfolios: Weights, day: date, waiting: list[str], how: str
) -> None:
    _propose(warehouse, "old")
    if how == "proposed":
        _propose(warehouse, "new", portfolios, day)
        assert _waiting(warehouse) == waiting
    else:
        publish(warehouse, "new", portfolios, day)
        assert _waiting(warehouse) == waiting[:-1]
    if "old" not in waiting:
        assert states_of(warehouse, "old")[-1] == "superseded"
        with pytest.raises(ApprovalError, match=rf"superseded since .*replaced by run new of {day}.*decide on the run"):
            warehouse.approve("old", *APPROVED)
        assert read(warehouse, "SELECT count(*) FROM targets WHERE run_id = 'old'").item() == 4


def test_a_backfill_supersedes_the_proposals_of_its_days_and_before(warehouse: Warehouse) -> None:
    _propose(warehouse, "old")
    runs = [StartedRun(make_run(f"r{day}", as_of_date=DAY + timedelta(days=day))) for day in range(2)]
    frames = [
        {
            table: rows.with_columns(run_id=pl.lit(run.run_id))
            for table, rows in make_frames(ONE, run.as_of_date).items()
        }
        for run, _ in runs
    ]
    warehouse.publish_many(runs, {table: pl.concat([one[table] for one in frames]) for table in frames[0]}, "test")
    assert states_of(warehouse, "old")[-1] == "superseded"
    assert warehouse.query("run_by_id", run_id="old")["reason"].item() == (
        f"the proposal is replaced by run r1 of {NEXT}"
    )


def test_a_correction_of_an_earlier_day_can_be_approved(warehouse: Warehouse) -> None:
    publish(warehouse, "today", ONE, NEXT)
    _propose(warehouse, "yesterday", OTHER, DAY)
    warehouse.approve("yesterday", *APPROVED)
    assert _current(warehouse) == {"today"}
    assert warehouse.query("visible_on_days", days=[DAY])["run_id"].to_list() == ["yesterday"]


@pytest.mark.parametrize("approver", ["tom", " TOM ", "Tom\n"])
def test_who_proposed_may_not_approve_where_four_eyes_are_asked(warehouse: Warehouse, approver: str) -> None:
    _propose(warehouse, "r1", TWO, four_eyes=("p2",))
    with pytest.raises(ApprovalError, match=r"proposed by tom, and 1 of its portfolios ask for four eyes \(p2\).*else"):
        warehouse.approve("r1", approver, "fine")
    assert _waiting(warehouse) == ["r1"]
    assert warehouse.approve("r1", "anna", "fine").is_new


def test_who_proposed_may_approve_otherwise_and_always_decline(warehouse: Warehouse) -> None:
    _propose(warehouse, "r1")
    assert warehouse.approve("r1", "tom", "fine").is_new
    _propose(warehouse, "r2", four_eyes=("p1",))
    warehouse.decline("r2", "tom", "a mistake")
    assert _waiting(warehouse) == []


@pytest.mark.parametrize(("approver", "note"), [("", "fine"), (" ", "fine"), ("anna", ""), ("anna", "\t")])
@pytest.mark.parametrize("decide", [Warehouse.approve, Warehouse.decline])
def test_nobody_decides_without_name_or_note(
    warehouse: Warehouse, decide: Callable[..., object], approver: str, note: str
) -> None:
    with pytest.raises(ApprovalError, match="expected text for both"):
        decide(warehouse, "r1", approver, note)


@pytest.mark.parametrize("decide", [Warehouse.approve, Warehouse.decline])
def test_what_is_no_open_proposal_is_told_with_its_state_and_what_to_do(
    warehouse: Warehouse, decide: Callable[..., object]
) -> None:
    with pytest.raises(ApprovalError, match=r"no run r1 .*open proposals: none\. Give one of these"):
        decide(warehouse, "r1", *APPROVED)
    publish(warehouse, "r1")
    _propose(warehouse, "r2", P2)
    with pytest.raises(
        ApprovalError,
        match=r"published since .* by test \(every check passed\); open proposals: r2\. .*nothing is left",
    ):
        decide(warehouse, "r1", *APPROVED)
    warehouse.start_run(make_run("r3"), "test")
    with pytest.raises(ApprovalError, match=r"started since .*run the day again, and it is proposed again"):
        decide(warehouse, "r3", *APPROVED)
    assert _waiting(warehouse) == ["r2"]


def test_a_check_that_fails_at_the_approval_ends_the_proposal(warehouse: Warehouse) -> None:
    _propose(warehouse, "r1")
    with warehouse.connected() as con:
        con.execute("UPDATE targets SET target_weight = 0.6 WHERE asset = 'AAA'").fetchall()
    with pytest.raises(PublishRejectedError, match="no_weight_above_max_single_position"):
        warehouse.approve("r1", *APPROVED)
    assert states_of(warehouse, "r1") == ["started", "proposed", "approved", "rejected"]
    assert _current(warehouse) == set()
    health = read(warehouse, "SELECT state, failed_checks, declined_reason FROM run_health").row(0)
    assert (health[0], health[2]) == ("rejected", None)
    assert "no_weight_above_max_single_position" in health[1]


def test_a_proposal_whose_rows_fail_a_check_is_rejected_and_not_written(warehouse: Warehouse) -> None:
    frames = make_frames()
    warehouse.start_run(make_run("r1"), "tom")
    with pytest.raises(PublishRejectedError):
        warehouse.propose("r1", frames | {"targets": pl.concat([frames["targets"]] * 2)}, "tom", WHY)
    assert (states_of(warehouse, "r1"), _waiting(warehouse)) == (["started", "rejected"], [])
    assert read(warehouse, "SELECT count(*) FROM targets").item() == 0


@pytest.mark.parametrize(
    ("reasons", "four_eyes"), [({}, ()), ({"p9": "why"}, ()), (WHY | {"p9": "why"}, ()), (WHY, ("p9",))]
)
def test_a_proposal_says_why_for_portfolios_of_the_run(
    warehouse: Warehouse, reasons: dict[str, str], four_eyes: tuple[str, ...]
) -> None:
    warehouse.start_run(make_run("r1"), "tom")
    with pytest.raises(WarehouseError, match=r"expected at least one reason for \[p1\]\. Nothing was written"):
        warehouse.propose("r1", make_frames(), "tom", reasons, four_eyes)
    assert states_of(warehouse, "r1") == ["started"]


def test_what_is_published_is_not_proposed_and_what_waits_is_not_published(warehouse: Warehouse) -> None:
    publish(warehouse, "r1")
    with pytest.raises(ApprovalError, match="r1 is published already and needs no approval"):
        warehouse.propose("r1", make_frames(), "tom", WHY)
    _propose(warehouse, "r2", P2)
    with pytest.raises(ApprovalError, match="r2 waits for approval and was not published"):
        warehouse.publish("r2", make_frames(P2), "test")
    assert _current(warehouse) == {"r1"}


def test_of_two_who_approve_at_once_one_publishes(make_migrated: Callable[[], Warehouse]) -> None:
    warehouse = make_migrated()
    _propose(warehouse, "r1")

    def approve(name: str) -> str:
        try:
            return warehouse.approve("r1", name, "fine").run_id
        except ApprovalError as told:
            return str(told)

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(approve, ["anna", "ben"]), key=len)
    assert first == "r1"
    assert "run r1 is no open proposal: published since" in second
    assert states_of(warehouse, "r1") == ["started", "proposed", "approved", "published"]


def test_a_halt_stops_the_approval_and_the_proposal_goes_on_waiting(warehouse: Warehouse) -> None:
    _propose(warehouse, "r1")
    warehouse.halt(["p1"], "eve", "prices look wrong")
    assert warehouse.query("open_proposals")["is_halted"].item()
    with pytest.raises(HaltedError, match=r"run r1 was not published, .*p1 since .* by eve: prices look wrong.*resume"):
        warehouse.approve("r1", *APPROVED)
    assert states_of(warehouse, "r1") == ["started", "proposed", "held"]
    assert warehouse.start_run(make_run("r1"), "tom") == "proposed"
    warehouse.resume(["p1"], "eve", "they are right")
    assert warehouse.approve("r1", *APPROVED).is_new


@pytest.mark.slow
def test_a_warehouse_with_proposals_of_every_fate_is_sound(warehouse: Warehouse) -> None:
    with warehouse.kept_open() as session:
        publish(session, "r0")
        _propose(session, "r1", TWO)
        _propose(session, "r2", OTHER)
        session.decline("r2", *APPROVED)
        _propose(session, "r3")
        session.approve("r3", *APPROVED)
        _propose(session, "r4", P2, NEXT)
        session.halt(None, "eve", "a drill")
        session.snapshot()
    assert verify(warehouse, lambda _name, _done, _total: None).failures == ()
    outcomes = read(warehouse, "SELECT run_id, outcome FROM proposal_history").rows()
    assert outcomes == [("r4", "open"), ("r3", "published"), ("r2", "declined"), ("r1", "superseded")]


@pytest.mark.parametrize(
    ("damage", "failing", "words"),
    [
        ("DELETE FROM proposals", "every_proposal_has_its_event", "event 2, and proposals has nothing of p1"),
        (
            "UPDATE run_events SET state = 'held' WHERE event_id = 2",
            "every_proposal_has_its_event",
            "run r1 is no proposal",
        ),
        ("UPDATE proposals SET run_id = 'r9'", "every_row_belongs_to_a_run", "1 rows in proposals of run r9"),
        ("UPDATE targets SET target_weight = 0.4 WHERE is_cash", "run r1: targets_add_up_to_total", "p1"),
    ],
)
def test_a_proposal_that_lost_something_is_found(warehouse: Warehouse, damage: str, failing: str, words: str) -> None:
    _propose(warehouse, "r1")
    with warehouse.connected() as con:
        con.execute(damage).fetchall()
    verification = verify(warehouse, lambda _name, _done, _total: None, has_copies=False)
    assert words in {name: first for name, _, first in verification.failures}[failing]
