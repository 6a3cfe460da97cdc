"""`ballast backfill` from a terminal: what it prints, and its exit codes."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from tasks.config.settings import Settings
from tests.helpers.command_line import exit_code

FIRST, SECOND, THIRD = (date(2025, 6, day) for day in (2, 3, 4))


def backfill_days(first: date, last: date, paths: dict[str, Path], *, keep_going: bool) -> int:
    flags = [word for name, path in paths.items() for word in (f"--{name.replace('_', '-')}", path)]
    return exit_code("backfill", "--from", first, "--to", last, *flags, *(["--keep-going"] if keep_going else []))


@pytest.fixture
def paths(settings: Settings, sample: Path, tmp_path: Path) -> dict[str, Path]:
    """Three days of the sample; the second lacks most of its scores, the third all."""
    inbox = tmp_path / "inbox"
    shutil.copytree(sample, inbox)
    scores = inbox / f"scores_{SECOND}.csv"
    scores.write_text("".join(scores.read_text().splitlines(keepends=True)[:20]))
    (inbox / f"scores_{THIRD}.csv").unlink()
    names = ("config", "warehouse", "snapshot", "export_folder")
    return {name: getattr(settings, name) for name in names} | {"inbox": inbox}


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_a_held_day_is_told_and_is_the_end(paths: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert backfill_days(FIRST, SECOND, paths, keep_going=False) == 3
    printed = capsys.readouterr().out
    assert f"{FIRST} to {SECOND}: 1 published, 1 held; {SECOND}: core: " in printed
    shown = Settings().at(paths).open_warehouse().query_snapshot("SELECT DISTINCT as_of_date FROM current_targets")
    assert shown["as_of_date"].to_list() == [FIRST]
    assert (paths["export_folder"] / f"as_of_date={FIRST}" / "targets.parquet").exists()
    scores = paths["inbox"] / f"scores_{FIRST}.csv"
    rows = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join([*rows[:-1], f"{FIRST},ZZZZ,high,0.1,0.1\n"]))
    assert backfill_days(FIRST, FIRST, paths, keep_going=False) == 0
    printed = capsys.readouterr().out
    assert "1 published (1 of them instead of an earlier run); 1 row rejected, see rejected_rows" in printed


def test_a_range_with_a_day_without_scores_is_not_begun(
    paths: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert backfill_days(FIRST, THIRD, paths, keep_going=True) == 1
    assert f"no scores for 1 of 3 trading days: {THIRD}; nothing was computed" in capsys.readouterr().err
    assert Settings().at(paths).open_warehouse().query("latest_runs").is_empty()


def test_where_nothing_was_ever_read_scores_that_are_missing_are_told_before_prefect_starts(
    paths: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.server.flow_runner.run_watched", lambda *_: pytest.fail("the flow was started"))
    assert backfill_days(THIRD, THIRD, paths, keep_going=False) == 1
    assert f"no scores for {THIRD} in {paths['inbox']}: expected scores_{THIRD}.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (SECOND, FIRST, "a range needs --from and --to in order"),
        (date(2025, 6, 7), date(2025, 6, 8), "there is no trading day of XNYS"),
    ],
)
def test_what_is_no_range_of_trading_days_is_wrong_usage(
    paths: dict[str, Path], capsys: pytest.CaptureFixture[str], first: date, last: date, told: str
) -> None:
    assert backfill_days(first, last, paths, keep_going=False) == 2
    assert told in capsys.readouterr().err
