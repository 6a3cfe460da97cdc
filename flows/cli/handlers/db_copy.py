"""`ballast db copy`: bring the copy in PostgreSQL up to date now."""

from collections.abc import Mapping
from pathlib import Path

from flows.terminal.console import PROBLEMS, out, tell
from tasks.config.settings import Settings
from tasks.operations.postgres_copy import update_copy


def copy_now(paths: Mapping[str, Path]) -> int:
    """Copy what is published and not there yet, and say what that was."""
    try:
        copied = update_copy(Settings().at(paths))
    except PROBLEMS as problem:
        return tell(problem)
    runs, rows = ("run" if copied.n_runs == 1 else "runs"), ("row" if copied.n_rows == 1 else "rows")
    out().print(f"copied {copied.n_runs} {runs}, {copied.n_rows} {rows} to {copied.target}")
    return 0
