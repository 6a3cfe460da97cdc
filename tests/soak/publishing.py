"""A process that publishes when all the others are ready to."""

from collections.abc import Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import polars as pl

from sql.records import RunRecord
from sql.warehouse import Warehouse


def publish_when_told(
    warehouse: Warehouse, run: RunRecord, frames: Mapping[str, pl.DataFrame], together: Barrier, said: "Queue[str]"
) -> None:
    """Publish the run and say what came of it."""
    together.wait()
    warehouse.start_run(run, "worker")
    said.put("published" if warehouse.publish(run.run_id, frames, "worker").is_new else "unchanged")
