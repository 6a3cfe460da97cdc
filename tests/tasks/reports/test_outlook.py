"""What comes next, with its day on the calendar of the exchange."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from sizing.frames.schema import STORED_WEIGHT
from tasks.reports.chart_data import grace_rows
from tasks.reports.lifecycle_tables import lifecycle_tables
from tasks.reports.outlook import Outlook, outlook_of

FRIDAY = date(2025, 7, 11)
_ROW = {
    "portfolio_id": "P",
    "asset": "a",
    "bucket": "t",
    "run_id": "r1",
    "as_of_date": FRIDAY,
    "exchange": "XNYS",
    "grace_period_days": 0,
    "grace_decay_rate": 0.8,
    "min_decay_factor": 0.1,
    "least_weight": 0.02,
    "grace_recovery_score": 0.65,
    "min_holding_days": 0,
    "max_holding_days": None,
    "max_holding_action": "review",
    "reentry_cooldown_days": 0,
    "max_round_trips": None,
    "round_trip_window_days": 20,
    "reentry_score": None,
    "score": 0.5,
    "kept_by": None,
    "is_held": True,
    "opened_on": None,
    "term_started_on": None,
    "grace_started_on": None,
    "grace_count": None,
    "grace_entry_weight": None,
    "closed_on": [],
    "current_weight": Decimal("0.1"),
    "core_until": None,
    "core_reason": None,
}
_TYPES = (
    dict.fromkeys(("opened_on", "term_started_on", "grace_started_on", "core_until"), pl.Date())
    | dict.fromkeys(("grace_entry_weight", "current_weight"), STORED_WEIGHT)
    | dict.fromkeys(("max_holding_days", "max_round_trips", "grace_count"), pl.Int32())
    | dict.fromkeys(("kept_by", "core_reason"), pl.String())
    | {"closed_on": pl.List(pl.Date()), "reentry_score": pl.Float64()}
)


def july(day: int) -> date:
    return date(2025, 7, day)


def one(**changes: object) -> Outlook:
    return outlook_of(pl.DataFrame([_ROW | changes], schema_overrides=_TYPES))


def in_grace(count: int, entry: str = "0.12", **changes: object) -> Outlook:
    grace = {"grace_period_days": 5, "grace_count": count, "grace_entry_weight": Decimal(entry)}
    return one(**(grace | {"grace_started_on": july(9)} | changes))


@pytest.mark.parametrize(
    ("count", "next_weight", "closes_on"), [(0, "0.096", 18), (1, "0.0768", 17), (3, "0.049152", 15), (4, "0", 14)]
)
def test_grace_ends_after_as_many_sessions_as_scores_are_left(count: int, next_weight: str, closes_on: int) -> None:
    row = in_grace(count).in_grace.row(0, named=True)
    assert (row["next_weight"], row["closes_on"]) == (Decimal(next_weight), july(closes_on))


def test_decay_stops_at_the_least_weight_and_never_buys() -> None:
    assert in_grace(1, "0.03").in_grace["next_weight"].item() == Decimal("0.02")
    assert in_grace(1, current_weight=Decimal("0.05")).in_grace["next_weight"].item() == Decimal("0.05")


def test_a_lock_holds_off_the_end_of_grace() -> None:
    row = in_grace(4, opened_on=FRIDAY, min_holding_days=3).in_grace.row(0, named=True)
    assert (row["next_weight"], row["closes_on"]) == (Decimal("0.1"), july(16))


@pytest.mark.parametrize(("opened", "days", "free_on"), [(11, 3, 16), (9, 3, 14), (8, 3, None), (3, 0, None)])
def test_a_lock_ends_on_the_first_day_that_is_not_locked(opened: int, days: int, free_on: int | None) -> None:
    found = one(opened_on=july(opened), min_holding_days=days).locked["free_on"].to_list()
    assert found == ([july(free_on)] if free_on else [])


def test_nobody_is_locked_whose_opening_is_not_known() -> None:
    assert one(min_holding_days=3).locked.is_empty()


@pytest.mark.parametrize(
    ("until", "free_on", "why"), [(12, 14, "core_assets"), (18, 21, "core_assets"), (10, None, None)]
)
def test_a_core_asset_is_locked_until_its_day_included(until: int, free_on: int | None, why: str | None) -> None:
    found = one(core_until=july(until), core_reason="wanted").locked.select("free_on", "why").rows()
    assert found == ([(july(free_on), why)] if free_on else [])


def test_the_later_of_lock_and_core_counts() -> None:
    young = one(core_until=july(14), opened_on=FRIDAY, min_holding_days=5).locked
    assert young.select("free_on", "why").rows() == [(july(18), "min_holding_days")]


@pytest.mark.parametrize(("term", "review_on", "left"), [(1, 17, 4), (3, 21, 6), (None, None, None)])
def test_a_term_ends_on_its_last_session(term: int | None, review_on: int | None, left: int | None) -> None:
    started = july(term) if term else None
    found = one(term_started_on=started, max_holding_days=11).reviews
    assert found.select("review_on", "days_left").rows() == ([(july(review_on), left)] if review_on else [])


def test_a_review_that_was_postponed_is_due_on_the_next_session() -> None:
    found = one(term_started_on=date(2025, 1, 2), max_holding_days=20).reviews
    assert found.select("review_on", "days_left").rows() == [(july(14), 1)]


def shut_out(*closed: int, **changes: object) -> list[tuple[object, ...]]:
    days = [july(day) for day in closed]
    return one(is_held=False, closed_on=days, **changes).shut_out.select("opens_on", "why").rows()


def test_a_closed_name_may_be_opened_after_whole_sessions() -> None:
    assert shut_out(3, as_of_date=july(3), reentry_cooldown_days=5) == [(july(14), "reentry_cooldown_days")]
    assert shut_out(3, reentry_cooldown_days=4) == []
    assert shut_out(3, reentry_cooldown_days=0) == []


def test_the_later_of_cooldown_and_round_trips_counts() -> None:
    frequent = {"max_round_trips": 2, "round_trip_window_days": 10}
    assert shut_out(10, 3, reentry_cooldown_days=1, **frequent) == [(july(21), "max_round_trips")]
    assert shut_out(10, 3, reentry_cooldown_days=9, **frequent) == [(july(24), "reentry_cooldown_days")]
    assert shut_out(10, reentry_cooldown_days=0, **frequent) == []


def test_no_day_is_named_beyond_the_calendar() -> None:
    later = one(term_started_on=FRIDAY, max_holding_days=2600).reviews.row(0, named=True)
    assert (later["review_on"], later["days_left"]) == (None, 2600)


def test_tables_are_there_where_they_have_rows() -> None:
    assert lifecycle_tables(one()) == ()
    assert [len(table.rows) for table in lifecycle_tables(in_grace(1, opened_on=FRIDAY, min_holding_days=3))] == [1, 1]
    assert lifecycle_tables(outlook_of(pl.DataFrame([_ROW], schema_overrides=_TYPES).clear())) == ()


def test_the_path_of_grace_goes_on_until_it_closes() -> None:
    past = pl.DataFrame(
        {"portfolio_id": "P", "asset": "a", "as_of_date": [july(9), july(11)], "post_trade_weight": [0.12, 0.0614]}
    )
    rows = grace_rows(in_grace(3, current_weight=Decimal("0.0614")).in_grace, past)
    assert rows["day"].to_list() == ["07-09", "07-11", "+1", "+2"]
    assert rows["weight"].to_list() == pytest.approx([0.12, 0.0614, 0.049152, 0.0], abs=1e-12)
    assert rows["kind"].to_list() == ["held", "held", "if it fails", "if it fails"]
