"""`ballast init`: what it writes, that it overwrites nothing, and that what it names next works as it is printed."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from sizing import RebalancingLimits
from sizing.limits.presets import PRESETS
from tasks.config.portfolios import load_portfolios
from tasks.config.settings import Settings
from tasks.config.templates import starter_files
from tasks.trading_calendar import find_calendar
from tests.helpers.command_line import Ballast, typed

DAY = date(2026, 11, 20)


@pytest.fixture
def ballast(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    """Run a command in an empty folder of its own; gives its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BALLAST_{name.upper()}", raising=False)
    return typed(capsys)


def config_of(preset: str, folder: Path) -> Path:
    path = folder / f"{preset}.yaml"
    path.write_text(starter_files(preset, DAY)[Path("portfolios.yaml")])
    return path


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_what_init_names_next_works_as_it_is_printed(ballast: Ballast, tmp_path: Path) -> None:
    code, out, err = ballast("init")
    assert (code, err) == (0, "")
    named = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert all(name in out for name in named)
    commands = [shlex.split(line, comments=True)[1:] for line in out.partition("Next:")[2].strip().splitlines()]
    assert [command[0] for command in commands] == ["validate", "plan", "run"]
    printed = [ballast(*command) for command in commands]
    assert [code for code, _, _ in printed] == [0, 0, 0]
    assert printed[0][1].splitlines()[-1].endswith(": 2 files, 1 portfolio: ready")
    assert "would be published" in printed[1][1] + printed[1][2]
    assert "published core 10 positions, 10 opened" in printed[2][2]


@pytest.mark.slow
def test_what_init_names_next_works_in_the_folder_that_it_made(tmp_path: Path) -> None:
    venv = Path(sys.executable).parents[1]

    def type_in_venv(*lines: str) -> str:
        environment = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
        words = ["/bin/sh", "-ec", "\n".join(lines)]
        done = subprocess.run(words, cwd=venv, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    made = type_in_venv(f"bin/ballast init {shlex.quote(str(tmp_path / 'desk'))}")
    validated = type_in_venv(*made.partition("Next:")[2].strip().splitlines()[:2])
    assert validated.splitlines()[-1].endswith(": 2 files, 1 portfolio: ready")


@pytest.mark.parametrize("preset", PRESETS)
def test_the_example_is_ready_under_every_preset_without_a_warning(ballast: Ballast, preset: str) -> None:
    assert ballast("init", "my desk", "--preset", preset)[0] == 0
    places = ("--config", "my desk/portfolios.yaml", "--inbox", "my desk/inbox")
    code, out, _ = ballast("validate", "--strict", *places)
    assert code == 0, out
    assert "Problems" not in out


def test_nothing_is_overwritten_and_what_is_there_is_named(ballast: Ballast, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MINE=1\n")
    code, out, err = ballast("init")
    assert (code, out) == (1, "")
    assert err == "error: .env exists already: nothing was written; give another folder, or move it away\n"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_an_unknown_preset_and_a_folder_that_is_none_are_told(ballast: Ballast, tmp_path: Path) -> None:
    code, _, err = ballast("init", "--preset", "agressive")
    assert (code, err) == (2, "error: preset agressive is unknown; did you mean aggressive?\n")
    (tmp_path / "file").write_text("")
    code, _, err = ballast("init", "file")
    assert code == 1
    assert err.startswith("error: file cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_variable_that_goes_before_the_new_settings_is_told(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CONFIG", "elsewhere.yaml")
    code, _, err = ballast("init")
    assert code == 0
    assert "BALLAST_CONFIG of the environment takes precedence over .env" in err


@pytest.mark.parametrize("preset", PRESETS)
def test_the_config_says_the_preset_and_taking_away_a_comment_changes_nothing(tmp_path: Path, preset: str) -> None:
    path = config_of(preset, tmp_path)
    written = load_portfolios(path)
    limits = RebalancingLimits(**PRESETS[preset].limits)
    assert written == {"core": limits.model_copy(update={"max_new_positions": limits.max_total_positions})}
    text = path.read_text()
    path.write_text(re.sub(r"^  # ([a-z_]+: )(?=[^A-Z\n]*$)", r"  \1", text, flags=re.MULTILINE))
    assert len(yaml.safe_load(path.read_text())["defaults"]) > 15
    assert load_portfolios(path) == written


def test_the_settings_file_names_every_setting_with_the_value_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = starter_files("balanced", DAY)[Path(".env")]
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        assert f"BALLAST_{name.upper()}=" in text
        monkeypatch.delenv(f"BALLAST_{name.upper()}", raising=False)
    Path(".env").write_text(text)
    assert Settings() == Settings(config=Path("portfolios.yaml"), inbox=Path("inbox"))
    uncommented = re.sub(r"^# (BALLAST_\w+=.+)$", r"\1", text, flags=re.MULTILINE)
    Path(".env").write_text(uncommented)
    assert Settings().model_copy(update={"postgres_url": None}) == Settings(postgres_url=None)
    assert Settings().postgres_url is not None


def test_the_example_is_of_the_last_trading_day_that_is_over() -> None:
    before_the_close, after_it = (datetime(2026, 11, 20, hour, 30, tzinfo=UTC) for hour in (20, 21))
    assert find_calendar("XNYS").last_closed(before_the_close) == date(2026, 11, 19)
    assert find_calendar("XNYS").last_closed(after_it) == DAY
    assert find_calendar("XNYS").last_closed(datetime(2026, 11, 22, 12, tzinfo=UTC)) == DAY
    assert DAY in find_calendar("XNYS")
