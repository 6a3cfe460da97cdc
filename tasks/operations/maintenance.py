"""What keeps the warehouse well every night: a checkpoint, a verified backup, and no more files than are needed.

Each step holds the warehouse for as long as it writes, so that a day that runs beside it only waits for a copy.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich.filesize import decimal

from sizing.text import listed
from sql.admin import retention
from sql.admin.maintenance import Status, backup, read_status, verify_backup
from sql.errors import WarehouseError
from tasks.artifacts import show_markdown
from tasks.config.settings import Settings
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage
from tasks.text import utc, with_warnings


class VerifiedBackup(NamedTuple):
    """A backup, and in how many steps all of it was verified."""

    path: Path
    n_steps: int


class Removed(NamedTuple):
    """A file or folder that is gone, and how many bytes it had."""

    path: Path
    n_bytes: int


@stage("checkpoint", RETRIES)
def checkpoint(settings: Settings) -> None:
    """Take over into the file what is only in its log."""
    retention.checkpoint(settings.open_file())


@stage("back up", RETRIES)
def back_up(settings: Settings) -> Path:
    """Copy the warehouse, under a name that is not yet that of a backup."""
    warehouse = settings.open_file()
    path = backup(warehouse, retention.unverified(retention.new_backup_path(warehouse.path, settings.backup_folder)))
    run_logger().info("back up: %s, %s", path, decimal(path.stat().st_size))
    return path


@stage("verify backup")
def verify_copy(settings: Settings, path: Path) -> VerifiedBackup:
    """Read every value of the copy and verify all that the warehouse promises; then it is a backup.

    *Raises* `WarehouseError` with what is wrong: the warehouse that it was copied from is as wrong.
    """
    warehouse = settings.open_file()
    try:
        verification = verify_backup(warehouse, path, lambda *_: None)
        if verification.failures:
            msg = (
                f"{warehouse.path} is not sound, {verification.words}. No backup was made and none was removed: look "
                f"at all of it with `ballast db verify`, then {verification.advice}"
            )
            raise WarehouseError(msg)
        return VerifiedBackup(retention.accept(path), verification.n_steps)
    finally:
        path.unlink(missing_ok=True)


@stage("remove old files")
def remove_old(settings: Settings, verified: VerifiedBackup) -> tuple[Removed, ...]:
    """Remove backups above `keep_backups`, never the one just verified, and what was kept `keep_days` ago."""
    warehouse = settings.open_file()
    before = datetime.now(UTC) - timedelta(days=settings.keep_days)
    backups = retention.find_own_backups(warehouse, warehouse.path, settings.backup_folder)
    others = [path for path in backups if path != verified.path]
    old = (
        *others[settings.keep_backups - 1 :],
        *retention.find_left_overs(warehouse, settings.backup_folder, before),
    )
    removed = tuple(Removed(path, retention.count_bytes(path)) for path in old)
    retention.remove(old)
    for one in removed:
        run_logger().info("remove old files: %s, %s", one.path, decimal(one.n_bytes))
    return removed


@stage("report maintenance")
def report_upkeep(settings: Settings, verified: VerifiedBackup, removed: tuple[Removed, ...]) -> str:
    """Store the artifact of a maintenance run and return its summary in one sentence."""
    status = read_status(settings.open_file())
    backups = retention.find_own_backups(settings.open_file(), settings.warehouse, settings.backup_folder)
    free, size = shutil.disk_usage(verified.path.parent).free, decimal(verified.path.stat().st_size)
    warnings = _warnings(status, verified, free)
    facts = {
        "warehouse": f"`{status.name}`, {decimal(status.size_bytes)}",
        "last publication": _publication(status),
        "snapshot": f"`{status.snapshot_path}`, {utc(status.snapshot_at)}" if status.snapshot_at else "none",
        "new backup": f"`{verified.path}`, {size}, verified in {verified.n_steps} steps",
        "backups": (
            f"{len(backups)}, {decimal(sum(map(retention.count_bytes, backups)))}, the oldest `{backups[-1].name}`"
        ),
        "free there": decimal(free),
        "removed": f"{len(removed)}, {decimal(sum(one.n_bytes for one in removed))}",
    }
    show_markdown(
        "\n\n".join(
            [
                f"# Maintenance of {settings.warehouse.name}",
                *(f"Warning: {one}" for one in warnings),
                "\n".join(["| what | is |", "|---|---|", *(f"| {what} | {is_} |" for what, is_ in facts.items())]),
                "\n".join(f"- removed `{one.path}`, {decimal(one.n_bytes)}" for one in removed),
            ]
        ),
        key="maintenance",
        description=verified.path.name,
    )
    gone = f"; removed {listed([one.path.name for one in removed])}" if removed else ""
    sentence = f"backup {verified.path} is verified, {len(backups)} are kept{gone}"
    return with_warnings(sentence, *warnings)


def _warnings(status: Status, verified: VerifiedBackup, free: int) -> list[str]:
    warnings = []
    if free < 2 * status.size_bytes:
        warnings.append(
            f"only {decimal(free)} are free in {verified.path.parent}: a copy needs {decimal(status.size_bytes)}"
        )
    if not status.is_snapshot_own:
        warnings.append(f"{status.snapshot_path} is the snapshot of another warehouse: correct BALLAST_SNAPSHOT")
    elif status.last_publication and not status.is_snapshot_current:
        warnings.append(f"{status.snapshot_path} is behind the warehouse: write it again with `ballast db snapshot`")
    if status.pending:
        warnings.append(
            f"migrations are pending ({', '.join(status.pending)}): the backup was read, not verified in full"
        )
    return warnings


def _publication(status: Status) -> str:
    last = status.last_publication
    return f"{last['as_of_date']} by `{last['run_id']}`, {utc(last['published_at'])}" if last else "never"
