"""The README shows what its commands really print."""

import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from flows.replay_command import replay_runs
from flows.run_command import run_days
from flows.sql_command import ask
from sizing import RebalancingLimits
from tasks.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

Command = tuple[str, list[str]]


def _shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _commands() -> list[Command]:
    """Give each command of the README with the lines shown below it."""
    commands = []
    for block in _shown("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = re.sub(r"\n    ", " ", part).splitlines()
            commands.append((lines[0], lines[1:]))
    return commands


def _words(lines: list[str]) -> list[str]:
    """Give the words of the lines: how wide a table is drawn does not matter."""
    return [word for line in lines for word in line.split() if not set(word) <= {"─"}]


def _assert_printed(shown: list[str], printed: str) -> None:
    place = 0
    text = " ".join(_words(printed.splitlines()))
    for passage in re.split(r"(?<!\S)\.\.\.(?!\S)", " ".join(_words(shown))):
        found = text.find(passage.strip(), place)
        assert found >= 0, f"not printed: {passage}"
        place = found + len(passage.strip())


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_what_the_readme_shows_is_what_the_commands_print(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makefile = (ROOT / "Makefile").read_text()
    sample = re.search(r"^SAMPLE := (.*)$", makefile, flags=re.MULTILINE)
    assert sample
    options = dict(zip(*[iter(shlex.split(sample[1]))] * 2, strict=True))
    monkeypatch.chdir(tmp_path)
    for folder in ("deployments", "sizing"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    paths = {"inbox": Path(options["--inbox"]), "config": Path(options["--config"])}
    days = [date.fromisoformat(options["--from"]), date.fromisoformat(options["--to"])]
    checked = 0
    for command, shown in _commands():
        words = shlex.split(command)
        if words == ["make", "run"]:
            assert run_days(None, *days, paths) == 0
        elif words[:2] == [".venv/bin/ballast", "sql"]:
            assert ask(words[2], {}) == 0
        elif words[:2] == [".venv/bin/ballast", "replay"]:
            assert replay_runs(None, None, *map(date.fromisoformat, words[3::2]), {}) == 0
        else:
            continue
        printed = capsys.readouterr()
        _assert_printed(shown, printed.err + printed.out)
        checked += 1
    assert checked == 5


def test_the_python_of_the_readme_gives_what_it_says() -> None:
    [code] = _shown("python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - the README's own example
    assert f"# {names['sized'].portfolios['relaxation'][0]!r}" in code
    assert [str(weight) for weight in names["sized"].positions["target_weight"]] == ["0.15000000"] * 3


def test_every_limit_stands_in_the_table_of_rules() -> None:
    table = README[README.index("## Where each rule lives") :]
    assert [name for name in RebalancingLimits.model_fields if f"`{name}`" not in table] == []


def test_every_file_that_the_readme_names_exists() -> None:
    named = re.findall(r"`((?:sizing|sql|flows|tests|deployments)/[\w./]*)`", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_setting_of_the_installation_is_named() -> None:
    assert [name for name in Settings.model_fields if f"BALLAST_{name.upper()}" not in README] == []
