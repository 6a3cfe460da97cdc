"""What each command prints on the sample, word for word: one file a command in tests/golden/output/.

Other tests assert codes, fields and numbers. `pytest tests/flows/test_golden_output.py --update-golden` writes the
files again; their difference is then read as any other change.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from flows.terminal.console import os_user
from tasks.config.settings import Settings
from tests.helpers.command_line import Ballast, typed

GOLDEN = Path(__file__).parents[1] / "golden" / "output"
READING = {
    "targets": ["targets core --why", "targets --as-of 2025-06-03", "targets cor", "targets core --as-of 2025-06-10"],
    "explain": ["explain core AMZN", "explain core CASH", "explain core NONE", "explain core AMZN --as-of 2025-06-10"],
    "diff": ["diff --portfolio income", "diff --from 2025-06-03 --to 2025-06-05 --portfolio core", "diff one"],
    "sql": ['sql "FROM current_targets SELECT portfolio_id, asset, target_weight LIMIT 3"', 'sql "FROM nowhere"'],
    "plan": [
        "plan --as-of 2025-06-06 --portfolio core --max-single-position 0.10",
        "plan --as-of 2025-06-06 --portfolio core --grace-period-days 3 --min-score-threshold 0.65",
        "plan --as-of 2025-06-07",
    ],
    "validate": ["validate --as-of 2025-06-02", "validate --as-of 2025-06-10"],
    "report": ["report --as-of 2025-06-06 --output page.html", "report --as-of 2025-06-07"],
}
"""Commands on the sample's week, by the file that has their output."""
WRITING = {
    "init": ["init mine", "init mine", "init other --preset balance"],
    "run": [
        "run --as-of 2025-06-02 --portfolio core",
        "run --as-of 2025-06-02 --portfolio core",
        "run --portfolio cor",
    ],
    "backfill": ["backfill --from 2025-06-02 --to 2025-06-03", "backfill --from 2025-06-03 --to 2025-06-02"],
    "replay": ["run --as-of 2025-06-02 --portfolio core", "replay --as-of 2025-06-02", "replay"],
    "halt": [
        *("db migrate", "halt core --reason odd", "halt --reason odd", "run --as-of 2025-06-02 --portfolio core"),
        *("plan --as-of 2025-06-02 --portfolio core", 'resume core --reason "the scores are corrected"'),
    ],
    "db": ["db migrate", "db snapshot", "db verify", "db backup one.duckdb", "db restore one.duckdb", "db copy"],
}
"""Commands on an installation with nothing in it, one after the other."""
SLOW = {"backfill", "replay", "halt", "plan", "report"}
VARYING = (
    (r"\b(\d{4}-\d\d-\d\d)-[0-9a-f]{12}\b", r"\1-############"),
    (r"the code [0-9a-f]{12}\b", "the code ############"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(\.\d+)? UTC", "<time>"),
    (r"scores_(?!2025-06)\d{4}-\d\d-\d\d", "scores_<day>"),
    (r"[\d.]+ [kMG]B\b", "<size>"),
    (r"\.replaced-\w+", ".replaced-<time>"),
    (r" \(`ballast` is .*\):", ":"),
    (r"\b\d+ (steps|migrations)\b( applied \([^)]*\))?", r"<n> \1"),
)
"""What is other in each run or on each machine, and what stands for it."""


@pytest.fixture
def _folder(
    tmp_path: Path, sample: Path, empty_warehouse: Path, sample_week: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A working folder in which paths are as short on every machine: a new warehouse, and the sample's week."""
    shutil.copy(empty_warehouse, tmp_path / "warehouse.duckdb")
    (tmp_path / "inbox").symlink_to(sample)
    (tmp_path / "week").symlink_to(sample_week.warehouse.parent)
    (tmp_path / "portfolios.yaml").symlink_to(sample_week.config)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in (*READING, *WRITING)]
)
def test_what_a_command_prints_is_as_in_its_file(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    where = "week/" if name in READING else ""
    paths = {"config": "portfolios.yaml", "inbox": "inbox", "warehouse": f"{where}warehouse.duckdb"}
    for setting, path in {**paths, "snapshot": f"{where}snapshot.duckdb", "export_folder": f"{where}targets"}.items():
        monkeypatch.setenv(f"BALLAST_{setting.upper()}", path)
    text = _session(typed(capsys), READING.get(name) or WRITING[name])
    path = GOLDEN / f"{name}.txt"
    if pytestconfig.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _session(ballast: Ballast, commands: list[str]) -> str:
    """Return a session as a terminal shows it: each command, its output, its errors and its exit code."""
    blocks = []
    for command in commands:
        code, out, err = ballast(*shlex.split(command))
        blocks.append(f"$ ballast {command}\n{out}{err}exit code {code}\n")
    text = "\n".join(blocks)
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text.replace(f" by {os_user()}", " by <user>")


def test_every_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {*READING, *WRITING}
