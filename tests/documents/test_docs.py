"""The documents point at what is there."""

import re
from pathlib import Path

import pytest

from tasks.config.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "notebook.py"])
TABLES = {"sizing_audit", "sizing_summary", "decisions", "constraint_checks", "sizing_steps"}

WAS_A_COMMAND = {"completion"}
"""Named in the history of changes alone."""


def _anchors(page: Path) -> set[str]:
    """Return where a link into the page may lead: its headings, as every forge and the site write them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = (re.sub(r"\]\([^)]*\)", "", line) for line in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), f"{document.name} links to {link}: there is no such file"
        assert not anchor or anchor in _anchors(target), f"{document.name} links to {link}: there is no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_named_is_one(document: Path) -> None:
    commands = set(re.findall(r"^## ballast ([a-z]+)$", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"`ballast ([a-z]+)", document.read_text()))
    assert len(commands) > 15
    assert named - commands - WAS_A_COMMAND == set()


@pytest.mark.parametrize(("name", "functions"), [("sizing.md", 10), ("selection.md", 4), ("risk.md", 0)])
def test_every_name_on_a_page_of_rules_is_in_the_rules(name: str, functions: int) -> None:
    page = (ROOT / "docs" / name).read_text()
    named = set(re.findall(r"`(_?[a-z][a-z_]+)`", page))
    rules = "\n".join(path.read_text() for path in (ROOT / "sizing").rglob("*.py"))
    known = set(re.findall(r"\b[a-z_][a-z_0-9]*\b", rules))
    defined = set(re.findall(r"^(?:def|class) (\w+)", rules, flags=re.MULTILINE))
    private = {name for name in named if name.startswith("_")}
    assert len(private) >= functions
    assert private - defined == set()
    assert named - known - TABLES - Settings.model_fields.keys() == set()
