"""`make week`: a week and a half of evenings on a compressed clock, with a fault each, on a real server and worker.

Each run is scheduled for the evening of its own day in June 2025, as the server would have, and runs at once. It is
what an operator lives through: a worker that dies, a file that is late, one that is corrected, a lost server, a
holiday, missing scores, a pending approval, a set kill switch. The table says what came of each, from the states of
the runs, the alerts that arrived, and the tables.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from tests.soak.installation import ROOT, Installation, installed

DAYS = dict(zip((16, 17, 18, 20, 23, 24), (2, 3, 4, 5, 6, 9), strict=True))
"""The day of June 2025 that gets the files of a day of the sample; the 19th is a holiday, Juneteenth."""

_NEW_YORK = ZoneInfo("America/New_York")
_SAMPLE = ROOT / "deployments" / "sample" / "inbox"
_EVERY_OTHER = 2
_WIDTH = 150


@dataclass(frozen=True)
class Evening:
    """What happened on an evening: the fault, how its runs ended, and which alerts came."""

    day: date
    fault: str
    ends: tuple[str, ...]
    alerts: tuple[str, ...]


@dataclass
class Week:
    """The evenings, one after the other, on one installation."""

    there: Installation
    evenings: list[Evening] = field(default_factory=list)

    @property
    def inbox(self) -> Path:
        """Where the files of the day come in."""
        return self.there.folder / "inbox"

    def deliver(self, day: int, *, change: Callable[[list[str]], list[str]] = list) -> None:
        """Put the file of scores of a day of June into the inbox, changed if asked."""
        of_sample, of_june = f"2025-06-{DAYS[day]:02d}", f"2025-06-{day}"
        header, *rows = (_SAMPLE / f"scores_{of_sample}.csv").read_text().splitlines()
        text = "\n".join([header, *change(rows)]) + "\n"
        (self.inbox / f"scores_{of_june}.csv").write_text(text.replace(of_sample, of_june))

    def run(self, day: int, hour: int = 17) -> str:
        """Start the daily rebalance that was scheduled for that evening."""
        return self.there.schedule("daily-rebalance", datetime(2025, 6, day, hour, tzinfo=_NEW_YORK).astimezone(UTC))

    def end(self, run_id: str) -> str:
        """Wait for the end of a run, and give the name of its state."""
        return self.there.wait_for(
            run_id, "Published", "Unchanged", "Held", "Proposed", "Closed", "Failed", "Completed", "Declined"
        )

    def write(self, day: int, fault: str, *ends: str, expected: tuple[str, ...], alert: str | None = None) -> None:
        """Note what came of an evening; anything but the expected is an error."""
        if alert:
            self.there.wait(lambda: any(alert in one["subject"] for one in self.there.alerts), f"an alert of {alert}")
        subjects = tuple(one["subject"].removeprefix("Ballast: ") for one in self.there.alerts)
        self.there.alerts.clear()
        self.evenings.append(Evening(date(2025, 6, day), fault, ends, subjects))
        if ends != expected:
            msg = f"June {day}, {fault}: expected {expected}, got {ends}"
            raise AssertionError(msg)


def live(week: Week) -> None:
    """Live through the evenings."""
    _monday_the_worker_dies(week)
    _tuesday_the_file_is_late(week)
    _wednesday_the_file_is_corrected_and_the_server_is_lost(week)
    _thursday_is_a_holiday(week)
    _friday_scores_are_missing(week)
    _monday_a_portfolio_waits_for_approval(week)
    _tuesday_the_kill_switch_is_set(week)


def _monday_the_worker_dies(week: Week) -> None:
    week.deliver(16)
    week.there.kill_next_publication()
    run_id = week.run(16)
    week.there.wait(lambda: not (week.there.folder / "kill").exists(), "the run is about to die")
    week.there.process("worker").stop(0)
    week.there.wait_for(run_id, "Crashed")
    week.there.ballast("up")
    ends = [name for name in week.there.states(run_id) if name == "Crashed"]
    week.write(16, "run and worker killed", *ends, week.end(run_id), expected=("Crashed", "Published"), alert="Crashed")


def _tuesday_the_file_is_late(week: Week) -> None:
    first = week.end(week.run(17))
    week.deliver(17)
    second = week.end(week.run(17, hour=18))
    week.write(17, "file late", first, second, expected=("Failed", "Published"), alert="Failed")


def _wednesday_the_file_is_corrected_and_the_server_is_lost(week: Week) -> None:
    week.deliver(18)
    first = week.end(week.run(18))
    week.deliver(18, change=lambda rows: [*rows[1:]])
    late = [week.run(18, hour=18), week.run(18, hour=18)]
    week.there.process("server").stop(0)
    time.sleep(5)
    week.there.ballast("up")
    ends = sorted(week.end(run_id) for run_id in late)
    fault = "file corrected, server lost"
    week.write(18, fault, first, *ends, expected=("Published", "Published", "Unchanged"))


def _thursday_is_a_holiday(week: Week) -> None:
    week.write(19, "holiday", week.end(week.run(19)), expected=("Closed",))


def _friday_scores_are_missing(week: Week) -> None:
    week.deliver(20, change=lambda rows: rows[::_EVERY_OTHER])
    first = week.end(week.run(20))
    week.deliver(20)
    second = week.end(week.run(20, hour=18))
    week.write(20, "half of the scores missing", first, second, expected=("Held", "Published"), alert="is held")


def _monday_a_portfolio_waits_for_approval(week: Week) -> None:
    week.deliver(23)
    _edit_config(week, lambda portfolio: portfolio.update(approval="always"))
    first = week.end(week.run(23))
    waiting = _ask(week, "SELECT DISTINCT run_id FROM open_proposals")
    approval = {"run_id": waiting[0][0], "approver": "Ada", "note": "looked at every trade", "decision": "approve"}
    second = week.end(week.there.schedule("publish", datetime.now(UTC), approval))
    week.write(23, "approval pending", first, second, expected=("Proposed", "Published"), alert="waits for approval")
    _edit_config(week, lambda portfolio: portfolio.pop("approval"))


def _tuesday_the_kill_switch_is_set(week: Week) -> None:
    week.deliver(24)
    week.there.ballast("halt", "--all", "--by", "Ada", "--reason", "an exchange reports bad prices")
    first = week.end(week.run(24))
    week.there.ballast("resume", "--all", "--by", "Ada", "--reason", "prices are corrected")
    second = week.end(week.run(24, hour=18))
    week.write(24, "kill switch set", first, second, expected=("Held", "Published"), alert="is held")


def _edit_config(week: Week, change: Callable[[dict[str, Any]], object]) -> None:
    path = week.there.folder / "deployments" / "portfolios.yaml"
    config = yaml.safe_load(path.read_text())
    change(config["portfolios"]["core"])
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def _ask(week: Week, query: str) -> list[tuple[Any, ...]]:
    return week.there.settings.open_warehouse().query_snapshot(query).rows()


def prove(week: Week) -> None:
    """Hold the tables against what was promised, whatever happened on the way."""
    visible = "SELECT as_of_date, portfolio_id FROM targets JOIN run_states USING (run_id) WHERE state = 'published'"
    days = _ask(week, f"SELECT as_of_date, count(DISTINCT portfolio_id) FROM ({visible}) GROUP BY 1 ORDER BY 1")
    wanted = [(date(2025, 6, day), 3) for day in DAYS]
    inexact = _ask(
        week, "FROM current_targets SELECT portfolio_id GROUP BY 1 HAVING sum(target_weight) NOT IN (0.95, 0.90)"
    )
    broken = _ask(week, "FROM constraint_checks WHERE NOT is_ok")
    if (days, inexact, broken) != (wanted, [], []):
        msg = f"expected every day published once for three portfolios, got {days}, {inexact}, {broken}"
        raise AssertionError(msg)
    week.there.ballast("db", "verify")


def show(week: Week, seconds: float) -> None:
    """Print what happened."""
    table = Table("day", "fault", "its runs ended", "alerts", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in week.evenings:
        table.add_row(f"{one.day:%a %d %b}", one.fault, ", then ".join(one.ends), "\n".join(one.alerts) or "none")
    _console().print(table)
    _console().print(f"{len(week.evenings)} evenings in {seconds:.0f} s")


def print_proof(week: Week) -> None:
    """Print what the tables say of it."""
    query = "SELECT state, count(*) FROM run_events GROUP BY 1 ORDER BY 1"
    events = ", ".join(f"{count} {state}" for state, count in _ask(week, query))
    _console().print(f"run_events: {events}")
    _console().print("every trading day is visible once for each portfolio, sums are exact, `db verify` is content")


def _console() -> Console:
    return Console(highlight=False, emoji=False, width=_WIDTH)


def main() -> int:
    """Live through the week in a temporary folder."""
    started = time.monotonic()
    patience = {"ballast heartbeat stopped": 45, "ballast try again": 30}
    environment = {"BALLAST_INBOX": "inbox", "BALLAST_MAX_LATE_HOURS": "100000"}
    with tempfile.TemporaryDirectory(prefix="ballast-week-") as folder:
        inbox = Path(folder) / "inbox"
        inbox.mkdir()
        for name in ("assets.csv", "restrictions.csv"):
            shutil.copy(_SAMPLE / name, inbox)
        positions = (_SAMPLE / "positions_2025-06-02.csv").read_text()
        (inbox / "positions_2025-06-16.csv").write_text(positions.replace("2025-06-02", "2025-06-16"))
        with installed(Path(folder), patience=patience, environment=environment) as there:
            week = Week(there)
            try:
                live(week)
            finally:
                show(week, time.monotonic() - started)
            prove(week)
            print_proof(week)
    return 0


if __name__ == "__main__":
    sys.exit(main())
