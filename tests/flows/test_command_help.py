"""What `--help` says is true: every example runs, commands stand in their groups, and nothing heavy is read for it."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from flows.cli.app import app, execute
from tasks.config.settings import Settings

ROOT = Path(__file__).parents[2]
HEAVY = ("polars", "duckdb", "prefect", "pydantic", "pandas", "pyarrow", "altair", "yaml", "rich.markdown")
PARSED_ONLY = {
    "run": "needs Prefect's engine; tests/flows/test_command_line.py runs it",
    "backfill": "needs Prefect's engine; tests/flows/cli/handlers/test_backfill_command.py runs it",
    "replay": "needs Prefect's engine; tests/flows/cli/handlers/test_replay.py runs it",
    "approve": "needs Prefect's engine and a proposal",
    "decline": "needs Prefect's engine and a proposal",
    "halt": "needs Prefect's engine",
    "resume": "needs Prefect's engine",
    "up": "starts a server and a worker",
    "down": "ends a server and a worker",
    "deploy": "needs a Prefect server",
    "db copy": "needs a PostgreSQL server",
}
"""Commands whose examples are only parsed, and why."""


def _commands(parent: App, path: str = "") -> Iterator[tuple[str, App]]:
    for name in parent:
        if not name.startswith("-"):
            command = parent[name]
            words = f"{path} {name}".strip()
            if command.default_command:
                yield words, command
            yield from _commands(command, words)


COMMANDS = dict(_commands(app))


def _examples() -> list[tuple[str, list[str]]]:
    """Return the command and the words of each example, in the order of the help."""
    found = []
    for name, command in COMMANDS.items():
        doc = " ".join((command.help or "").split())
        written = re.findall(r"Example: `ballast ([^`]+)`", doc)
        assert written, f"ballast {name} has no example"
        found += [(name, shlex.split(one.partition(" > ")[0])) for one in written]
    return found


@pytest.fixture
def installation(sample_week: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample's week in a folder that examples may change, with the defaults of every setting."""
    folder = tmp_path / ".ballast"
    shutil.copytree(sample_week.warehouse.parent, folder)
    (tmp_path / "deployments").symlink_to(ROOT / "deployments")
    for name in ("WAREHOUSE", "SNAPSHOT", "EXPORT_FOLDER", "CONFIG"):
        monkeypatch.delenv(f"BALLAST_{name}", raising=False)
    monkeypatch.setenv("BALLAST_INBOX", str(sample_week.inbox))
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("installation")
def test_every_example_of_every_help_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    codes = {}
    for name, words in _examples():
        if name in PARSED_ONLY:
            app.parse_args(words, exit_on_error=False, print_error=False)
            continue
        with pytest.raises(SystemExit) as left:
            execute(words)
        codes[shlex.join(words)] = left.value.code or 0, capsys.readouterr().err
    # The inbox of the sample has a day that its week leaves unread, days that are filled in have no orders, and here is
    # no lake.
    failed = {"status": 7, "orders": 1, "orders core --csv": 1, "db move --to ducklake": 2}
    assert {example: code for example, (code, _) in codes.items() if code != 0} == failed
    assert len(codes) >= 15


def test_what_is_only_parsed_is_still_a_command() -> None:
    assert set(PARSED_ONLY) <= set(COMMANDS)


def test_every_command_stands_in_a_group_of_the_order_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    app(["--help"], result_action="return_value")
    out = capsys.readouterr().out
    groups = re.findall(r"╭─ (.+?) ─", out)
    assert groups == ["Prepare", "Run", "Look", "Decide", "Operate", "This terminal"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["targts"], 'Did you mean "targets"?'),
        (["explian", "core", "AMZN"], 'Did you mean "explain"?'),
        (["db", "stauts"], 'Did you mean "status"?'),
        (["targets", "--as-off", "2025-06-06"], "Did you mean --as-of?"),
        (["targets", "--as-of", "2025-13-01"], "unable to convert"),
        (["targets", "--at", "noon"], "unable to convert"),
        (["explain", "core"], "requires an argument"),
        (["status", "core"], "Unused Tokens"),
    ],
)
def test_wrong_usage_is_told_with_the_nearest_and_exits_with_2(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as left:
        app(words)
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert left.value.code == 2
    assert sentence in told


def test_nothing_heavy_is_imported_for_a_help() -> None:
    asked = (
        f"import sys, flows.cli.app; flows.cli.app.app(['--help'], result_action='return_value'); heavy = {HEAVY!r}; "
    )
    asked += "sys.stderr.write(' '.join(name for name in heavy if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Look" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_knows_every_command(shell: str) -> None:
    script = app.generate_completion(shell=shell)
    assert [name for name in COMMANDS if name.split()[-1] not in script] == []
    if shell == "bash" and (bash := shutil.which("bash")):
        subprocess.run([bash, "-n"], input=script, text=True, check=True)


def test_completion_is_installed_where_the_shell_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SystemExit) as left:
        execute(["--install-completion", "--shell", "bash"])
    assert left.value.code == 0
    assert any("_ballast" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
