"""Make a day visible: its rows, in one transaction; or record why it is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import polars as pl

from sql.errors import HaltedError, PublishRejectedError, WarehouseError
from sql.records import Publication
from tasks.config.settings import Settings
from tasks.retries import RETRIES
from tasks.runs.run_record import OpenRun
from tasks.runs.shards.large_run import Result, rows_to_publish
from tasks.stages import run_logger, stage


@stage("publish", RETRIES, is_quick=True)
def publish(settings: Settings, run: OpenRun, result: Result) -> Publication:
    """Write, check and publish the run in one transaction; a failing check keeps nothing of it."""
    publication = settings.open_warehouse().publish(run.run_id, rows_to_publish(result), run.by, run.warnings)
    run_logger().info(
        "publish: %d targets, %d decisions, %d audit rows, %d runs superseded",
        *(_count(rows) for rows in (result.targets, result.decisions, result.sizing_audit)),
        len(publication.superseded),
    )
    return publication


def _count(rows: pl.DataFrame | pl.LazyFrame) -> int:
    number: int = rows.lazy().select(pl.len()).collect().item()
    return number


@stage("hold", RETRIES)
def hold(settings: Settings, run: OpenRun, reason: str) -> None:
    """Record that the run is held: the targets that were published stay."""
    settings.open_warehouse().record_event(run.run_id, "held", run.by, reason)
    run_logger().warning("held: %s", reason)


@contextmanager
def recording_failure(settings: Settings, day: date, run: OpenRun) -> Iterator[None]:
    """Record a run that fails on its way, whatever fails, where readers see it; the error goes on.

    A rejected run has its record already; one that a halt stopped is held, and goes on as such.
    """
    try:
        yield
    except HaltedError:
        raise
    except BaseException as error:
        warehouse = settings.open_warehouse()
        try:
            if not isinstance(error, PublishRejectedError):
                warehouse.record_event(run.run_id, "failed", run.by, f"{type(error).__name__}: {error}")
            warehouse.snapshot(day)
        except WarehouseError as unrecorded:
            run_logger().error("the failure of %s could not be recorded: %s", run.run_id, unrecorded)
        raise
