"""The README and the documents show what their commands really print."""

import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from cyclopts import MissingArgumentError

from flows.cli.app import app, execute
from sizing import RebalancingLimits
from tasks.config.settings import Settings
from tests.helpers.documented_commands import Command, assert_printed, blocks, commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RULES = (ROOT / "docs" / "rules.md").read_text()

NOT_RUN = {
    r"(PREFECT_SERVER_API_PORT=\d+ )?make (up|down)": "it starts and stops servers: tests/e2e/test_worker.py does",
    r"BALLAST_INBOX=\S+ make up-scale|set -a; \. .*": "it starts servers: tests/scale/test_up_scale.py does",
    r"\S*ballast run --inbox path/to/inbox .*": "a folder of the reader",
    r"\S*ballast (approve|decline) 2025-\S+ .*": "a proposal of the reader: tests/flows/test_life_of_a_day.py has one",
    r"export BALLAST_POSTGRES_URL=.*": "a server of the reader: tests/flows/cli/handlers/test_copy.py has one",
    r"export BALLAST_(STORE|LAKE_\w+)=.*|\S*ballast db move .*": "a lake of the reader: tests/scale has one",
    r"\.ci/setup scale .*|(POLARS_MAX_THREADS=1 )?dask .*|export (PREFECT_API_URL|BALLAST_DASK)=.*|ballast run": "a "
    "cluster of the reader: tests/scale/test_dask.py has one",
    r"\S*ballast db restore .*": "a backup with the reader's time: tests/flows/cli/test_db_commands.py restores one",
    r"\.venv/bin/prefect block delete .*": "a server with alerts: tests/e2e/test_worker.py has it",
    r"ls .*": "not of Ballast",
}
"""Commands of the documents that are not run here, and why. The command line knows their flags all the same."""

PLACES = {"DAY": "2025-06-06", "FIRST": "2025-06-02", "LAST": "2025-06-06", "RUN_ID": "2025-06-06-0123456789ab"}


def _reason_not_to_run(line: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, line)), None)


def _words(line: str) -> list[str]:
    """Return the words behind `ballast`; `make run` is `ballast run` with the sample."""
    if line == "make run":
        sample = re.search(r"^SAMPLE := (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert sample
        return ["run", *shlex.split(sample[1])]
    program, *words = shlex.split(line)
    assert Path(program).name == "ballast", f"{line} is neither run nor listed with the reason why not"
    return words


@pytest.mark.usefixtures("shown", "no_charts")
@pytest.mark.slow
def test_what_the_documents_show_is_what_the_commands_print(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BALLAST_WAREHOUSE")
    monkeypatch.setenv("COLUMNS", "120")
    for folder in ("deployments", "sizing"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for command in commands():
        if command.page.name != "README.md" and not (tmp_path / "inbox").exists():
            # Who follows the README has a clone, which has no inbox; the other pages are for an installation.
            (tmp_path / "inbox").symlink_to(ROOT / "deployments" / "sample" / "inbox")
        if _reason_not_to_run(command.line) is None:
            _run(command, capsys)


def _run(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        execute(_words(command.line))
    printed = capsys.readouterr()
    assert (left.value.code or 0) == 0, f"{command.page.name}: {command.line}: {printed.err}"
    assert_printed(command, printed.err + printed.out)


def test_every_reason_not_to_run_a_command_has_one() -> None:
    lines = [command.line for command in commands()]
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, line) for line in lines)] == []


def _named_commands() -> list[str]:
    """Return each `ballast` command with its flags, in a block or in a sentence of a page."""
    shown = [line for line in (command.line for command in commands()) if re.match(r"\S*ballast ", line)]
    pages = "\n".join(page.read_text() for page in {block.page for block in blocks()})
    return sorted({*shown, *re.findall(r"`(ballast [a-z]+ [^`\n>]*)`", pages)})


@pytest.mark.parametrize("line", _named_commands())
def test_every_command_that_is_named_is_one(line: str) -> None:
    words = [PLACES.get(word, word) for word in shlex.split(line)[1:]]
    with suppress(MissingArgumentError):  # a sentence may leave out what it does not speak of
        app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_python_of_the_page_on_sizing_gives_what_it_says() -> None:
    [code] = [block.text for block in blocks("python") if block.page.name == "sizing.md"]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - our own example
    assert f"# {names['sized'].portfolios['relaxation'][0]!r}" in code
    assert [str(weight) for weight in names["sized"].positions["target_weight"]] == ["0.15000000"] * 3


def test_every_limit_stands_in_the_table_of_rules() -> None:
    assert [name for name in RebalancingLimits.model_fields if f"`{name}`" not in RULES] == []


def test_every_file_that_the_table_of_rules_names_exists() -> None:
    named = re.findall(r"`((?:sizing|sql|flows|tests|deployments)/[\w./]*)`", README + RULES)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_every_setting_of_the_installation_is_named() -> None:
    pages = (ROOT / "docs" / "configuration.md").read_text()
    assert [name for name in Settings.model_fields if f"BALLAST_{name.upper()}" not in pages] == []
