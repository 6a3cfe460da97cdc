"""A day on which a group of portfolios fails beside one that is published."""

import csv
import json
from pathlib import Path

import pytest

from tests.helpers.command_line import Ballast

DAY, UNKNOWN_DAY = "2025-06-02", "2019-06-03"
BROKEN = "approval: always, include_buckets: [Nowhere]"


@pytest.fixture
def inbox(tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample's scores of a day, as scores of one before the calendar of XSAU begins."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for day in (DAY, UNKNOWN_DAY):
        text = (sample / f"scores_{DAY}.csv").read_text().replace(DAY, day)
        (folder / f"scores_{day}.csv").write_text(text)
    (folder / "assets.csv").write_text((sample / "assets.csv").read_text())
    monkeypatch.setenv("BALLAST_INBOX", str(folder))
    return folder


CALENDAR = pytest.param((UNKNOWN_DAY, "exchange: XSAU", 2), id="calendar", marks=pytest.mark.slow)


@pytest.fixture(params=[CALENDAR, pytest.param((DAY, BROKEN, 1), id="config")])
def day(request: pytest.FixtureRequest, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """A day on which `sa` fails and `core` does not, and the exit code of it."""
    day, terms, code = request.param
    config = inbox.with_name("mine.yaml")
    config.write_text(f"portfolios: {{core: {{exchange: XNYS}}, sa: {{{terms}}}}}\n")
    monkeypatch.setenv("BALLAST_CONFIG", str(config))
    return day, code


@pytest.mark.slow
def test_the_table_of_what_is_published_and_the_error(ballast: Ballast, day: tuple[str, int]) -> None:
    code, out, err = ballast("run", "--as-of", day[0])
    assert code == day[1]
    assert f"Targets of {day[0]}" in out
    assert "core" in out
    assert f"{day[0]} published" in err
    [error] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {day[0]} sa: ")


@pytest.mark.parametrize("form", ["--json", pytest.param("--csv", marks=pytest.mark.slow)])
def test_a_program_gets_a_row_for_both(ballast: Ballast, day: tuple[str, int], form: str) -> None:
    code, out, _ = ballast("run", "--as-of", day[0], form)
    assert code == day[1]
    rows = json.loads(out) if form == "--json" else list(csv.DictReader(out.splitlines()))
    names = [one["portfolio_ids"] if form == "--csv" else "; ".join(one["portfolio_ids"]) for one in rows]
    assert [(one["as_of_date"], name, one["state"]) for one, name in zip(rows, names, strict=True)] == [
        (day[0], "core", "published"),
        (day[0], "sa", "failed"),
    ]


@pytest.mark.slow
def test_the_plan_names_both_and_exits_as_the_run(ballast: Ballast, day: tuple[str, int]) -> None:
    code, out, _ = ballast("plan", "--as-of", day[0])
    assert code == day[1]
    assert f"{day[0]} core: would be published" in out
    assert f"{day[0]} sa: would fail: " in out
    code, out, _ = ballast("plan", "--as-of", day[0], "--json")
    assert code == day[1]
    assert {one["portfolio_id"]: one["state"] for one in json.loads(out)} == {"core": "published", "sa": "failed"}


def test_every_failing_group_is_named_where_none_is_published(
    ballast: Ballast, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = inbox.with_name("mine.yaml")
    config.write_text(f"portfolios: {{core: {{include_buckets: [Nowhere]}}, sa: {{{BROKEN}}}}}\n")
    monkeypatch.setenv("BALLAST_CONFIG", str(config))
    code, out, err = ballast("run", "--as-of", DAY)
    assert (code, out) == (1, "")
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in errors] == [f"{DAY} core", f"{DAY} sa"]
    rows = json.loads(ballast("run", "--as-of", DAY, "--json")[1])
    assert [(one["portfolio_ids"], one["state"]) for one in rows] == [(["core"], "failed"), (["sa"], "failed")]


def test_a_failing_group_stops_a_range_after_its_day(ballast: Ballast, day: tuple[str, int]) -> None:
    code, _, err = ballast("run", "--from", day[0], "--to", "2019-06-04" if day[0] == UNKNOWN_DAY else "2025-06-03")
    assert code != 0
    assert err.count("error: ") == 1


@pytest.mark.slow
def test_a_held_portfolio_beside_a_failing_one(ballast: Ballast, day: tuple[str, int]) -> None:
    assert ballast("db", "migrate")[0] == 0
    assert ballast("halt", "core", "--reason", "odd scores")[0] == 0
    code, out, err = ballast("run", "--as-of", day[0])
    assert (code, out) == (day[1], "")
    assert f"{day[0]} held" in err
    assert f"error: {day[0]} sa: " in err
