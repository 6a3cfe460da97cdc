"""`ballast db`: how the warehouse is, whether all of it is right, copies of it, and the way back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from flows.terminal.console import err, out, progress_bar, show, show_warehouse_warnings
from flows.terminal.escaping import write
from flows.terminal.exit_codes import ExitCode
from flows.terminal.output import message_console, write_rows
from flows.terminal.parameters import AS_TABLE, ExportFolder, OutputFormat, Snapshot, Warehouse
from sizing.text import counted
from sql import warehouse as live
from sql.admin import maintenance
from sql.admin.maintenance import ReportProgress, Status, read_status, renew_exports
from sql.admin.retention import new_backup_path
from sql.admin.verification import Verification
from sql.any_warehouse import AnyWarehouse
from sql.records import ExportChanges
from sql.schema_reference import schema_page
from tasks.config.settings import Settings
from tasks.operations.former_copies import warn_of_former_copies
from tasks.operations.postgres_copy import update_copy

_OF_A_FILE = {"log to recover", "snapshot file", "recoveries"}


def status(*, warehouse: Warehouse = None, snapshot: Snapshot = None, form: OutputFormat = AS_TABLE) -> None:
    """Show how the warehouse is; to a program, in one row."""
    status = read_status(_open(warehouse=warehouse, snapshot=snapshot))
    if form.is_for_program:
        write_rows(_one_row(status), form)
        return
    console = out()
    show(console, _facts(status), "Warehouse")
    show(console, status.migrations, "Migrations applied")
    show(console, status.rows, "Rows")


def verify(
    *,
    warehouse: Warehouse = None,
    snapshot: Snapshot = None,
    export_folder: ExportFolder = None,
    form: OutputFormat = AS_TABLE,
) -> int:
    """Verify, with progress, and show what failed. A file that has no copies, as a backup, is verified alone."""
    paths = {"warehouse": warehouse, "snapshot": snapshot, "export_folder": export_folder}
    opened, has_copies = _open(**paths), _has_copies(paths)
    with _progress() as on_step:
        verification = maintenance.verify(opened, on_step, has_copies=has_copies)
    if not has_copies:
        err().print("not compared with its copies: give --snapshot and --export-folder for that")
    return _show_failures(message_console(form), opened, verification, form)


def migrate(*, warehouse: Warehouse = None) -> None:
    """Migrate the warehouse, and report how far, and what brings a snapshot to the same tables."""
    opened = _open(warehouse=warehouse)
    applied = opened.migrate()
    words = f"{counted(len(applied), 'migration')} applied ({', '.join(applied)})" if applied else "nothing to apply"
    out().print(f"{escape(opened.name)}: {words}, the views are created again")
    if isinstance(opened, live.Warehouse) and opened.is_readable():
        path = escape(str(opened.snapshot_path))
        out().print(f"the snapshot {path} is still as it was: `ballast db snapshot` brings it up to date")


def snapshot(*, warehouse: Warehouse = None, snapshot: Snapshot = None, export_folder: ExportFolder = None) -> None:
    """Make the snapshot, and the exports that are missing or not as in the warehouse."""
    show_warehouse_warnings()
    settings = Settings().writing_at({"warehouse": warehouse, "snapshot": snapshot, "export_folder": export_folder})
    opened = settings.open_warehouse()
    exports, exports_kept = renew_exports(opened)
    made = opened.snapshot()
    if made.path:
        out().print(f"snapshot: {escape(str(made.path))}")
    for warning in warn_of_former_copies(settings):
        err().print(f"[yellow]warning:[/] {escape(warning)}")
    out().print(f"export: {escape(str(made.export_path))}" if made.export_path else "export: no day is published")
    _report_exports(exports, exports_kept)


def backup(
    path: Annotated[
        Path | None,
        Parameter(
            help="The new file; none is overwritten. Default: in BALLAST_BACKUP_FOLDER or backups/ beside the "
            "warehouse, with the time (UTC) in its name."
        ),
    ] = None,
    /,
    *,
    warehouse: Warehouse = None,
) -> None:
    """Back the warehouse up."""
    show_warehouse_warnings()
    settings = Settings().at({"warehouse": warehouse})
    if settings.store == "embedded":
        opened, folder = settings.open_file(), settings.backup_folder
        made = maintenance.backup(opened, path or new_backup_path(opened.path, folder))
    else:
        from tasks.operations.upkeep import back_up_lake  # noqa: PLC0415 - a file needs nothing of it

        made = back_up_lake(settings, path)
    out().print(f"backup: {escape(str(made))} ({decimal(made.stat().st_size)})")


def restore(
    path: Annotated[Path, Parameter(help="The backup.")],
    /,
    *,
    warehouse: Warehouse = None,
    snapshot: Snapshot = None,
    export_folder: ExportFolder = None,
) -> None:
    """Restore a backup in the place of the warehouse."""
    show_warehouse_warnings()
    settings = Settings().writing_at({"warehouse": warehouse, "snapshot": snapshot, "export_folder": export_folder})
    with _progress() as on_step:
        restored = maintenance.restore(settings.require_file("`ballast db restore`"), path, on_step)
    out().print(f"restored: {escape(str(settings.warehouse))} is as in {escape(str(path))}, with a new snapshot")
    if restored.kept:
        out().print(f"replaced: the file before is kept in {escape(str(restored.kept))}")
    _report_exports(restored.exports, restored.exports_kept)


def copy(*, warehouse: Warehouse = None) -> None:
    """Copy to PostgreSQL what is published and not there yet, and report what that was."""
    copied = update_copy(Settings().at({"warehouse": warehouse}))
    runs, rows = counted(copied.n_runs, "run"), counted(copied.n_rows, "row")
    out().print(f"copied {runs}, {rows} to {copied.target}")


def move(
    *,
    to: Annotated[Literal["ducklake", "embedded"], Parameter(help="What is copied into: a lake, or a database file.")],
    warehouse: Warehouse = None,
) -> None:
    """Move every table, and report the rows of each."""
    from tasks.operations.store_move import move_store  # noqa: PLC0415 - the other commands need no lake

    moved = move_store(Settings().at({"warehouse": warehouse}), to)
    rows = {"table_name": list(moved.n_rows), "n_rows": list(moved.n_rows.values())}
    show(out(), pl.DataFrame(rows), "Rows, each compared")
    out().print(
        f"copied {counted(sum(moved.n_rows.values()), 'row')} from {escape(moved.source)} to {escape(moved.target)}"
    )


def clean(
    *,
    remove: Annotated[bool, Parameter(negative="", help="Remove those that are older than a week.")] = False,
) -> None:
    """List the files of a lake that no table has, and remove them when asked to."""
    settings = Settings()
    if settings.store == "embedded":
        out().print(f"{escape(str(settings.warehouse))} is one file, there is nothing to clean")
        return
    from tasks.operations.upkeep import clean_lake, count_files, group_orphans  # noqa: PLC0415 - a file needs nothing of it

    orphans = clean_lake(settings, remove=remove)
    if orphans.height:
        show(out(), group_orphans(orphans), "Files that no table has")
    old = orphans.filter("is_old")
    words = "removed" if remove else "`ballast db clean --remove` removes them"
    more = f"; {count_files(old)} older than a week: {words}" if old.height else ""
    out().print(f"{count_files(orphans)} in no table{more}")


def schema(*, snapshot: Snapshot = None) -> None:
    """Print what the snapshot says of its tables, views and macros, as Markdown."""
    show_warehouse_warnings()
    write(schema_page(Settings().at({"snapshot": snapshot}).open_warehouse().describe()))


def _open(**paths: Path | None) -> AnyWarehouse:
    show_warehouse_warnings()
    return Settings().at(paths).open_warehouse()


def _has_copies(paths: Mapping[str, Path | None]) -> bool:
    """Report whether there are copies to compare with: those of the settings, of another file where they are found."""
    settings, configured = Settings().at(paths), Settings()
    is_other = settings.warehouse.resolve() != configured.warehouse.resolve()
    return not is_other or (settings.snapshot.exists() and not configured.copies_shared_with(settings))


def _report_exports(exports: ExportChanges, kept: Path) -> None:
    parts = (("written again", exports.written), ("removed, their days are not published", exports.removed))
    changes = ", ".join(f"{len(days)} {what}" for what, days in parts if days)
    is_kept = f"; what was there before is kept in {escape(str(kept))}" if kept.exists() else ""
    out().print(f"exports: {changes}{is_kept}" if changes else "exports: all are as in the warehouse")


def _show_failures(console: Console, warehouse: AnyWarehouse, verification: Verification, form: OutputFormat) -> int:
    schema = {"what": pl.String, "failures": pl.Int64, "first": pl.String}
    failures = pl.DataFrame(verification.failures, schema, orient="row")
    if form.is_for_program or failures.height:
        write_rows(failures, form, "What is wrong")
    if failures.is_empty():
        console.print(f"{escape(warehouse.name)} is sound: {verification.n_steps} steps, no failure")
        return ExitCode.OK
    err().print(
        f"[bold red]error:[/] {counted(len(verification.failures), 'failure')} in {verification.n_steps} steps: "
        f"{verification.advice}"
    )
    return ExitCode.ERROR


def _one_row(status: Status) -> pl.DataFrame:
    last = status.last_publication or {}
    row = {
        "warehouse": status.name,
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
        "snapshot": str(status.snapshot_path) if status.snapshot_path else None,
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
        "file" if status.snapshot_path else "lake": status.name,
        "size": decimal(status.size_bytes),
        "log to recover": decimal(status.wal_bytes) if status.wal_bytes else "none",
        "version": f"{status.migrations['version'][-1]}, the code is {status.code_version}",
        "pending": ", ".join(status.pending) or "none",
        "last publication": published,
        "snapshot": snapshot if status.snapshot_path else "none needed: readers open the lake",
        "snapshot file": str(status.snapshot_path),
        "recoveries": f"{status.n_recoveries}{last_recovery}",
    }
    if not status.snapshot_path:
        facts = {what: is_ for what, is_ in facts.items() if what not in _OF_A_FILE}
    return pl.DataFrame({"what": list(facts), "is": list(facts.values())})


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def _progress() -> Iterator[ReportProgress]:
    with progress_bar(err()) as progress:
        bar = progress.add_task("reading", total=None)

        def on_step(name: str, done: int, total: int) -> None:
            progress.update(bar, description=name, completed=done, total=total)

        yield on_step
