"""`ballast sql`: one query on the snapshot, shown as a table."""

from collections.abc import Mapping
from pathlib import Path

from flows.show import PROBLEMS, out, table, tell
from tasks.settings import Settings


def ask(query: str, paths: Mapping[str, Path]) -> int:
    """Ask the snapshot and show the answer."""
    try:
        answer = Settings().at(paths).open_warehouse().ask_snapshot(query)
    except PROBLEMS as problem:
        return tell(problem)
    console = out()
    console.print(table(answer))
    console.print(f"{answer.height} rows")
    return 0
