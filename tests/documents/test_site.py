"""The pages that are made from the code are what the code says, and the site can be laid out of them all.

Sphinx itself runs in `make docs`: its packages are no part of the tests.
"""

import re
from pathlib import Path

from docs.make_commands import commands_page
from docs.make_site import PARTS, collect_pages, loads_remote_content

ROOT = Path(__file__).parents[2]


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == commands_page(), "docs/commands.md is not up to date: make reference"


def test_every_exit_code_of_a_command_is_in_the_table() -> None:
    page = commands_page()
    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, flags=re.MULTILINE))
    told = re.findall(r"Exit codes: (.*?)\n\n", page, flags=re.DOTALL)
    codes = {code for sentence in told for code in re.findall(r"(?:^|;)\s*(\d+) ", sentence)}
    assert codes
    assert codes <= set(table)


def test_every_page_of_the_site_is_there_and_stands_in_its_contents(tmp_path: Path) -> None:
    collect_pages(tmp_path)
    laid_out = {page.relative_to(tmp_path).with_suffix("").as_posix() for page in tmp_path.glob("docs/*.md")}
    listed = {page for pages in PARTS.values() for page in pages}
    assert {page for page in laid_out if "." not in page} <= listed
    assert {page for page in listed if not (tmp_path / f"{page}.md").exists()} == set()


def test_a_link_to_code_leads_to_its_page_in_the_site(tmp_path: Path) -> None:
    collect_pages(tmp_path)
    for page in tmp_path.glob("docs/*.md"):
        links = re.findall(r"\]\(([^)#\s]+)[)#]", page.read_text())
        lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
        assert lost == [], page.name
    code = (tmp_path / "sizing" / "weights" / "two_stage.py.md").read_text()
    assert (ROOT / "sizing" / "weights" / "two_stage.py").read_text() in code


def test_a_page_that_loads_from_elsewhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "well.html").write_text('<a class="x" href="https://a.example/">a</a><script src="search.js"></script>')
    (tmp_path / "font.html").write_text('<link rel="stylesheet" href="https://fonts.example/css">')
    (tmp_path / "script.html").write_text("<script async src='//cdn.example/x.js'></script>")
    assert sorted(loads_remote_content(tmp_path)) == ["font.html", "script.html"]
