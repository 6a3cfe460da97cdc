"""What is due at a moment, by the calendars, and why a portfolio has no targets, by the tables."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from sql.records import IngestSource, RunRecord
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.operations.watchdog import Due, Missing, NotDue, describe_missing, find_due, find_missing

DAY = date(2025, 6, 5)
THREE_HOURS = timedelta(hours=3)
ONE = {"core": "XNYS"}


def _due(moment: str, exchanges: dict[str, str] = ONE, day: date | None = None) -> tuple[list[Due], list[NotDue]]:
    return find_due(exchanges, datetime.fromisoformat(f"{moment}+00:00"), day, THREE_HOURS)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2025-06-05 23:00", date(2025, 6, 5)),  # New York closes at 20:00 UTC
        ("2025-06-05 22:59", date(2025, 6, 4)),
        ("2025-06-06 04:30", date(2025, 6, 5)),  # past midnight in New York
        ("2025-06-07 12:00", date(2025, 6, 6)),  # on Saturday, Friday is not forgotten
        ("2024-11-29 21:00", date(2024, 11, 29)),  # the day after Thanksgiving closes at 18:00 UTC
        ("2024-12-03 00:00", date(2024, 12, 2)),  # in winter at 21:00 UTC
    ],
)
def test_the_newest_day_whose_deadline_has_passed_is_looked_at(moment: str, day: date) -> None:
    assert _due(moment) == ([Due(day, ("core",))], [])


@pytest.mark.parametrize(
    ("moment", "is_closed", "words"),
    [
        ("2025-07-04 23:30", True, "XNYS is closed on 2025-07-04 (Friday), its next trading day is 2025-07-07"),
        ("2025-06-08 23:30", True, "XNYS is closed on 2025-06-08 (Sunday), its next trading day is 2025-06-09"),
        (
            "2025-06-09 22:30",
            False,
            "the targets of 2025-06-09 are due at 2025-06-09 23:00 UTC, 3 hours after the close of XNYS",
        ),
    ],
)
def test_nothing_is_due_without_a_deadline_in_the_last_day(moment: str, *, is_closed: bool, words: str) -> None:
    assert _due(moment) == ([], [NotDue(is_closed, words)])


def test_a_given_day_is_due_after_its_early_close_however_old() -> None:
    assert _due("2026-01-01 00:00", day=DAY) == ([Due(DAY, ("core",))], [])
    [early] = _due("2024-11-29 20:59", day=date(2024, 11, 29))[1]
    assert early.words.endswith("at 2024-11-29 21:00 UTC, 3 hours after the early close of XNYS")
    assert _due("2026-01-01 00:00", day=date(2025, 6, 7))[1][0].is_closed


def test_each_exchange_has_its_own_due_day() -> None:
    exchanges = {"b": "XNYS", "a": "XTKS", "c": "XLON"}
    # Tokyo celebrates on 2025-07-21, and its day is over long before that of the others.
    assert _due("2025-07-21 23:30", exchanges)[0] == [Due(date(2025, 7, 21), ("b", "c"))]
    assert [one.is_closed for one in _due("2025-07-21 23:30", exchanges)[1]] == [False]  # 22nd, there by now
    assert _due("2025-07-22 23:30", exchanges)[0] == [Due(date(2025, 7, 22), ("a", "b", "c"))]


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    made = settings.open_warehouse()
    made.migrate()
    return made


def _start(warehouse: Warehouse, *portfolio_ids: str) -> str:
    run_id = f"run-{'-'.join(portfolio_ids)}"
    prints = dict.fromkeys(("input_fingerprint", "config_fingerprint", "code_fingerprint"), run_id)
    portfolios = pl.DataFrame({"portfolio_id": portfolio_ids}).with_columns(limit_set=pl.lit(None, pl.UInt32))
    warehouse.start_run(RunRecord(run_id, DAY, portfolios, [], **prints, inputs={}), "test")
    return run_id


def _missing(settings: Settings, *portfolio_ids: str) -> list[Missing]:
    return list(find_missing(settings, Due(DAY, portfolio_ids)))


def test_the_tables_say_why_targets_are_missing_and_what_to_do(settings: Settings, warehouse: Warehouse) -> None:
    with warehouse.kept_open() as session:
        session.record_event(_start(session, "a", "b"), "held", "test", "21 of 60 scores are missing")
        session.record_event(_start(session, "b"), "failed", "test", "ValueError: no")
        session.record_event(_start(session, "c"), "rejected", "test", "1 check failed")
        _start(session, "d")
    a, b, c, d, e = _missing(settings, "a", "b", "c", "d", "e")
    assert a.why.startswith("held at ")
    assert a.why.endswith("(21 of 60 scores are missing)")
    assert a.todo == "correct the cause, then `ballast run --as-of 2025-06-05`"
    assert b.why.startswith("failed at ")  # what happened last counts
    assert c.why.startswith("rejected at ")
    assert d.why.endswith("and not finished")
    assert (e.why, "says why not" in e.todo) == ("not run", True)
    assert not any(one.is_halted for one in (a, b, c, d, e))


def test_a_rejected_file_is_why_nothing_was_run(settings: Settings, warehouse: Warehouse) -> None:
    warehouse.record_refusal(IngestSource("scores", "scores_2025-06-05.csv", "a" * 64, DAY), "is rejected: no header")
    [missing] = _missing(settings, "core")
    assert missing.why == "not run (scores_2025-06-05.csv is rejected: no header)"
    assert missing.todo == "correct the file, then `ballast run --as-of 2025-06-05`"


def test_a_halted_portfolio_is_reported_and_is_no_alarm(settings: Settings, warehouse: Warehouse) -> None:
    warehouse.halt(["core"], "ann", "the broker is down")
    core, other = _missing(settings, "core", "income")
    assert (core.is_halted, other.is_halted) == (True, False)
    assert core.why.startswith("halted by ann since ")
    assert core.why.endswith(": the broker is down")
    warehouse.resume(["core"], "ann", "it is back")
    warehouse.halt(None, "bob", "everything")
    assert [one.is_halted for one in _missing(settings, "core", "income")] == [True, True]


@pytest.mark.parametrize(
    "reason", ["portfolio core is halted since 2025-06-05 20:10 UTC by ann: x", "publication is halted: core since ..."]
)
def test_a_day_that_a_lifted_halt_held_is_to_be_run_again(
    settings: Settings, warehouse: Warehouse, reason: str
) -> None:
    warehouse.record_event(_start(warehouse, "core"), "held", "test", reason)
    warehouse.halt(["core"], "ann", "x")
    assert _missing(settings, "core")[0].is_halted
    warehouse.resume(["core"], "ann", "it is back")
    [missing] = _missing(settings, "core")
    assert missing.why.startswith("was held at ")
    assert missing.why.endswith(" by a halt that is lifted")
    assert (missing.todo, missing.is_halted) == ("`ballast run --as-of 2025-06-05`", False)


def test_the_same_reason_is_said_once() -> None:
    missing = [Missing(DAY, name, "not run", "run it") for name in ("a", "b")] + [Missing(DAY, "c", "held", "mend it")]
    due = [Due(DAY, ("a", "b", "c", "d")), Due(date(2025, 6, 6), ("e",))]
    assert describe_missing(due, missing) == (
        "3 of 4 portfolios have no targets of 2025-06-05: a, b not run: run it; c held: mend it; "
        "1 portfolio has targets of 2025-06-06"
    )
