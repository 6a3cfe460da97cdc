"""Make the site of the documents in site/: `make docs`. It opens from the disk and loads nothing from the network.

The pages are placed as in the repository, so their links stay as they are; a file of code that a page links
to gets a page of its own. Every warning of Sphinx is an error: a link or an anchor that leads nowhere is one.
"""

import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "site"
NOTEBOOK = DOCS / "notebook.py"
LANGUAGES = {".py": "python", ".sql": "sql", ".yaml": "yaml", ".toml": "toml", ".service": "ini"}

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(?=[)#])")
_FROM_ELSEWHERE = re.compile(r"""<(?!a\b)\w+[^>]*\b(?:src|href)=["'](?:https?:)?//""")
_FENCE_WITH_PLACE = re.compile(r"^```\w+ (\S.*)$", re.MULTILINE)

PARTS = {
    "Understand": [
        "docs/concepts",
        "docs/selection",
        "docs/sizing",
        "docs/trading",
        "docs/lifecycle",
        "docs/risk",
        "docs/rules",
        "docs/notebook",
    ],
    "Use": ["docs/commands", "docs/configuration", "docs/feeds", "docs/schema"],
    "Operate": ["docs/operations", "docs/reliability", "docs/scale", "SECURITY", "docs/benchmarks"],
    "Choose": ["docs/comparison", "docs/decisions"],
    "Work on it": ["CONTRIBUTING", "CHANGELOG"],
}
"""What stands beside every page, under which word."""


def main() -> int:
    """Collect the pages and build the site with Sphinx."""
    from sphinx.cmd.build import build_main  # noqa: PLC0415 - the tests of this file do without Sphinx

    with TemporaryDirectory() as name:
        source = Path(name, "source")
        collect_pages(source)
        shutil.rmtree(SITE, ignore_errors=True)
        options = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", str(Path(name, "doctrees"))]
        failed = build_main([*options, "--conf-dir", str(DOCS), str(source), str(SITE)])
    asking = loads_remote_content(SITE)
    if asking:
        sys.stderr.write(f"these pages load remote content: {', '.join(asking)}\n")
    if not failed:
        shutil.copy(SITE / "README.html", SITE / "index.html")
        sys.stderr.write(f"site/index.html: {len(list(SITE.rglob('*.html')))} pages\n")
    return failed or bool(asking)


def loads_remote_content(site: Path) -> list[str]:
    """Return the pages that load remote content; a link to follow is none."""
    return [str(page.relative_to(site)) for page in site.rglob("*.html") if _FROM_ELSEWHERE.search(page.read_text())]


def collect_pages(folder: Path) -> None:
    """Write the pages of the site into a folder, each where it is in the repository."""
    texts = {page: page.read_text() for page in [*ROOT.glob("*.md"), *DOCS.glob("*.md")]}
    texts[NOTEBOOK.with_suffix(".md")] = notebook_page(NOTEBOOK.read_text())
    code = {file for page, text in texts.items() for file in _linked_code(page, text)}
    texts |= {_page_of(file): _code_page(file) for file in code | _inside(code)}
    texts[ROOT / "README.md"] += _contents()
    for page, text in texts.items():
        place = folder / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_turned(page, text))
    for picture in [*DOCS.glob("*.svg"), *DOCS.glob("pictures/*")]:
        place = folder / picture.relative_to(ROOT)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(picture, place)


def notebook_page(script: str) -> str:
    """Return a script of `# %%` cells as a page: its comments as text, its code as code."""
    cells = re.split(r"^# %%[ ]*", script, flags=re.MULTILINE)[1:]
    return "\n\n".join(_cell(cell) for cell in cells)


def _cell(cell: str) -> str:
    kind, _, body = cell.partition("\n")
    if kind == "[markdown]":
        return re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)
    return f"```python\n{body.strip()}\n```"


def _contents() -> str:
    trees = [f":caption: {word}\n:hidden:\n\n" + "\n".join(pages) for word, pages in PARTS.items()]
    return "".join(f"\n\n```{{toctree}}\n{tree}\n```" for tree in trees)


def _linked_code(page: Path, text: str) -> set[Path]:
    """Return the files and folders that a page links to and that are neither pages nor pictures."""
    linked = {(page.parent / found[1]).resolve() for found in _LINK.finditer(text)}
    return {path for path in linked if path.exists() and _is_code(path)}


def _is_code(path: Path) -> bool:
    return (
        path.suffix != ".md"
        and path != NOTEBOOK
        and not path.is_relative_to(DOCS / "pictures")
        and path.suffix != ".svg"
    )


def _inside(folders: set[Path]) -> set[Path]:
    return {file for folder in folders if folder.is_dir() for file in folder.iterdir() if file.is_file()}


def _page_of(file: Path) -> Path:
    return file.with_suffix(".md") if file == NOTEBOOK else file.with_name(f"{file.name}.md")


def _code_page(file: Path) -> str:
    head = f"---\norphan: true\nnosearch: true\n---\n\n# `{file.relative_to(ROOT).as_posix()}`\n\n"
    if file.is_dir():
        return head + "\n".join(f"- [{inner.name}]({file.name}/{inner.name})" for inner in sorted(_inside({file})))
    return f"{head}``````{LANGUAGES.get(file.suffix, 'text')}\n{file.read_text()}\n``````\n"


def _turned(page: Path, text: str) -> str:
    """Turn links to code into links to its page, and the place above a block into its caption."""

    def turn(found: re.Match[str]) -> str:
        target = (page.parent / found[1]).resolve()
        if not target.exists() or (target != NOTEBOOK and not _is_code(target)):
            return found[1]
        return str(Path(found[1]).with_name(_page_of(target).name))

    return _FENCE_WITH_PLACE.sub(r"```{code-block} text\n:caption: \1\n", _LINK.sub(turn, text))


if __name__ == "__main__":
    sys.exit(main())
