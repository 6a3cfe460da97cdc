"""The documents point at what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", document.read_text())
    files = [target for target in targets if "://" not in target]
    assert [name for name in files if not (document.parent / name).exists()] == []


def test_every_function_that_the_sizing_page_names_is_in_the_rules() -> None:
    page = (ROOT / "docs" / "sizing.md").read_text()
    named = set(re.findall(r"`(_?[a-z][a-z_]+)`", page))
    rules = "\n".join(path.read_text() for path in (ROOT / "sizing").glob("*.py"))
    known = set(re.findall(r"\b[a-z_][a-z_0-9]*\b", rules))
    defined = set(re.findall(r"^(?:def|class) (\w+)", rules, flags=re.MULTILINE))
    private = {name for name in named if name.startswith("_")}
    assert len(private) > 10
    assert private - defined == set()
    assert named - known - {"sizing_audit", "sizing_summary"} == set()
