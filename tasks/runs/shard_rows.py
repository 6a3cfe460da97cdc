"""One shard of a large run: its rows, computed by a process of its own and kept as Parquet.

What does not belong here: which shards there are, and who computes them (shards.py).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.pipeline import Rebalance, rebalance
from sql.files.atomic_files import written_beside

TABLES_OF_SHARDS = tuple(table for table in Rebalance._fields if table != "risk_estimates")
"""The frames of a result whose rows belong to a portfolio: of these a shard has its own. Estimates are of assets."""


def compute_shard(frames: DayFrames, manifest: Path) -> None:
    """Compute the day for the portfolios of a shard, and keep its rows beside the manifest, which is written last.

    *Requires* frames that obey their schemas.
    """
    result = rebalance(DayInputs.unvalidated(frames))._asdict()
    tables = {table: _write(result[table], rows_of(manifest, table)) for table in TABLES_OF_SHARDS}
    with written_beside(manifest) as path:
        path.write_text(json.dumps({"portfolio_ids": sorted(frames.limits), "tables": tables}), encoding="utf-8")


def rows_of(manifest: Path, table: str) -> Path:
    """Return where the rows of a table are."""
    return manifest.with_suffix(f".{table}.parquet")


def is_done(manifest: Path, portfolio_ids: list[str]) -> bool:
    """Whether the shard is there as it was written, every file of it, for these portfolios."""
    try:
        written: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        return written["portfolio_ids"] == portfolio_ids and all(
            _hash(rows_of(manifest, table)) == written["tables"][table] for table in TABLES_OF_SHARDS
        )
    except (OSError, ValueError, KeyError):
        return False


def _write(rows: pl.DataFrame, to: Path) -> str:
    with written_beside(to) as path:
        rows.write_parquet(path, compression="lz4")
        return _hash(path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
