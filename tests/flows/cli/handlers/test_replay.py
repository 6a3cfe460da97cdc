"""Computing a published run again: identical whatever came since, or every value that differs."""

import asyncio
import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.config.settings import RebalanceConfig, Settings
from tasks.runs.replay import find_differences
from tests.helpers.command_line import exit_code
from tests.helpers.installation import with_limits
from tests.helpers.warehouse_days import ask
from tests.helpers.without_engine import without_engine

pytestmark = pytest.mark.slow

FIRST, SECOND = date(2025, 6, 2), date(2025, 6, 3)
LIMITS = {"core": RebalancingLimits(), "income": RebalancingLimits(max_total_positions=5)}
TIGHTER = LIMITS | {"core": RebalancingLimits(max_single_position=0.12)}


def _publish(settings: Settings, day: date, limits: dict[str, RebalancingLimits]) -> None:
    config = RebalanceConfig(as_of_date=day, settings=with_limits(settings, limits))
    assert asyncio.run(daily_rebalance(config, return_state=True)).name == "Published"


def _copy_inbox(sample: Path, folder: Path) -> Path:
    """Copy the days and their lists; the positions are of income only, so that core starts from cash."""
    folder.mkdir()
    for name in (
        "assets.csv",
        "restrictions.csv",
        f"positions_{FIRST}.csv",
        f"scores_{FIRST}.csv",
        f"scores_{SECOND}.csv",
    ):
        shutil.copy(sample / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Settings:
    """Two days; then everything that decided them changes: scores, assets, positions and limits of the first day."""
    folder = tmp_path_factory.mktemp("kept")
    settings = Settings(
        inbox=_copy_inbox(sample, folder / "inbox"),
        warehouse=folder / "warehouse.duckdb",
        snapshot=folder / "snapshot.duckdb",
        export_folder=folder / "targets",
    )
    with without_engine():
        _publish(settings, FIRST, LIMITS)
        _publish(settings, SECOND, LIMITS)
        scores = settings.inbox / f"scores_{FIRST}.csv"
        header, *rows = scores.read_text().splitlines(keepends=True)
        scores.write_text(header + "".join(rows[3:]))
        (settings.inbox / "assets.csv").write_text((sample / "assets.csv").read_text().replace("Energy", "Oil"))
        positions = settings.inbox / f"positions_{FIRST}.csv"
        positions.write_text("".join(positions.read_text().splitlines(keepends=True)[:4]))
        _publish(settings, FIRST, TIGHTER)
    return settings


@pytest.fixture
def copied(kept: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a copy of the warehouse that a test may spoil, and a terminal in which its tables fit."""
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copy(kept.warehouse, tmp_path / "warehouse.duckdb")
    return kept.at({"warehouse": tmp_path / "warehouse.duckdb"})


def _replay(settings: Settings, run_id: str | None = None, as_of: date | None = None) -> int:
    asked = [run_id] if run_id else ["--as-of", as_of]
    return exit_code("replay", *asked, "--warehouse", settings.warehouse)


def _run_of(settings: Settings, day: date, state: str) -> str:
    return str(ask(settings, f"SELECT run_id FROM latest_runs WHERE as_of_date = '{day}' AND state = '{state}'")[0][0])


def _contents(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        return {table: con.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables}


def test_runs_are_identical_whatever_came_since_and_only_the_replay_is_written(
    copied: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _contents(copied)
    assert exit_code("replay", "--from", FIRST, "--to", SECOND, "--warehouse", copied.warehouse) == 0
    assert "3 runs replayed: identical, every value of every table" in capsys.readouterr().out
    after = _contents(copied)
    replays = after.pop("replays")
    assert [(run_id, is_identical) for _, run_id, _, _, _, is_identical, _ in replays] == [
        (_run_of(copied, FIRST, "superseded"), True),
        (_run_of(copied, FIRST, "published"), True),
        (_run_of(copied, SECOND, "published"), True),
    ]
    assert after == {table: rows for table, rows in before.items() if table != "replays"}


def test_a_run_that_recorded_only_the_days_of_its_holdings_is_read_as_it_was_known_then(copied: Settings) -> None:
    run_id = _run_of(copied, SECOND, "published")
    ask(
        copied,
        f"UPDATE run_portfolios SET held_on = DATE '{FIRST}', held_ingest_id = NULL, held_run_id = NULL "
        f"WHERE run_id = '{run_id}'",
    )
    assert _replay(copied, run_id) == 0


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_value_that_differs_is_shown_and_kept(copied: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = _run_of(copied, SECOND, "published")
    where = f"WHERE run_id = '{run_id}' AND portfolio_id = 'core'"
    [(asset, score)] = ask(copied, f"SELECT asset, score FROM decisions {where} AND candidate_rank = 1")
    ask(copied, f"UPDATE decisions SET score = score + 1e-16 + 2e-16 {where} AND candidate_rank = 1")
    ask(copied, f"DELETE FROM targets {where} AND is_cash")
    assert _replay(copied, run_id) == 5
    printed = capsys.readouterr().out
    assert "1 run replayed: 1 differ, in 2 values, see replay_differences" in printed
    assert re.search(rf"decisions +core +{asset} +score +0\.\d{{16,}} +{score!r}", printed)
    rows = ask(
        copied,
        "SELECT table_name, row_key, column_name, published IS NULL, replayed FROM replay_differences ORDER BY 1",
    )
    assert rows == [("decisions", asset, "score", False, repr(score)), ("targets", "CASH", None, True, "a row")]
    assert ask(copied, "SELECT is_identical, n_differences FROM replays") == [(False, 2)]


def test_inputs_that_are_not_those_of_the_run_are_told(copied: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    ask(copied, f"DELETE FROM scores WHERE as_of_date = '{SECOND}' AND asset = 'AMZN'")
    assert _replay(copied, as_of=SECOND) == 5
    assert "warning: 1 of 1 read other inputs than were recorded" in capsys.readouterr().err
    told = ask(copied, "SELECT portfolio_id, column_name FROM replay_differences WHERE table_name = 'runs' ORDER BY 1")
    assert told == [("core", "input_fingerprint"), ("income", "input_fingerprint")]


def test_other_code_is_told_even_when_nothing_differs(
    copied: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.runs.replay.code_fingerprint", lambda: "later")
    assert _replay(copied, as_of=SECOND) == 0
    assert "warning: 1 of 1 computed by other code than now" in capsys.readouterr().err
    assert ask(copied, "SELECT code_fingerprint FROM replays") == [("later",)]


@pytest.mark.parametrize("day", [date(2025, 6, 4), date(2024, 6, 4)])
def test_a_day_without_a_published_run_is_told(copied: Settings, capsys: pytest.CaptureFixture[str], day: date) -> None:
    assert _replay(copied, as_of=day) == 2
    assert f"no run from {day} to {day} was ever published" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "",
        f"r --as-of {FIRST}",
        f"--as-of {FIRST} --from {FIRST} --to {SECOND}",
        f"--from {SECOND} --to {FIRST}",
        f"--from {FIRST}",
        f"r --from {FIRST}",
    ],
)
def test_what_is_not_one_run_or_one_range_is_wrong_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("replay", *words.split()) == 2
    assert "error: " in capsys.readouterr().err


def _tables(**sizes: list[object]) -> dict[str, pl.DataFrame]:
    """Return the six tables with one value column each; only sizing_summary has rows."""
    empty = pl.DataFrame(schema=dict.fromkeys(["portfolio_id", "asset", "constraint_name", "basis"], pl.String))
    names = ("decisions", "sizing_audit", "targets", "trade_summary", "constraint_checks")
    summary = pl.DataFrame(sizes, schema={"portfolio_id": pl.String, "raw_total": pl.Float64})
    return dict.fromkeys(names, empty) | {"sizing_summary": summary}


def test_floats_are_compared_to_the_last_bit_and_rows_of_one_side_are_told() -> None:
    published = _tables(portfolio_id=["p", "q", "r", "s"], raw_total=[0.1 + 0.2, 0.0, None, 1.0])
    replayed = _tables(portfolio_id=["p", "q", "r", "t"], raw_total=[0.3, -0.0, None, 1.0])
    assert find_differences(published, replayed).drop("table_name", "row_key").rows() == [
        ("p", "raw_total", "0.30000000000000004", "0.3"),
        ("q", "raw_total", "0.0", "-0.0"),
        ("s", None, "a row", None),
        ("t", None, None, "a row"),
    ]
