"""One shard of a large run: its rows, computed by a process of its own and kept as Parquet.

A shard depends on nothing but its files: the same input gives the same bytes under the same name, whoever computes it,
and however often. What does not belong here: which shards there are, and who computes them (large_run.py).
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, rebalance
from sql.files.atomic_files import written_beside
from tasks.errors import WorkerError
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.shards.day_files import read_part

TABLES_OF_SHARDS = tuple(table for table in Rebalance._fields if table != "risk_estimates")
"""The frames of a result whose rows belong to a portfolio: of these a shard has its own. Estimates are of assets."""


class Shard(NamedTuple):
    """Portfolios that are computed together, from one name to another; the folder of the day; where their rows are."""

    first: str
    last: str
    n_portfolios: int
    day: Path
    manifest: Path


def compute_shard(shard: Shard, code: str) -> None:
    """Compute the day for the portfolios of a shard, and keep its rows beside the manifest, which is written last.

    *Raises* `WorkerError` where the rules are other ones than `code`, the fingerprint of those of the run.
    """
    if code_fingerprint() != code:
        msg = (
            f"a worker has other rules ({code_fingerprint()[:12]}) than the run that it computes for ({code[:12]}). "
            "Nothing was written: install the same version of Ballast and of its lock on every machine"
        )
        raise WorkerError(msg)
    frames = read_part(shard.day, shard.first, shard.last)
    result = rebalance(DayInputs.unvalidated(frames))._asdict()
    tables = {table: _write(result[table], rows_of(shard, table)) for table in TABLES_OF_SHARDS}
    with written_beside(shard.manifest) as path:
        path.write_text(json.dumps(_names(shard) | {"tables": tables}), encoding="utf-8")


def rows_of(shard: Shard, table: str) -> Path:
    """Return where the rows of a table are."""
    return shard.manifest.with_suffix(f".{table}.parquet")


def is_done(shard: Shard) -> bool:
    """Whether the shard is there as it was written, every file of it, for these portfolios."""
    try:
        written: dict[str, Any] = json.loads(shard.manifest.read_text(encoding="utf-8"))
        hashes = written.pop("tables")
        return written == _names(shard) and all(
            _hash(rows_of(shard, table)) == hashes[table] for table in TABLES_OF_SHARDS
        )
    except (OSError, ValueError, KeyError):
        return False


def _names(shard: Shard) -> dict[str, str | int]:
    return {"first": shard.first, "last": shard.last, "n_portfolios": shard.n_portfolios}


def _write(rows: pl.DataFrame, to: Path) -> str:
    with written_beside(to) as path:
        rows.write_parquet(path, compression="lz4")
        return _hash(path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
