"""The documents point at what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TABLES = {"sizing_audit", "sizing_summary", "decisions", "constraint_checks"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", document.read_text())
    files = [target for target in targets if "://" not in target]
    assert [name for name in files if not (document.parent / name).exists()] == []


@pytest.mark.parametrize(("name", "functions"), [("sizing.md", 10), ("selection.md", 4)])
def test_every_name_on_a_page_of_rules_is_in_the_rules(name: str, functions: int) -> None:
    page = (ROOT / "docs" / name).read_text()
    named = set(re.findall(r"`(_?[a-z][a-z_]+)`", page))
    rules = "\n".join(path.read_text() for path in (ROOT / "sizing").glob("*.py"))
    known = set(re.findall(r"\b[a-z_][a-z_0-9]*\b", rules))
    defined = set(re.findall(r"^(?:def|class) (\w+)", rules, flags=re.MULTILINE))
    private = {name for name in named if name.startswith("_")}
    assert len(private) >= functions
    assert private - defined == set()
    assert named - known - TABLES == set()
