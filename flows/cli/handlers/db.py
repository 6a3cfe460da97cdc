"""What the `ballast db` commands do and show; each gives its exit code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows.terminal.console import ERROR, PROBLEMS, err, hear_warehouse, out, show, tell
from flows.terminal.output import give, is_for_program, require_one_form, sentences_of
from flows.terminal.parameters import Form
from sql.admin.maintenance import Status, Tell, backup, read_status, renew_exports, restore, verify
from sql.admin.retention import new_backup_path
from sql.admin.verification import Verification, count_failures
from sql.records import ExportChanges
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tasks.operations.former_copies import warn_of_former_copies

Paths = Mapping[str, Path]


def show_status(paths: Paths, form: Form) -> int:
    """Show how the warehouse is; to a program, in one row."""

    def run(warehouse: Warehouse) -> int:
        status = read_status(warehouse)
        if is_for_program(require_one_form(form)):
            give(_one_row(status), form)
            return 0
        console = out()
        show(console, _facts(status), "Warehouse")
        show(console, status.migrations, "Migrations applied")
        show(console, status.rows, "Rows")
        return 0

    return _with_warehouse(paths, run)


def show_verification(paths: Paths, form: Form) -> int:
    """Verify, with progress, and show what failed. A file that has no copies, as a backup, is verified alone."""

    def run(warehouse: Warehouse) -> int:
        console = sentences_of(form)
        has_copies = _has_copies(paths)
        with _progress() as told:
            verification = verify(warehouse, told, has_copies=has_copies)
        if not has_copies:
            err().print("not compared with its copies: give --snapshot and --export-folder for that")
        return _show_failures(console, warehouse, verification, form)

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
    """Make the snapshot, and the exports that are missing or not as in the warehouse."""

    def run(warehouse: Warehouse) -> int:
        Settings().writing_at(paths)
        exports, exports_kept = renew_exports(warehouse)
        made = warehouse.snapshot()
        out().print(f"snapshot: {escape(str(made.path))}")
        for warning in warn_of_former_copies(Settings().at(paths)):
            err().print(f"[yellow]warning:[/] {escape(warning)}")
        out().print(f"export: {escape(str(made.export_path))}" if made.export_path else "export: no day is published")
        _tell_exports(exports, exports_kept)
        return 0

    return _with_warehouse(paths, run)


def make_backup(path: Path | None, paths: Paths) -> int:
    """Back the warehouse up."""

    def run(warehouse: Warehouse) -> int:
        made = backup(warehouse, path or new_backup_path(warehouse.path, Settings().at(paths).backup_folder))
        out().print(f"backup: {escape(str(made))} ({decimal(made.stat().st_size)})")
        return 0

    return _with_warehouse(paths, run)


def restore_backup(path: Path, paths: Paths) -> int:
    """Put a backup in the place of the warehouse."""

    def run(warehouse: Warehouse) -> int:
        Settings().writing_at(paths)
        with _progress() as told:
            restored = restore(warehouse, path, told)
        out().print(f"restored: {escape(str(warehouse.path))} is as in {escape(str(path))}, with a new snapshot")
        if restored.kept:
            out().print(f"replaced: the file before is kept in {escape(str(restored.kept))}")
        _tell_exports(restored.exports, restored.exports_kept)
        return 0

    return _with_warehouse(paths, run)


def _has_copies(paths: Paths) -> bool:
    """Say whether a warehouse has copies to compare it with: that of the settings has, another where they are found."""
    settings, configured = Settings().at(paths), Settings()
    is_other = settings.warehouse.resolve() != configured.warehouse.resolve()
    return not is_other or (settings.snapshot.exists() and not configured.copies_shared_with(settings))


def _tell_exports(exports: ExportChanges, kept: Path) -> None:
    parts = (("made anew", exports.written), ("removed, their days are not published", exports.removed))
    told = ", ".join(f"{len(days)} {what}" for what, days in parts if days)
    is_kept = f"; what was there before is kept in {escape(str(kept))}" if kept.exists() else ""
    out().print(f"exports: {told}{is_kept}" if told else "exports: all are as in the warehouse")


def _with_warehouse(paths: Paths, run: Callable[[Warehouse], int]) -> int:
    hear_warehouse()
    try:
        return run(Settings().at(paths).open_warehouse())
    except PROBLEMS as problem:
        return tell(problem)


def _show_failures(console: Console, warehouse: Warehouse, verification: Verification, form: Form) -> int:
    schema = {"what": pl.String, "failures": pl.Int64, "first": pl.String}
    failures = pl.DataFrame(verification.failures, schema, orient="row")
    if is_for_program(form) or failures.height:
        give(failures, form, "What is wrong")
    if failures.is_empty():
        console.print(f"{escape(str(warehouse.path))} is sound: {verification.n_steps} steps, no failure")
        return 0
    err().print(
        f"[bold red]error:[/] {count_failures(len(verification.failures))} in {verification.n_steps} steps: "
        f"{verification.advice}"
    )
    return ERROR


def _one_row(status: Status) -> pl.DataFrame:
    last = status.last_publication or {}
    row = {
        "warehouse": str(status.path),
        "size_bytes": status.size_bytes,
        "wal_bytes": status.wal_bytes,
        "version": status.migrations["version"][-1],
        "code_version": status.code_version,
        "pending": list(status.pending),
        "last_as_of_date": last.get("as_of_date"),
        "last_run_id": last.get("run_id"),
        "last_published_at": last.get("published_at"),
        "n_recoveries": status.n_recoveries,
        "last_recovered_at": status.last_recovered_at,
        "snapshot": str(status.snapshot_path),
        "snapshot_at": status.snapshot_at,
        "is_snapshot_current": status.is_snapshot_current,
    }
    return pl.DataFrame([row])


def _facts(status: Status) -> pl.DataFrame:
    last, now = status.last_publication, datetime.now(UTC)
    published = f"{last['as_of_date']} by run {last['run_id']}, {_time(last['published_at'])}" if last else "never"
    snapshot = "none yet"
    if status.snapshot_at:
        age = str(now - status.snapshot_at).partition(".")[0]
        state = "as new as the warehouse" if status.is_snapshot_current else "behind: `ballast db snapshot`"
        state = state if status.is_snapshot_own else "of another warehouse: correct BALLAST_SNAPSHOT"
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
