"""Files to tables: read the day's files, keep the good rows, keep the refused ones with the rule they broke."""

from dataclasses import dataclass
from datetime import date

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from sql.frames import INGEST_KEYS
from sql.records import Ingest, IngestBatch, IngestSource
from sql.warehouse import Warehouse
from tasks.errors import SourceError
from tasks.refusals import apply_contract
from tasks.retries import RETRIES
from tasks.settings import Settings
from tasks.sources import Source, find_sources, read_source

_SHOWN = 5


@dataclass(frozen=True)
class Ingested:
    """What came in with one file."""

    kind: str
    source: str
    ingest: Ingest


@task(name="ingest", cache_policy=NO_CACHE, persist_result=False, **RETRIES)
def ingest_day(settings: Settings, day: date) -> tuple[Ingested, ...]:
    """Read the day's files into the warehouse. The same content twice is one ingest.

    *Raises* `SourceError` for a missing file, one that breaks its contract as a whole, or one without a good row.
    """
    warehouse = settings.open_warehouse()
    warehouse.migrate()
    ingested = tuple(_ingest(warehouse, source, day) for source in find_sources(settings.inbox, day))
    accepted = sum(one.ingest.rows_accepted for one in ingested)
    rejected = sum(one.ingest.rows_rejected for one in ingested)
    get_run_logger().info("ingest: %d files, %d rows accepted, %d rejected", len(ingested), accepted, rejected)
    return ingested


def _ingest(warehouse: Warehouse, source: Source, day: date) -> Ingested:
    raw, sha256 = read_source(source)
    if source.contract.kind == "scores" and warehouse.query("assets_for_day", as_of_date=day).is_empty():
        msg = f"no asset list: expected assets.csv in {source.path.parent} or in the folder above, with asset, bucket"
        raise SourceError(msg)
    accepted, rejected = apply_contract(source.contract, raw, day)
    if source.contract.is_whole and not rejected.is_empty():
        raise SourceError(_not_whole(source, raw.height, rejected))
    if accepted.is_empty() and not source.contract.may_be_empty:
        raise SourceError(_nothing_good(source, rejected))
    record = IngestSource(source.contract.kind, str(source.path), sha256, day)
    batch = IngestBatch(accepted, rejected, accepted.select(INGEST_KEYS[source.contract.kind]).clear())
    ingest = warehouse.record_ingest(record, [batch], lambda _accepted, _rejected: None)
    return Ingested(source.contract.kind, source.path.name, ingest)


def _not_whole(source: Source, n_rows: int, rejected: pl.DataFrame) -> str:
    rows = rejected.head(_SHOWN).select(pl.format("row {}: {}", "row_number", "reason")).to_series()
    return (
        f"{source.path}: {rejected.height} of its {n_rows} rows cannot be used ({'; '.join(rows)}). The others alone "
        "would not be safe, so nothing was stored: correct the file"
    )


def _nothing_good(source: Source, rejected: pl.DataFrame) -> str:
    reasons = rejected["reason"].value_counts(sort=True).rows()
    worded = "; ".join(f"{reason} ({count} rows)" for reason, count in reasons)
    return (
        f"{source.path}: none of its {rejected.height} rows can be used: {worded}. Nothing was stored: correct the file"
    )
