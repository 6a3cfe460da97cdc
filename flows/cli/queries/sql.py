"""`ballast sql`: queries on the snapshot."""

import sys
from typing import Annotated

from cyclopts import Parameter

from flows.terminal.console import out, show_warehouse_warnings
from flows.terminal.escaping import write
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, OutputFormat, Snapshot
from sizing.text import counted
from tasks.config.settings import Settings
from tasks.errors import UsageError


def sql(
    query: Annotated[str | None, Parameter(help="One query or several with `;` between them, in DuckDB's SQL.")] = None,
    /,
    *,
    snapshot: Snapshot = None,
    form: OutputFormat = AS_TABLE,
) -> None:
    """Write the rows of each query; without one, of those of stdin."""
    show_warehouse_warnings()
    settings = Settings().at({"snapshot": snapshot})
    if query is None and sys.stdin.isatty():
        is_file = settings.store == "embedded"
        prompt = f"the snapshot with the command line of DuckDB: duckdb -readonly {settings.snapshot}"
        lake = "the lake with the command line of DuckDB, as docs/scale.md shows"
        msg = f"expected a query or piped queries; for a prompt open {prompt if is_file else lake}"
        raise UsageError(msg)
    queries = sys.stdin.read() if query is None else query
    for number, rows in enumerate(settings.open_warehouse().query_snapshot_each(queries, is_flat=form.csv)):
        if form.csv and number:
            write("\n")
        write_rows(rows, form)
        if not form.is_for_program:
            out().print(counted(rows.height, "row"))
