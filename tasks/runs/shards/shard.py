"""One shard of a large run: its rows, computed by a process of its own and kept as Parquet.

For a lake, they are checked here too, and written as its tables keep them: the files become part of the tables.

A shard depends on nothing but its files: the same input gives the same bytes under the same name, whoever computes it,
and however often. What does not belong here: which shards there are, and who computes them (large_run.py).
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance, rebalance
from sql.errors import Failure, PublishRejectedError, WarehouseError
from sql.files.atomic_files import written_beside
from sql.object_store import is_in_bucket
from sql.part_of_run import hash_files, write_checked
from sql.records import Totals
from tasks.config.lake import object_store
from tasks.errors import WorkerError
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.shards.day_files import read_part, read_record

TABLES_OF_SHARDS = tuple(table for table in Rebalance._fields if table != "risk_estimates")
"""The frames of a result whose rows belong to a portfolio: of these a shard has its own. Estimates are of assets."""


class Shard(NamedTuple):
    """Portfolios that are computed together, from one name to another; the folder of the day; where their rows are.

    `lake`: a folder or bucket of a lake. The rows are checked and go there, and the files become part of its tables.
    """

    first: str
    last: str
    n_portfolios: int
    day: Path
    manifest: Path
    lake: str = ""


class Done(NamedTuple):
    """A shard that was computed, and the checks that fail on it."""

    shard: Shard
    failures: tuple[Failure, ...]


class Written(BaseModel):
    """What a shard wrote: the SHA-256 of the file of each table, and for a lake the totals of its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: str
    last: str
    n_portfolios: int
    files: dict[str, str]
    totals: dict[str, dict[str, Decimal]]


def compute_shard(shard: Shard, code: str) -> tuple[Failure, ...]:
    """Compute the day for the portfolios of a shard, and keep its rows beside the manifest, which is written last.

    Returns the checks that fail; nothing is kept then. *Raises* `WorkerError` where the rules are other ones than
    `code`, the fingerprint of those of the run.
    """
    if code_fingerprint() != code:
        msg = (
            f"a worker has other rules ({code_fingerprint()[:12]}) than the run that it computes for ({code[:12]}). "
            "Nothing was written: install the same version of Ballast and of its lock on every machine"
        )
        raise WorkerError(msg)
    frames = read_part(shard.day, shard.first, shard.last)
    result = rebalance(DayInputs.unvalidated(frames))._asdict()
    files = {table: rows_of(shard, table) for table in TABLES_OF_SHARDS}
    totals: Mapping[str, Totals] = {}
    if shard.lake:
        record = read_record(shard.day, shard.first, shard.last)
        try:
            totals = write_checked(record, result, files, object_store())
        except PublishRejectedError as rejected:
            return rejected.failures
    else:
        for table, file in files.items():
            with written_beside(Path(file)) as path:
                result[table].write_parquet(path, compression="lz4")
    hashes = dict(zip(files, _hash_all(shard), strict=True))
    written = Written(**_names(shard), files=hashes, totals={table: dict(one) for table, one in totals.items()})
    with written_beside(shard.manifest) as path:
        path.write_text(written.model_dump_json(), encoding="utf-8")
    return ()


def rows_of(shard: Shard, table: str) -> str:
    """Return where the rows of a table are: a path, or an address in a bucket."""
    return f"{shard.lake or shard.manifest.parent}/{shard.manifest.stem}.{table}.parquet"


def find_written(shard: Shard) -> Written | None:
    """Return what the shard wrote, where every file is as it was written, for these portfolios; else None."""
    try:
        written = Written.model_validate_json(shard.manifest.read_text(encoding="utf-8"))
        names = written.model_dump(include={"first", "last", "n_portfolios"})
        are_same = _hash_all(shard) == [written.files[table] for table in TABLES_OF_SHARDS]
    except (OSError, ValueError, KeyError, WarehouseError):
        return None
    has_totals = set(written.totals) == (set(TABLES_OF_SHARDS) if shard.lake else set())
    return written if are_same and has_totals and names == _names(shard) else None


def _names(shard: Shard) -> dict[str, Any]:
    return {"first": shard.first, "last": shard.last, "n_portfolios": shard.n_portfolios}


def _hash_all(shard: Shard) -> list[str]:
    """Return the hash of the file of each table."""
    files = [rows_of(shard, table) for table in TABLES_OF_SHARDS]
    return [*hash_files(files, object_store())] if is_in_bucket(files[0]) else [*map(_hash, files)]


def _hash(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
