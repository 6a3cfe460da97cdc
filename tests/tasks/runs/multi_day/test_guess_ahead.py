"""Days of a range in parts, each guessed in another process while the part before is published: the same rows."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from sql.errors import WarehouseError
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day import guess_ahead
from tasks.runs.multi_day.backfill import publish_days
from tasks.runs.multi_day.day_stretches import Book
from tasks.runs.multi_day.guess_ahead import GuessAhead
from tests.helpers.lifecycle_market import DAYS, HELD, LIMITS, write_market
from tests.helpers.warehouse_days import copy_of, read_inbox, run_rows

Between = Callable[[Settings, GuessAhead], object]


@pytest.fixture
def settings(migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The files of all days in a warehouse; days are guessed ahead however few they are."""
    monkeypatch.setattr(guess_ahead, "_PAYS", 1)
    monkeypatch.setattr(guess_ahead, "count_cores", lambda: 2)
    write_market(migrated.parent / "inbox")
    return read_inbox(migrated, DAYS)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The first days of the parts whose guess was used."""
    found: list[date] = []
    take = GuessAhead.take

    def watched(ahead: GuessAhead, chain: guess_ahead.DayChain) -> guess_ahead.DayStarts | None:
        starts = take(ahead, chain)
        found.extend([chain.days[0].as_of_date] if starts else [])
        return starts

    monkeypatch.setattr(GuessAhead, "take", watched)
    return found


def _parts(size: int, days: Sequence[date] = DAYS) -> list[tuple[date, ...]]:
    return [tuple(days[first : first + size]) for first in range(0, len(days), size)]


def _backfill(
    settings: Settings,
    parts: Sequence[tuple[date, ...]],
    ahead: GuessAhead,
    names: Sequence[str] = tuple(LIMITS),
    between: Between | None = None,
) -> None:
    """Publish the parts as the flow does; `between` happens after the first."""
    limits = {name: LIMITS[name] for name in names}
    with ahead:
        for number, days in enumerate(parts):
            with settings.open_warehouse().kept_open() as warehouse:
                publish_days(Book(warehouse, "XNYS", limits, "test", None, ahead=ahead), days, keep_going=True)
            if between and not number:
                between(settings, ahead)


def _compare(
    settings: Settings,
    parts: Sequence[tuple[date, ...]],
    names: Sequence[str] = tuple(LIMITS),
    between: Between | None = None,
) -> None:
    alone = copy_of(settings, "alone.duckdb")
    _backfill(alone, parts, GuessAhead(), names, between)
    _backfill(settings, parts, GuessAhead(parts), names, between)
    assert run_rows(settings) == run_rows(alone)


def _deliver(installed: Settings, day: date, name: str, text: str) -> None:
    """Take in a file of the day that is not in the inbox of the others."""
    inbox = installed.warehouse.with_suffix(".delivered")
    shutil.copytree(installed.inbox, inbox)
    (inbox / name).write_text(text)
    ingest_range(installed.at({"inbox": inbox}), (day,), {})


@pytest.mark.slow
@pytest.mark.parametrize("names", [LIMITS, ["off"]], ids=["states and turnover", "neither"])
def test_parts_that_are_guessed_ahead_have_the_same_rows(
    settings: Settings, used: list[date], names: Sequence[str]
) -> None:
    """In the third part a day is held, and A1 gets another name; some portfolios start from positions."""
    parts = _parts(3)
    _compare(settings, parts, tuple(names))
    assert HELD in parts[2]
    assert [days[0] for days in parts[1:]] == used


@pytest.mark.slow
def test_scores_that_are_corrected_after_they_were_read_ahead_count(settings: Settings, used: list[date]) -> None:
    """What the second part starts from is as it was assumed, but its days are others: the guess does not come out."""
    parts = _parts(3, DAYS[:6])
    corrected = parts[1][1]
    text = (settings.inbox / f"scores_{corrected}.csv").read_text().replace("A0,0.", "A0,0.0")
    _compare(settings, parts, between=lambda one, _: _deliver(one, corrected, f"scores_{corrected}.csv", text))
    assert used == [parts[1][0]]


@pytest.mark.slow
def test_positions_that_come_after_a_part_was_read_ahead_count(settings: Settings, used: list[date]) -> None:
    parts = _parts(3, DAYS[:6])
    first = parts[1][0]
    name = f"positions_{first}.csv"
    text = (settings.inbox / name).read_text().replace("grace,A3,0.1", "grace,A3,0.15")
    _compare(settings, parts, between=lambda one, _: _deliver(one, first, name, text))
    assert used == []


@pytest.mark.slow
def test_a_halt_after_a_part_ends_both_alike(settings: Settings) -> None:
    def halt(installed: Settings, _: GuessAhead) -> None:
        installed.open_warehouse().halt(["grace"], "test", "a test")

    alone = copy_of(settings, "alone.duckdb")
    for one, ahead in ((alone, GuessAhead()), (settings, GuessAhead(_parts(3, DAYS[:6])))):
        with pytest.raises(WarehouseError):
            _backfill(one, _parts(3, DAYS[:6]), ahead, between=halt)
    assert run_rows(settings) == run_rows(alone)


@pytest.mark.slow
def test_without_the_other_process_the_days_are_computed_in_this_one(
    settings: Settings, used: list[date], caplog: pytest.LogCaptureFixture
) -> None:
    def kill(_: Settings, ahead: GuessAhead) -> None:
        if ahead.worker:
            os.kill(ahead.worker.pid, signal.SIGKILL)

    _compare(settings, _parts(3, DAYS[:9]), between=kill)
    assert len(used) <= 1
    assert [one.levelname for one in caplog.records if "one process" in one.message] == ["WARNING"]


def test_there_is_no_other_process_on_one_core_or_for_few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guess_ahead, "count_cores", lambda: 1)
    assert GuessAhead([DAYS] * 100).days_after(DAYS[0]) == ()
    monkeypatch.setattr(guess_ahead, "count_cores", lambda: 2)
    assert GuessAhead([DAYS]).days_after(DAYS[0]) == ()
    monkeypatch.setattr(guess_ahead, "_PAYS", len(DAYS) - 4)
    parts = _parts(5)
    assert tuple(GuessAhead(parts).days_after(DAYS[3])) == DAYS[4:5]
    assert GuessAhead(parts).days_after(DAYS[4]) == ()
