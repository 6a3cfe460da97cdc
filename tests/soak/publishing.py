"""Publishing again and again: many processes at once, and many times before the eyes of readers."""

from collections.abc import Callable, Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import polars as pl

from sql.records import RunRecord
from sql.warehouse import Warehouse
from tests.soak.processes import reading
from tests.soak.reader import Seen, Watch
from tests.sql.warehouse_samples import DAY, make_frames, make_warehouse, publish


def publish_when_told(
    warehouse: Warehouse, run: RunRecord, frames: Mapping[str, pl.DataFrame], together: Barrier, said: "Queue[str]"
) -> None:
    """Publish the run and say what came of it."""
    together.wait()
    warehouse.start_run(run, "worker")
    said.put("published" if warehouse.publish(run.run_id, frames, "worker").is_new else "unchanged")


def publish_and_read(home: Path, publishes: int, advance: Callable[[], None] = lambda: None) -> Seen:
    """Publish the same day again and again, each time another run, while two readers look; return what they saw."""
    warehouse = make_warehouse(home)
    warehouse.migrate()
    rows = {table: frame.height for table, frame in make_frames().items()}
    watch = Watch(warehouse.snapshot_path, warehouse.export_folder, {f"r{number}": rows for number in range(publishes)})
    with reading(watch) as one, reading(watch) as other:
        for number in range(publishes):
            publish(warehouse, f"r{number}")
            warehouse.snapshot(DAY)
            advance()
    return Seen(one().looks + other().looks, one().torn + other().torn)
