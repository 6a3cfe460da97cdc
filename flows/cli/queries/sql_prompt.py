"""The prompt of `ballast sql`: queries over many lines up to `;`, commands with a dot, a history."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

import polars as pl
from rich.markup import escape

from flows.terminal.console import PROBLEMS, out, show, tell
from sql.errors import WarehouseError
from sql.snapshot_reader import reading_snapshot
from sql.warehouse import Warehouse

_PROMPT, _GOES_ON = "ballast> ", "    ...> "
_HISTORY, _LONGEST_HISTORY = ".ballast_history", 1000
_HELP = """A query ends with ; and may have many lines. Ctrl-C throws the line away, Ctrl-D leaves.
.tables         the tables, views and macros
.schema NAME    the columns of one
.help           this
.quit           leave"""


def talk(warehouse: Warehouse, answer: Callable[[str], None]) -> int:
    """Read queries from the terminal and answer each, until the person leaves; an error is told and does not leave."""
    warehouse.require_snapshot()
    history = _remember()
    out().print(f"{escape(str(warehouse.snapshot_path))}, read-only. `.help` says more, Ctrl-D leaves.")
    lines: list[str] = []
    while True:
        try:
            line = input(_GOES_ON if lines else _PROMPT)
            if not lines and line.strip().startswith("."):
                if line.split()[0] in {".quit", ".exit"}:
                    break
                _obey(warehouse, line.split())
                continue
            lines = [*lines, line] if lines or line.strip() else []
            asked = "\n".join(lines)
            if sqlite3.complete_statement(asked):
                lines = []
                answer(asked)
        except PROBLEMS as problem:
            tell(problem)
        except KeyboardInterrupt:
            out().print()
            lines = []
        except EOFError:
            out().print()
            break
    history()
    return 0


def _obey(warehouse: Warehouse, words: list[str]) -> None:
    with reading_snapshot(warehouse) as reader:
        columns = reader.query("schema_columns")
    console = out()
    if words == [".tables"]:
        show(console, columns.unique("name").sort("kind", "name").select("name", "kind", _grain()))
    elif words[0] == ".schema" and len(words) == len([".schema", "NAME"]):
        rows = columns.filter(pl.col("name") == words[1])
        if rows.is_empty():
            raise WarehouseError(_unknown(words[1], columns["name"].unique().to_list()))
        console.print(escape(rows["comment"][0]), soft_wrap=True)
        if rows["column_name"][0] is not None:
            show(console, rows.select("column_name", "data_type", "column_comment"))
    else:
        console.print(_HELP, markup=False)


def _grain() -> pl.Expr:
    """Give the first sentence of a comment; of a macro without the call before it."""
    return (
        pl.col("comment").str.split("\n").list.first().str.extract(r"^(?:\w+\(.*?\): )?(.*?[.:](?: |$))").alias("what")
    )


def _unknown(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    return f"nothing is called {name}: " + (
        f"did you mean {nearest[0]}?" if nearest else "`.tables` lists what there is"
    )


def _remember() -> Callable[[], None]:
    """Read the history of the lines, where this Python has readline, and give what writes it."""
    try:
        import readline  # noqa: PLC0415 - it takes hold of the terminal as soon as it is imported
    except ImportError:
        return lambda: None
    path = Path.home() / _HISTORY
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(_LONGEST_HISTORY)

    def write() -> None:
        with suppress(OSError):
            readline.write_history_file(path)

    return write
