"""What keeps a lake well: no file that no table has, few small ones. What does not belong here: a database file."""

import polars as pl
from rich.filesize import decimal

from sizing.text import counted
from sql.admin.orphans import clean
from tasks.config.settings import Settings


def clean_lake(settings: Settings, *, remove: bool) -> pl.DataFrame:
    """Return the files that no table has, as `sql.admin.orphans.clean` does. *Raises* as it does."""
    return clean(settings.open_lake(), remove_old=remove)


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
