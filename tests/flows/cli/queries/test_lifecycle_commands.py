"""What comes next of each holding, where people look: explain, status, targets, the page of a day."""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.helpers.command_line import Ballast, typed
from tests.sql.lifecycle_days import LIMITS, publish_life
from tests.sql.warehouse_samples import make_warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def snapshot(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Days in which asset a is in grace on the last."""
    warehouse = make_warehouse(tmp_path_factory.mktemp("life"))
    shutil.copy(empty_warehouse, warehouse.path)
    publish_life(warehouse, 8, LIMITS.model_copy(update={"max_round_trips": 2}))
    warehouse.snapshot(date(2025, 7, 11))
    return warehouse.snapshot_path


@pytest.fixture
def ballast(capsys: pytest.CaptureFixture[str], snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> Ballast:
    monkeypatch.setenv("BALLAST_SNAPSHOT", str(snapshot))
    monkeypatch.setenv("BALLAST_WAREHOUSE", str(snapshot.parents[1] / "live.duckdb"))
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there
    return typed(capsys)


def test_explain_has_the_life_of_a_name_and_what_comes_next_with_its_day(ballast: Ballast) -> None:
    code, out, _ = ballast("explain", "P", "a", "--json")
    rows = [json.loads(line) for line in out.splitlines()] if out.startswith("{") else json.loads(out)
    life = {row["quantity"]: (row["value"], row["limit_value"]) for row in rows if not row["is_change"]}
    assert code == 0
    assert [row["step"] for row in rows if not row["is_change"]] == list(range(1, len(life) + 2))
    assert life["stay"] == ("1", None)
    assert life["in grace"] == ("2025-07-09 to 2025-07-11", None)
    assert life["grace ends"] == ("2025-07-14", "grace_period_days 3")
    assert life["round trips"] == ("0 of 2", "round_trip_window_days 20")
    assert life["judged anew"] == ("2025-07-16", "max_holding_days 10")
    assert "locked until" not in life
    _, page, _ = ballast("explain", "P", "a")
    assert page.index("2025-07-03 to 2025-07-07") < page.index("2025-07-09 to 2025-07-11") < page.index("2025-07-14")


def test_explain_names_the_end_of_a_lock(ballast: Ballast) -> None:
    _, out, _ = ballast("explain", "P", "a", "--as-of", "2025-07-03", "--csv")
    assert "locked until,2025-07-07,min_holding_days 3" in out


def test_explain_of_an_old_name_names_the_one_it_went_into(ballast: Ballast, tmp_path: Path) -> None:
    renamed = shutil.copy(os.environ["BALLAST_SNAPSHOT"], tmp_path / "renamed.duckdb")
    with duckdb.connect(str(renamed)) as con:
        con.execute('UPDATE runs SET inputs = json_merge_patch(inputs, \'{"renamed": {"OLD": "a"}}\')')
    code, _, error = ballast("explain", "P", "OLD", "--snapshot", renamed)
    assert code == 2
    assert "explain P a" in error
    assert ballast("explain", "P", "a", "--snapshot", renamed)[0] == 0


def test_a_lock_that_protects_a_failing_score_tells_what_its_end_means(ballast: Ballast) -> None:
    _, failing, _ = ballast("explain", "P", "a", "--as-of", "2025-07-03", "--csv")
    _, passing, _ = ballast("explain", "P", "a", "--as-of", "2025-07-02", "--csv")
    (lock,), (other,) = ([line for line in out.splitlines() if "locked until" in line] for out in (failing, passing))
    assert "0.5 " in lock
    assert "0.9 " not in other


def test_status_lists_who_is_in_grace_and_due_for_review(ballast: Ballast) -> None:
    _, out, _ = ballast("status")
    lines = [line.split() for line in out.splitlines()]
    assert ["P", "a", "2", "of", "3", "0.0960", "closes", "2025-07-14", "0.65"] in lines
    assert [line[1] for line in lines if "2025-07-16" in line] == ["a", "b", "c"]
    assert not any("Locked" in line for line in lines)


def test_targets_name_what_keeps_a_holding(ballast: Ballast) -> None:
    _, out, _ = ballast("targets", "P", "--csv")
    assert sum("grace_period_days" in line for line in out.splitlines()) == 1
    assert "kept_by" in out.splitlines()[0]


def test_the_page_of_a_day_has_tables_and_a_chart_of_what_comes_next(ballast: Ballast, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ballast("report", "--as-of", "2025-07-11", "--output", page)
    text = page.read_text(encoding="utf-8")
    assert all(
        title in text for title in ("<h3>In grace ", "<h3>Due for review within 5 sessions ", "<h3>Weights in grace")
    )
    assert "<h3>Locked" not in text
