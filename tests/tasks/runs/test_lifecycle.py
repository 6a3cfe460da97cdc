"""What is remembered of holdings: the daily run, a backfill in any batches and a replay agree, value by value."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from sizing.pipeline import rebalance
from sql.admin.maintenance import verify
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.replay import replay_runs, report_replay
from tasks.runs.run_record import start_run
from tests.helpers.lifecycle_market import DAYS, HELD, LIMITS, SESSIONS, write_market
from tests.helpers.warehouse_days import (
    ask,
    backfill,
    copy_of,
    read_inbox,
    require_same_replay,
    run_daily,
    run_rows,
)


@pytest.fixture
def settings(migrated: Path) -> Settings:
    """The files of all days in a warehouse."""
    write_market(migrated.parent / "inbox")
    return read_inbox(migrated, SESSIONS)


def _backfill(settings: Settings, days: Sequence[date] = DAYS) -> list[str]:
    return [one.state for one in backfill(settings, days, LIMITS, keep_going=True)]


@pytest.mark.slow
def test_a_kill_between_days_and_within_one_changes_nothing(settings: Settings) -> None:
    """Each day is begun by a process that ends before it publishes, and done by another one."""
    killed, plain = copy_of(settings, "killed.duckdb"), settings
    days = DAYS[:6]
    run_daily(plain, days, LIMITS)
    for day in days:
        with killed.open_warehouse().kept_open() as warehouse:
            run = start_run(warehouse, "XNYS", day, LIMITS, [], by="test")
            rebalance(run.inputs)
        run_daily(killed, [day], LIMITS)
    assert run_rows(killed) == run_rows(plain)
    assert _backfill(killed, days) == ["unchanged"] * len(days)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 5, len(DAYS)])
def test_daily_run_backfill_in_any_batches_and_replay_agree(settings: Settings, size: int) -> None:
    together = copy_of(settings, "together.duckdb")
    run_daily(settings, DAYS, LIMITS)
    states = [state for first in range(0, len(DAYS), size) for state in _backfill(together, DAYS[first : first + size])]
    assert states == ["held" if day == HELD else "published" for day in DAYS]
    assert run_rows(together) == run_rows(settings)
    run_ids = [run_id for (run_id,) in ask(settings, "SELECT DISTINCT run_id FROM lifecycle")]
    assert len(run_ids) == len(DAYS) - 1
    require_same_replay(together, run_ids)
    assert verify(together.open_warehouse(), lambda *_: None, has_copies=False).failures == ()
    gates = {gate for (gate,) in ask(settings, "SELECT DISTINCT gate FROM decisions")}
    assert {"grace_period_days", "max_holding_days", "reentry_cooldown_days", "max_round_trips"} <= gates
    kept = {kept for (kept,) in ask(settings, "SELECT DISTINCT kept_by FROM decisions WHERE kept_by IS NOT NULL")}
    assert {"grace_period_days", "min_holding_days", "core_assets"} <= kept
    for one in (settings, together):
        with one.open_warehouse().kept_open() as warehouse:
            assert verify(warehouse, lambda *_: None, has_copies=False).failures == ()


@pytest.mark.slow
def test_a_replay_counts_the_days_that_its_run_counted_and_tells_another_calendar(settings: Settings) -> None:
    """Between run and replay a session is struck from the calendar of that name."""
    struck, days = SESSIONS[2], [day for day in DAYS[:6] if day != SESSIONS[2]]
    run_daily(settings, days, LIMITS)
    run_ids = tuple(run_id for (run_id,) in ask(settings, "SELECT run_id FROM runs ORDER BY as_of_date"))
    with settings.open_warehouse().connected() as con:
        con.execute(f'UPDATE runs SET inputs = json_merge_patch(inputs, \'{{"exchange": "XNYS -{struck}"}}\')')
    done = replay_runs(settings, run_ids)
    assert [(one.n_differences, one.has_other_inputs) for one in done] == [(0, False)] * len(days)
    words = [one.other_calendar for one in done]
    assert words[:2] == ["", ""]
    assert words[2] == f"from {SESSIONS[1]} to {days[2]} it counted 2 trading days, XNYS -{struck} now has 1"
    assert all(words[2:])
    assert "3 of 5 counted days by another calendar than now" in report_replay(done)


@pytest.fixture
def filed(migrated: Path) -> Settings:
    """Four days on which every portfolio has positions of its own: the same ones, whatever was published."""
    inbox = migrated.parent / "inbox"
    write_market(inbox)
    for day in SESSIONS[1:4]:
        rows = (f"{day},{name},{asset},0.1" for name in LIMITS for asset in ("A0", "A2"))
        text = "\n".join(["date,portfolio_id,asset,current_weight", *rows, ""])
        (inbox / f"positions_{day}.csv").write_text(text)
    return read_inbox(migrated, SESSIONS[:4])


def _correct_first_positions(settings: Settings) -> None:
    """Say that on the first day A5 was held, which no later day reads but through the states of holdings."""
    rows = (f"{SESSIONS[0]},{name},A5,0.1" for name in LIMITS)
    text = "\n".join(["date,portfolio_id,asset,current_weight", *rows, ""])
    (settings.inbox / f"positions_{SESSIONS[0]}.csv").write_text(text)
    ingest_range(settings, SESSIONS[:1], {})


_RESTING = "SELECT DISTINCT portfolio_id, as_of_date, is_direct FROM superseded_holdings ORDER BY ALL"


@pytest.mark.slow
def test_a_correction_of_what_was_held_reaches_later_days_only_through_limits_that_read_it(filed: Settings) -> None:
    assert _backfill(filed, SESSIONS[:4]) == ["published"] * 4
    assert ask(filed, _RESTING) == []
    _correct_first_positions(filed)
    run_daily(filed, SESSIONS[:1], LIMITS)
    reading = [name for name, one in LIMITS.items() if one.reads_lifecycle]
    assert {(name, day) for name, day, _ in ask(filed, _RESTING)} == {
        (name, day) for name in reading for day in SESSIONS[1:4]
    }
    assert {(name, day) for name, day, is_direct in ask(filed, _RESTING) if is_direct} == {
        (name, SESSIONS[1]) for name in reading
    }
    assert _backfill(filed, SESSIONS[:4]) == ["unchanged", *["published"] * 3]
    assert ask(filed, _RESTING) == []


@pytest.mark.slow
def test_a_day_that_is_published_late_reaches_the_days_after_it(filed: Settings) -> None:
    with filed.open_warehouse().kept_open() as warehouse:
        waiting = start_run(warehouse, "XNYS", SESSIONS[0], LIMITS, [], by="test")
        reasons = dict.fromkeys(LIMITS, "first day")
        warehouse.propose(waiting.run_id, rebalance(waiting.inputs)._asdict(), "test", reasons, ())
    run_daily(filed, SESSIONS[2:3], LIMITS)
    run_daily(filed, SESSIONS[1:2], LIMITS)
    reading = sorted(name for name, one in LIMITS.items() if one.reads_lifecycle)
    assert ask(filed, _RESTING) == [(name, SESSIONS[2], True) for name in reading]


@pytest.mark.slow
def test_a_run_that_starts_again_keeps_the_states_that_it_recorded(filed: Settings) -> None:
    """Where no limit reads them they do not name the run, and an earlier day may have been corrected meanwhile."""
    off = {"off": LIMITS["off"]}
    [first] = run_daily(filed, SESSIONS[:1], off)
    with filed.open_warehouse().kept_open() as warehouse:
        failed = start_run(warehouse, "XNYS", SESSIONS[1], off, [], by="test")
    _correct_first_positions(filed)
    second, again = run_daily(filed, SESSIONS[:2], off)
    with filed.open_warehouse().kept_open() as warehouse:
        held = warehouse.query("states_of_runs", run_ids=[first.run_id, second.run_id])
    assert again.run_id == failed.run_id
    assert held.filter(run_id=first.run_id)["asset"].to_list() != held.filter(run_id=second.run_id)["asset"].to_list()
    assert again.inputs.states.equals(failed.inputs.states)
    assert [one.n_differences for one in replay_runs(filed, (again.run_id,))] == [0]
