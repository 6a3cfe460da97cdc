"""The first line of `ballast status`: what is well, what is not, and what to do about it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from flows.cli.queries.health import (
    answer,
    find_concerns,
    is_live,
    session_after,
    sessions_after,
    sessions_until,
    was_due,
)

DAY, NEXT = date(2025, 6, 6), date(2025, 6, 9)
MOMENT = datetime(2025, 6, 6, 21, tzinfo=UTC)
FOLLOWING = session_after("XNYS", DAY, 3)
HALTS = pl.DataFrame(
    schema={"portfolio_id": pl.String, "since": pl.Datetime("us", "UTC"), "by": pl.String, "reason": pl.String}
)
PROPOSALS = pl.DataFrame(schema={"as_of_date": pl.Date, "run_id": pl.String, "portfolio_id": pl.String})


def states(**changed: object) -> pl.DataFrame:
    return pl.DataFrame(
        [{"portfolio_id": "core", "newest_day": DAY} | changed], {"portfolio_id": pl.String, "newest_day": pl.Date}
    )


def health(**changed: object) -> pl.DataFrame:
    row = {
        "as_of_date": DAY,
        "state": "published",
        "is_covered": True,
        "missing_portfolios": [],
        "waiting_portfolios": [],
        "halted_portfolios": [],
        "last_state": "published",
        "last_reason": "every check passed",
    }
    return pl.DataFrame([row | changed])


def said(
    state: pl.DataFrame | None = None,
    day: pl.DataFrame | None = None,
    halts: pl.DataFrame = HALTS,
    now: datetime = MOMENT,
) -> str:
    rows = states() if state is None else state
    late = list(sessions_until(FOLLOWING, 3, now))
    return answer(rows, find_concerns(PROPOSALS, health() if day is None else day, halts, late), [FOLLOWING])


def test_the_next_session_skips_the_weekend_and_is_due_hours_after_its_close() -> None:
    assert FOLLOWING.day == NEXT
    assert FOLLOWING.due - FOLLOWING.close == timedelta(hours=3)
    assert FOLLOWING.close == datetime(2025, 6, 9, 20, tzinfo=UTC)


def test_each_exchange_has_its_own_next_session_the_first_due_first() -> None:
    rows = pl.concat([states(portfolio_id=name) for name in ("core", "asia", "gone")])
    found = sessions_after(rows, {"core": "XNYS", "asia": "XTKS"}, 3)
    assert [(one.exchange, one.day) for one in found] == [("XTKS", NEXT), ("XNYS", NEXT)]
    assert found[0].due == datetime(2025, 6, 9, 9, 30, tzinfo=UTC)  # Tokyo closes at 15:30
    now = found[0].due + timedelta(minutes=1)
    late = find_concerns(PROPOSALS, health(), HALTS, [one for first in found for one in sessions_until(first, 3, now)])
    assert [one.what for one in late] == ["2025-06-09 has no targets"]


def test_a_good_day_says_so_and_what_is_next() -> None:
    well, coming = said().split("; ")
    assert well == "All is well: 1 portfolio has targets of 2025-06-06"
    assert coming == "next is 2025-06-09, due by 2025-06-09 23:00 UTC."


def test_a_day_is_late_only_after_its_hour_and_while_nothing_is_told_of_it() -> None:
    assert said(now=FOLLOWING.due).startswith("All is well")
    late = FOLLOWING.due + timedelta(seconds=1)
    assert said(now=late) == "Not all is well: 2025-06-09 has no targets."
    told = health(as_of_date=NEXT, state="held", is_covered=False, last_state="held", last_reason="20 of 40 missing")
    assert said(day=told, now=late) == "Not all is well: 2025-06-09 is held."


def test_one_order_that_halts_many_portfolios_is_one_concern() -> None:
    names = [f"fund_{number:02}" for number in range(12)]
    halts = pl.DataFrame([(name, MOMENT, "ann", "odd scores") for name in names], HALTS.schema, orient="row")
    [concern] = find_concerns(PROPOSALS, health(), halts, [])
    assert concern.what == f"publication of {', '.join(names[:10])} and 2 more is halted"
    assert concern.todo == 'ballast resume NAME ... --reason "..."'


@pytest.mark.parametrize(("name", "words"), [(None, "all portfolios"), ("core", "core")])
def test_a_halt_is_told_with_the_command_that_lifts_it(name: str | None, words: str) -> None:
    halts = pl.DataFrame([(name, MOMENT, "ann", "odd scores")], HALTS.schema, orient="row")
    assert said(halts=halts) == f"Not all is well: publication of {words} is halted."
    [concern] = find_concerns(PROPOSALS, health(), halts, [])
    assert concern.why == "since 2025-06-06 21:00 UTC by ann: odd scores"
    assert concern.todo == f'ballast resume {name or "--all"} --reason "..."'


def test_a_proposal_is_told_once_for_its_portfolios_with_the_command_that_approves_it() -> None:
    proposals = pl.DataFrame([(NEXT, "r1", "core"), (NEXT, "r1", "income")], PROPOSALS.schema, orient="row")
    day = health(as_of_date=NEXT, state="proposed", is_covered=False, last_state="proposed")
    [concern] = find_concerns(proposals, day, HALTS, [])
    assert (concern.what, concern.why) == ("2025-06-09 waits for approval", "core, income, run r1")
    assert concern.todo == 'ballast approve r1 --note "..."'


def test_an_open_proposal_of_an_earlier_day_is_told_beside_a_newer_one() -> None:
    proposals = pl.DataFrame([(DAY, "r1", "core"), (NEXT, "r2", "core")], PROPOSALS.schema, orient="row")
    found = find_concerns(proposals, health(), HALTS, [])
    assert [one.what for one in found] == ["2025-06-06 waits for approval", "2025-06-09 waits for approval"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("held", "2025-06-06 is held"),
        ("failed", "2025-06-06 failed"),
        ("rejected", "2025-06-06 was rejected by the checks"),
        ("declined", "2025-06-06 was declined"),
        ("not_run", "2025-06-06 has scores and was not run"),
        ("started", "2025-06-06 was started and has not ended"),
    ],
)
def test_a_newest_day_that_is_not_published_is_told(state: str, words: str) -> None:
    assert said(day=health(state=state, is_covered=False)) == f"Not all is well: {words}."


def test_scores_of_a_history_that_nobody_runs_are_no_concern() -> None:
    assert said(day=health(state="not_run", is_covered=None)).startswith("All is well")


def test_a_missing_portfolio_is_named_unless_it_waits_or_is_halted() -> None:
    partly = {"state": "partly_published", "is_covered": False, "missing_portfolios": ["core", "income"]}
    assert said(day=health(**partly)) == "Not all is well: 2025-06-06 has no targets of core, income."
    excused = health(**partly, waiting_portfolios=["core"], halted_portfolios=["income"])
    assert said(day=excused).startswith("All is well")


def test_a_correction_that_was_held_is_told_though_the_day_is_published() -> None:
    assert said(day=health(last_state="held")) == "Not all is well: a correction of 2025-06-06 is held."


def test_without_a_publication_the_answer_says_so_and_why() -> None:
    assert said(states(newest_day=None), health(state="held", is_covered=False)) == (
        "Nothing is published yet: 2025-06-06 is held."
    )


def test_every_day_that_went_by_is_told_with_one_command() -> None:
    now = datetime(2025, 6, 12, 12, tzinfo=UTC)
    [concern] = find_concerns(PROPOSALS, health(), HALTS, list(sessions_until(FOLLOWING, 3, now)))
    assert concern.what == "2025-06-09, 2025-06-10, 2025-06-11 have no targets"
    assert concern.todo == "ballast run --from 2025-06-09 --to 2025-06-11"
    assert "due by 2025-06-09 23:00 UTC" in concern.why


def test_every_day_back_to_the_last_good_one_is_told() -> None:
    days = [
        health(as_of_date=date(2025, 6, day), state=state, is_covered=is_covered, last_state=state)
        for day, state, is_covered in (
            (6, "held", False),
            (5, "failed", False),
            (4, "published", True),
            (3, "held", False),
        )
    ]
    found = find_concerns(PROPOSALS, pl.concat(days), HALTS, [])
    assert [one.what for one in found] == ["2025-06-06 is held", "2025-06-05 failed"]


@pytest.mark.parametrize(("days_later", "expected"), [(0, True), (6, True), (7, False), (500, False)])
def test_days_are_expected_after_one_that_was_published_in_its_week(days_later: int, *, expected: bool) -> None:
    close = datetime(2025, 6, 6, 20, tzinfo=UTC)
    published = pl.lit(close + timedelta(days=days_later, minutes=1)).alias("published_at")
    assert is_live(states().with_columns(published), {"core": "XNYS"}) is expected
    assert not is_live(states().with_columns(published), {"another": "XNYS"})


def test_a_day_was_due_hours_after_its_close_and_a_holiday_never() -> None:
    assert not was_due(["XNYS"], NEXT, 3, FOLLOWING.due)
    assert was_due(["XNYS"], NEXT, 3, FOLLOWING.due + timedelta(seconds=1))
    assert not was_due(["XNYS"], date(2025, 6, 7), 3, FOLLOWING.due)
