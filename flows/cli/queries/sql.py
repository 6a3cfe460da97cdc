"""`ballast sql`: queries on the snapshot, or a prompt. `ballast db schema`: what can be asked."""

import sys
from collections.abc import Mapping
from pathlib import Path

from flows.cli.queries.sql_prompt import talk
from flows.terminal.console import PROBLEMS, hear_warehouse, out, tell
from flows.terminal.escaping import write
from flows.terminal.output import give, is_for_program, require_one_form
from flows.terminal.parameters import AS_TABLE, Form
from sizing.text import counted
from sql.schema_reference import schema_page
from sql.snapshot_reader import reading_snapshot
from sql.warehouse import Warehouse
from tasks.config.settings import Settings


def ask(query: str | None, paths: Mapping[str, Path], form: Form = AS_TABLE) -> int:
    """Ask the snapshot and show each answer; without a query, those that stdin has, or a person types."""
    hear_warehouse()
    try:
        require_one_form(form)
        warehouse = Settings().at(paths).open_warehouse()
        if query is None and sys.stdin.isatty():
            return talk(warehouse, lambda asked: answer(warehouse, asked, form))
        answer(warehouse, sys.stdin.read() if query is None else query, form)
    except PROBLEMS as problem:
        return tell(problem)
    return 0


def answer(warehouse: Warehouse, asked: str, form: Form) -> None:
    """Give the rows of each query. *Raises* `WarehouseError` for what is none, or fails."""
    for number, rows in enumerate(warehouse.ask_snapshot_each(asked, is_flat=form.csv)):
        if form.csv and number:
            write("\n")
        give(rows, form)
        if not is_for_program(form):
            out().print(counted(rows.height, "row"))


def show_schema(paths: Mapping[str, Path]) -> int:
    """Print what the snapshot says of its tables, views and macros, as Markdown."""
    hear_warehouse()
    try:
        with reading_snapshot(Settings().at(paths).open_warehouse()) as reader:
            page = schema_page(reader.query("schema_columns"))
    except PROBLEMS as problem:
        return tell(problem)
    write(page)
    return 0
