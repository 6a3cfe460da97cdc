"""What a document shows: its blocks of code, the commands in them, and what it says that they print."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md"), key=lambda page: page.name != "README.md"), *sorted((ROOT / "docs").glob("*.md"))]
"""The README first: what it runs, the others look at."""


class Block(NamedTuple):
    """A block of code of a page. `place`: what stands behind its language, such as a file name."""

    page: Path
    language: str
    place: str
    text: str


class Command(NamedTuple):
    """A command as a person types it, and the lines below it."""

    page: Path
    line: str
    output: list[str]


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in these languages; of any language where none is named."""
    every = [block for page in PAGES for block in _blocks_of(page)]
    return [block for block in every if not languages or block.language in languages]


def _blocks_of(page: Path) -> list[Block]:
    found = re.findall(r"^( *)```(\S*) ?(.*)\n((?:.*\n)*?)\1```$", page.read_text(), flags=re.MULTILINE)
    return [Block(page, language, place, textwrap.dedent(text)) for _, language, place, text in found]


def commands() -> list[Command]:
    """Return each command of the console blocks with the lines shown below it."""
    parts = [
        (block.page, re.sub(r"\n    ", " ", part).splitlines())
        for block in blocks("console")
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    ]
    return [Command(page, lines[0], lines[1:]) for page, lines in parts]


def assert_printed(command: Command, printed: str) -> None:
    """Find the passages shown in what was printed, in their order; `...` stands for anything between them."""
    place = 0
    text = " ".join(_words(printed.splitlines()))
    for passage in re.split(r"(?<!\S)\.\.\.(?!\S)", " ".join(_words(command.output))):
        found = text.find(passage.strip(), place)
        assert found >= 0, f"{command.page.name}: {command.line} does not print: {passage}"
        place = found + len(passage.strip())


def _words(lines: list[str]) -> list[str]:
    """Return the words of the lines: how wide a table is drawn does not matter."""
    return [word for line in lines for word in line.split() if not set(word) <= {"─"}]
