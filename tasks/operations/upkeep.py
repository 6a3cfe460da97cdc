"""What keeps a lake well every night: few small files, no old ones, every promise verified, and a backup.

What does not belong here: a database file, which is in maintenance.py.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl
from rich.filesize import decimal

from sizing.text import counted
from sql.admin import maintenance, retention
from sql.admin.maintenance import Status
from sql.admin.merging import Merged, merge_small_files
from sql.admin.move import copy_to_file
from sql.admin.orphans import clean
from sql.errors import WarehouseError
from tasks.artifacts import show_markdown
from tasks.config.settings import Settings
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage
from tasks.text import utc


class Kept(NamedTuple):
    """What a night did: the tables that were merged, how much was verified, the backup, and the files of no table."""

    merged: tuple[Merged, ...]
    n_steps: int
    backup: Path | None
    orphans: pl.DataFrame


def clean_lake(settings: Settings, *, remove: bool) -> pl.DataFrame:
    """Return the files that no table has, as `sql.admin.orphans.clean` does. *Raises* as it does."""
    return clean(settings.open_lake(), remove_old=remove)


def back_up_lake(settings: Settings, path: Path | None = None) -> Path:
    """Copy the lake into a new database file, each value compared; default: as the backup of a file is named.

    *Raises* `WarehouseError` when there is a file of that name.
    """
    path = path or retention.new_backup_path(settings.warehouse, settings.backup_folder)
    copy_to_file(settings.open_lake(), path)
    return path


def keep_lake(settings: Settings) -> Kept:
    """Do all that a lake needs every night. Nothing is removed before all of it is verified."""
    merged = _merge(settings)
    n_steps = _verify(settings)
    backup = _back_up(settings) if settings.backup_folder else None
    return Kept(merged, n_steps, backup, _clean(settings))


@stage("merge small files", RETRIES)
def _merge(settings: Settings) -> tuple[Merged, ...]:
    merged = merge_small_files(settings.open_lake())
    for table, n_files, n_rows in merged:
        run_logger().info("merge small files: %s, %d files, %d rows", table, n_files, n_rows)
    return merged


@stage("verify lake")
def _verify(settings: Settings) -> int:
    """Verify the lake as of one moment: others write meanwhile. *Raises* `WarehouseError` with what is wrong."""
    lake = settings.open_lake()
    with lake.kept_readable() as readable:
        verification = maintenance.verify(readable, lambda *_: None, has_copies=False)
    if verification.failures:
        msg = (
            f"{lake.name} is not sound, {verification.words}. Nothing was removed: look at it with `ballast db verify`"
        )
        raise WarehouseError(msg)
    return verification.n_steps


@stage("back up", RETRIES)
def _back_up(settings: Settings) -> Path:
    path = back_up_lake(settings)
    run_logger().info("back up: %s, %s", path, decimal(path.stat().st_size))
    backups = retention.find_own_backups(settings.open_lake(), settings.warehouse, settings.backup_folder)
    retention.remove(backups[settings.keep_backups :])
    return path


@stage("remove old files")
def _clean(settings: Settings) -> pl.DataFrame:
    """Log the files that no table has, then remove those that are old."""
    listed = clean_lake(settings, remove=False)
    for row in group_orphans(listed).rows(named=True):
        run_logger().info("remove old files: %(left_by)s, %(n_files)d, %(n_bytes)d bytes, old: %(is_old)s", row)
    return clean_lake(settings, remove=True)


@stage("report maintenance")
def report_lake(settings: Settings, kept: Kept) -> str:
    """Store the artifact of a maintenance run and return its summary in one sentence."""
    status: Status = maintenance.read_status(settings.open_lake())
    last, old = status.last_publication, kept.orphans.filter("is_old")
    n_files = sum(one.n_files for one in kept.merged)
    facts = {
        "lake": f"`{status.name}`, {decimal(status.size_bytes)}",
        "last publication": f"{last['as_of_date']} by `{last['run_id']}`, {utc(last['published_at'])}"
        if last
        else "never",
        "verified": f"in {kept.n_steps} steps, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "merged": f"{n_files} small files of {len({one.table for one in kept.merged})} tables",
        "backup": f"`{kept.backup}`" if kept.backup else "none: BALLAST_BACKUP_FOLDER names no folder",
        "files that no table has": count_files(kept.orphans),
        "removed, older than a week": count_files(old),
    }
    groups = group_orphans(kept.orphans).rows(named=True)
    show_markdown(
        "\n\n".join(
            [
                f"# Maintenance of {status.name}",
                "\n".join(["| what | is |", "|---|---|", *(f"| {what} | {is_} |" for what, is_ in facts.items())]),
                "\n".join(
                    f"- {'removed' if group['is_old'] else 'left'}: {group['left_by']}, {group['n_files']} files"
                    for group in groups
                ),
            ]
        ),
        key="maintenance",
        description=status.name,
    )
    backup = f"; backup {kept.backup}" if kept.backup else ""
    return (
        f"lake {status.name} is verified; {counted(n_files, 'small file')} merged; {count_files(old)} in no table "
        f"removed{backup}"
    )


def group_orphans(orphans: pl.DataFrame) -> pl.DataFrame:
    """Return how many files each run and each table left, of what size, and whether they are older than a week."""
    left_by = pl.coalesce(pl.concat_str(pl.lit("run "), "run_id"), pl.concat_str(pl.lit("table "), "table_name"))
    groups = orphans.group_by(left_by.alias("left_by"), "is_old").agg(
        pl.len().alias("n_files"),
        pl.col("n_bytes").sum(),
        pl.col("modified_at").max().dt.strftime("%Y-%m-%d %H:%M:%S UTC").alias("newest"),
    )
    return groups.sort("left_by", "is_old").select("left_by", "n_files", "n_bytes", "newest", "is_old")


def count_files(files: pl.DataFrame) -> str:
    """Return how many files there are, and their size, in words."""
    return f"{counted(files.height, 'file')} ({decimal(int(files['n_bytes'].sum()))})"
