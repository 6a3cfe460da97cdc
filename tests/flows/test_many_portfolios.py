"""What a run of thousands of portfolios says: every message is short, for Prefect as for people."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sizing.text import MOST_NAMED
from tasks import events
from tasks.config.settings import Settings
from tasks.reports.run_reporting import send
from tasks.run_state import RunState
from tasks.runs.approval import ApprovalRequest
from tasks.runs.multi_day.backfill_report import DayDone, summarise
from tests.helpers.command_line import Ballast, typed
from tests.helpers.installation import installed_in, publish_days

DAY = date(2025, 6, 2)
NAMES = [f"fund_{number:04}" for number in range(3_000)]
LONG = 4_000
"""Characters that a message of any number of portfolios has room for."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    payloads: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "emit", lambda _event, _resource, payload: payloads.append(payload))
    return payloads


def _summary(names: list[str]) -> pl.DataFrame:
    counts = dict.fromkeys(("n_positions", "n_open", "n_close", "n_increase", "n_decrease", "n_missed"), 1)
    row = counts | {"cash_weight": 0.1, "turnover": 0.2, "is_cash_forced": False}
    return pl.DataFrame([{"portfolio_id": name} | row for name in names])


def test_an_event_of_many_portfolios_has_the_first_and_how_many_there_are(sent: list[dict[str, Any]]) -> None:
    send(events.PUBLISHED, DAY, "r1", NAMES, _summary(NAMES))
    send(events.REJECTED, DAY, "r1", NAMES, _summary(NAMES).clear())
    for payload in sent:
        assert payload["n_portfolios"] == len(NAMES)
        assert [one["portfolio_id"] for one in payload["portfolios"]] == NAMES[:MOST_NAMED]
        assert len(str(payload)) < LONG


def test_an_event_of_few_portfolios_has_each(sent: list[dict[str, Any]]) -> None:
    send(events.PUBLISHED, DAY, "r1", NAMES[:2], _summary(NAMES[:2]))
    assert (sent[0]["n_portfolios"], [one["portfolio_id"] for one in sent[0]["portfolios"]]) == (2, NAMES[:2])


def test_the_reasons_of_many_that_ask_for_approval_are_short() -> None:
    same = str(ApprovalRequest(dict.fromkeys(NAMES, "every day waits"), ()))
    assert same.endswith(f"{NAMES[MOST_NAMED - 1]} and 2990 more: every day waits")
    other = str(ApprovalRequest({name: f"turnover 0.{number} is above" for number, name in enumerate(NAMES)}, ()))
    assert other.endswith("; and 2990 more")
    assert max(len(same), len(other)) < LONG


def test_a_backfill_of_many_held_days_says_their_reason_once() -> None:
    days = [date(2025, month, day) for month in range(1, 13) for day in range(1, 21)]
    said = summarise(tuple(DayDone(day, RunState.HELD, "r", "scores are missing", ()) for day in days))
    assert said.count("scores are missing") == 1
    assert "2025-01-10 and 230 more: scores are missing" in said
    assert len(said) < LONG


# Twelve portfolios on a terminal: ten are shown ------------------------------------------------------------


DOZEN = [f"fund_{number:02}" for number in range(12)]
NARROW = "fund_11"
"""Cannot invest what it should, and comes before the others."""
DAYS = [date(2025, 6, 2), date(2025, 6, 3)]


@pytest.fixture(scope="module")
def dozen(tmp_path_factory: pytest.TempPathFactory, sample: Path, empty_warehouse: Path) -> Settings:
    """Two days of twelve portfolios; the config is of the third day, with narrower limits."""
    folder = tmp_path_factory.mktemp("dozen")
    config = folder / "portfolios.yaml"
    config.write_text("\n".join(["portfolios:", *(f"  {name}:" for name in DOZEN[:-1]), _narrow(0.05)]))
    shutil.copy(empty_warehouse, folder / "warehouse.duckdb")
    shutil.copytree(sample, folder / "inbox")
    settings = installed_in(folder, folder / "inbox", config)
    publish_days(settings, DAYS)
    settings.open_warehouse().snapshot(DAYS[-1])
    return settings


def _narrow(cap: float) -> str:
    return f"  {NARROW}: {{max_single_position: {cap}}}\n"


@pytest.fixture
def ballast(
    dozen: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Ballast:
    monkeypatch.chdir(tmp_path)
    for name in ("config", "inbox", "warehouse", "snapshot", "export_folder"):
        monkeypatch.setenv(f"BALLAST_{name.upper()}", str(getattr(dozen, name)))
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there
    monkeypatch.setenv("COLUMNS", "200")
    return typed(capsys)


def _named(text: str) -> set[str]:
    return set(re.findall(r"fund_\d\d", text))


@pytest.mark.slow
@pytest.mark.parametrize("words", [["targets"], ["diff"], ["status"], ["plan", "--as-of", "2025-06-04"]])
def test_ten_are_shown_with_how_many_there_are_and_a_program_gets_all(ballast: Ballast, words: list[str]) -> None:
    out = ballast(*words)[1]
    assert len(_named(out)) == MOST_NAMED
    assert "10 of 12 portfolios, " in out
    rows = list(csv.DictReader(io.StringIO(ballast(*words, "--csv")[1])))
    assert {row["portfolio_id"] for row in rows} == set(DOZEN)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["targets"], ["report"]])
def test_what_needs_a_look_is_among_the_ten(ballast: Ballast, words: list[str], tmp_path: Path) -> None:
    out = ballast(*words)[1]
    page = "".join(one.read_text() for one in tmp_path.glob("*.html"))
    assert NARROW in _named(page or out)


@pytest.mark.slow
def test_named_portfolios_are_all_shown(ballast: Ballast) -> None:
    out = ballast("targets", *DOZEN)[1]
    assert _named(out) == set(DOZEN)
    assert " of 12 portfolios" not in out


@pytest.mark.slow
def test_the_page_has_ten_sections_and_the_page_of_any_other(ballast: Ballast, tmp_path: Path) -> None:
    ballast("report", "--output", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert page.count('<details class="portfolio"') == MOST_NAMED
    assert "2 more: " in page
    assert "12 portfolios</p>" in page
    [left_out, *_] = sorted(set(DOZEN) - set(re.findall(r"<h2>(fund_\d\d)</h2>", page)))
    ballast("report", "--portfolio", left_out, "--output", tmp_path / "r.html")
    assert re.findall(r"<h2>(fund_\d\d)</h2>", (tmp_path / "r.html").read_text()) == [left_out]


@pytest.mark.slow
def test_the_same_problem_of_many_portfolios_is_told_once_and_a_program_gets_each(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "narrow.yaml"
    config.write_text("portfolios:\n" + "".join(_narrow(0.02).replace(NARROW, name) for name in DOZEN))
    monkeypatch.setenv("BALLAST_CONFIG", str(config))
    code, out, _ = ballast("validate", "--as-of", "2025-06-04")
    assert code == 0
    assert out.count("in 12 portfolios (fund_00, ") == 2
    assert "10 of 12 portfolios, " in out
    told = json.loads(ballast("validate", "--as-of", "2025-06-04", "--json")[1])
    assert sum("max_single_position" in one["what"] for one in told) == 2 * len(DOZEN)
    err = ballast("plan", "--as-of", "2025-06-04")[2]
    assert err.count("max_single_position 0.02 = 0.20") == 1
    assert "limits" not in err or err.count("other than configured") == 0
