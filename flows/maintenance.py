"""What the `ballast db` commands do and show; each gives its exit code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows.show import ERROR, PROBLEMS, err, hear_warehouse, out, show, tell
from sql.maintenance import Status, Tell, Verification, backup, read_status, restore, verify
from sql.warehouse import Warehouse
from tasks.settings import Settings

Paths = Mapping[str, Path]


def show_status(paths: Paths) -> int:
    """Show how the warehouse is."""

    def run(warehouse: Warehouse) -> int:
        status = read_status(warehouse)
        console = out()
        show(console, _facts(status), "Warehouse")
        show(console, status.migrations, "Migrations applied")
        show(console, status.rows, "Rows")
        return 0

    return _with_warehouse(paths, run)


def show_verification(paths: Paths) -> int:
    """Verify, with progress, and show what failed."""

    def run(warehouse: Warehouse) -> int:
        with _progress() as told:
            verification = verify(warehouse, told)
        return _show_failures(warehouse, verification)

    return _with_warehouse(paths, run)


def migrate_warehouse(paths: Paths) -> int:
    """Bring the warehouse forward, and say how far."""

    def run(warehouse: Warehouse) -> int:
        applied = warehouse.migrate()
        words = f"{len(applied)} migrations applied ({', '.join(applied)})" if applied else "nothing to apply"
        out().print(f"{escape(str(warehouse.path))}: {words}, the views are made anew")
        return 0

    return _with_warehouse(paths, run)


def make_snapshot(paths: Paths) -> int:
    """Make the snapshot and the export of the newest day."""

    def run(warehouse: Warehouse) -> int:
        made = warehouse.snapshot()
        out().print(f"snapshot: {escape(str(made.path))}")
        out().print(f"export: {escape(str(made.export_path))}" if made.export_path else "export: no day is published")
        return 0

    return _with_warehouse(paths, run)


def make_backup(path: Path | None, paths: Paths) -> int:
    """Back the warehouse up."""

    def run(warehouse: Warehouse) -> int:
        made = backup(warehouse, path)
        out().print(f"backup: {escape(str(made))} ({decimal(made.stat().st_size)})")
        return 0

    return _with_warehouse(paths, run)


def restore_backup(path: Path, paths: Paths) -> int:
    """Put a backup in the place of the warehouse."""

    def run(warehouse: Warehouse) -> int:
        with _progress() as told:
            kept = restore(warehouse, path, told)
        out().print(f"restored: {escape(str(warehouse.path))} is as in {escape(str(path))}, with a new snapshot")
        if kept:
            out().print(f"replaced: the file before is kept in {escape(str(kept))}")
        return 0

    return _with_warehouse(paths, run)


def _with_warehouse(paths: Paths, run: Callable[[Warehouse], int]) -> int:
    hear_warehouse()
    try:
        return run(Settings().at(paths).open_warehouse())
    except PROBLEMS as problem:
        return tell(problem)


def _show_failures(warehouse: Warehouse, verification: Verification) -> int:
    console = out()
    if not verification.failures:
        console.print(f"{escape(str(warehouse.path))} is sound: {verification.n_steps} steps, no failure")
        return 0
    schema = {"what": pl.String, "failures": pl.Int64, "first": pl.String}
    show(console, pl.DataFrame(verification.failures, schema, orient="row"), "What is wrong")
    err().print(
        f"[bold red]error:[/] {len(verification.failures)} failures in {verification.n_steps} steps: restore a backup "
        "with `ballast db restore`, or report what is wrong"
    )
    return ERROR


def _facts(status: Status) -> pl.DataFrame:
    last, now = status.last_publication, datetime.now(UTC)
    published = f"{last['as_of_date']} by run {last['run_id']}, {_time(last['published_at'])}" if last else "never"
    snapshot = "none yet"
    if status.snapshot_at:
        age = str(now - status.snapshot_at).partition(".")[0]
        state = "as new as the warehouse" if status.is_snapshot_current else "behind: `ballast db snapshot`"
        snapshot = f"{_time(status.snapshot_at)}, {age} old, {state}"
    last_recovery = f", last {_time(status.last_recovered_at)}" if status.last_recovered_at else ""
    facts = {
        "file": str(status.path),
        "size": decimal(status.size_bytes),
        "log to recover": decimal(status.wal_bytes) if status.wal_bytes else "none",
        "version": f"{status.migrations['version'][-1]}, the code is {status.code_version}",
        "pending": ", ".join(status.pending) or "none",
        "last publication": published,
        "snapshot": snapshot,
        "snapshot file": str(status.snapshot_path),
        "recoveries": f"{status.n_recoveries}{last_recovery}",
    }
    return pl.DataFrame({"what": list(facts), "is": list(facts.values())})


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True, disable=not err().is_terminal) as progress:
        bar = progress.add_task("reading", total=None)

        def told(name: str, done: int, total: int) -> None:
            progress.update(bar, description=name, completed=done, total=total)

        yield told
