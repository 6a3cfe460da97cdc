"""The runbook can be followed: its queries run, its commands have the flags that it gives, its places exist."""

import re
import shlex
from pathlib import Path

import pytest

from flows.cli.app import app
from tasks.config.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
PLACES = {"DAY": "2025-06-06", "FIRST": "2025-06-02", "LAST": "2025-06-06"}


def _commands() -> list[list[str]]:
    """Return each `ballast` command of the page, in a block or in a sentence, as words."""
    shown = re.findall(r"^ *\$ (.*)$", PAGE, flags=re.MULTILINE) + re.findall(r"`(ballast \w+ [^`]*)`", PAGE)
    words = [shlex.split(line) for line in shown]
    return [[PLACES.get(word, word) for word in line[1:]] for line in words if line[0] == "ballast" and len(line) > 1]


def _queries() -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
    queries = [query.strip() for block in blocks for query in block.split(";") if query.strip()]
    return queries + [words[1] for words in _commands() if words[0] == "sql"]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_of_the_runbook_is_one(words: list[str]) -> None:
    app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.slow
def test_every_query_of_the_runbook_runs(settings: Settings) -> None:
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    warehouse.snapshot()
    assert len(_queries()) > 15
    for query in _queries():
        warehouse.query_snapshot(query)


def test_every_place_that_the_runbook_names_is_there() -> None:
    made = re.findall(r"`make ([a-z]+)`|\$ (?:[A-Z_]+=\S+ )?make ([a-z]+)", PAGE)
    makefile = (ROOT / "Makefile").read_text()
    assert [name for pair in made for name in pair if name and f"\n{name}:" not in makefile] == []
    known = {f"BALLAST_{name.upper()}" for name in Settings.model_fields}
    alerts = {"BALLAST_ALERT_WEBHOOK", "BALLAST_ALERT_EMAIL"}
    assert set(re.findall(r"BALLAST_[A-Z_]+", PAGE)) - known - alerts == set()
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - anchors == set()
