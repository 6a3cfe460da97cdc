"""`ballast sql`: queries on the snapshot, each shown as a table. `ballast db schema`: what can be asked."""

import sys
from collections.abc import Mapping
from pathlib import Path

from flows.show import PROBLEMS, out, show, tell
from sql.schema_page import schema_page
from sql.scripts import read_script, read_scripts
from tasks.settings import Settings


def ask(query: str | None, paths: Mapping[str, Path]) -> int:
    """Ask the snapshot and show each answer; without a query, those that stdin has."""
    console = out()
    asked = sys.stdin.read() if query is None else query
    try:
        for answer in Settings().at(paths).open_warehouse().ask_snapshot_each(asked):
            show(console, answer)
            console.print("1 row" if answer.height == 1 else f"{answer.height} rows")
    except PROBLEMS as problem:
        return tell(problem)
    return 0


def show_schema(paths: Mapping[str, Path]) -> int:
    """Print what the snapshot says of its tables, views and macros, as Markdown."""
    try:
        columns = Settings().at(paths).open_warehouse().ask_snapshot(read_script("queries", "schema_columns").sql)
        page = schema_page(columns, read_scripts("questions"))
    except PROBLEMS as problem:
        return tell(problem)
    out().print(page, end="", markup=False, soft_wrap=True)
    return 0
