"""`ballast sql`: one query on the snapshot, shown as a table."""

from collections.abc import Mapping
from pathlib import Path

from flows.show import PROBLEMS, out, show, tell
from tasks.settings import Settings


def ask(query: str, paths: Mapping[str, Path]) -> int:
    """Ask the snapshot and show the answer."""
    try:
        answer = Settings().at(paths).open_warehouse().ask_snapshot(query)
    except PROBLEMS as problem:
        return tell(problem)
    console = out()
    show(console, answer)
    console.print("1 row" if answer.height == 1 else f"{answer.height} rows")
    return 0
