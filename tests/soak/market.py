"""The days that a campaign works through: the shipped sample, a corrected score file, and a day that is held."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deployments" / "portfolios.yaml"
WITH_A_PAST = """
  grace_period_days: 2
  min_holding_days: 2
  reentry_cooldown_days: 2
"""
"""Limits that read what happened to a holding before the day: a kill must not change that."""

SAMPLE = ROOT / "deployments" / "sample" / "inbox"

_CORRECTED, _HELD, _LAST = date(2025, 6, 4), date(2025, 6, 10), date(2025, 6, 9)
_FEW_ROWS = 20
_DAYS = (date(2025, 6, 2), date(2025, 6, 3), _CORRECTED, date(2025, 6, 5), date(2025, 6, 6), _LAST, _HELD)


@dataclass(frozen=True)
class Work:
    """A day to do, the files that are there for it, and the state in which its flow completes.

    `first`: a backfill of the days from there to the day.
    """

    name: str
    day: date
    inbox: Path
    outcome: str = "Published"
    first: date | None = None


def make_works(folder: Path) -> tuple[Work, ...]:
    """Write the inboxes into a folder and give all works in order: published, corrected and superseded, held."""
    inbox, corrected = folder / "inbox", folder / "corrected"
    shutil.copytree(SAMPLE, inbox)
    last = (inbox / _scores(_LAST)).read_text().splitlines(keepends=True)
    few = "".join(last[:_FEW_ROWS]).replace(str(_LAST), str(_HELD))
    (inbox / _scores(_HELD)).write_text(few)
    shutil.copytree(inbox, corrected)
    rows = (inbox / _scores(_CORRECTED)).read_text().splitlines(keepends=True)
    (corrected / _scores(_CORRECTED)).write_text("".join(rows[:-1]))
    works = [Work(str(day), day, inbox, "Held" if day == _HELD else "Published") for day in _DAYS]
    works.insert(_DAYS.index(_CORRECTED) + 1, Work(f"{_CORRECTED} corrected", _CORRECTED, corrected))
    return tuple(works)


def make_ranges(works: Sequence[Work]) -> tuple[Work, ...]:
    """Return the same days as two backfills, the second with the held day at its end."""
    first, *_, last = works
    middle = next(work for work in works if work.day == _CORRECTED)
    next_day = works[works.index(middle) + 2].day
    return (
        Work(f"{first.day} to {middle.day}", middle.day, middle.inbox, first=first.day),
        Work(f"{next_day} to {last.day}", last.day, last.inbox, last.outcome, first=next_day),
    )


def _scores(day: date) -> str:
    return f"scores_{day}.csv"
