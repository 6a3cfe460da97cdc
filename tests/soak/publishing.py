"""Publishing again and again: many processes at once, and many times before the eyes of readers."""

from collections import Counter
from collections.abc import Callable, Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import polars as pl

from sql.any_warehouse import AnyWarehouse
from sql.records import RunRecord
from tests.soak.processes import processes, reading
from tests.soak.reader import Seen, Watch
from tests.sql.warehouse_samples import DAY, make_frames, make_run, publish

_SECONDS = 300
"""One that takes longer hangs."""


def publish_when_told(
    warehouse: AnyWarehouse, run: RunRecord, frames: Mapping[str, pl.DataFrame], together: Barrier, said: "Queue[str]"
) -> None:
    """Publish the run and say what came of it."""
    together.wait()
    warehouse.start_run(run, "worker")
    said.put("published" if warehouse.publish(run.run_id, frames, "worker").is_new else "unchanged")


def publish_at_once(warehouse: AnyWarehouse, run_id: str, n_processes: int) -> Counter[str]:
    """Let so many processes publish the same run at the same time; return what each of them said."""
    together, said = processes().Barrier(n_processes), processes().Queue()
    given = (warehouse, make_run(run_id), make_frames(), together, said)
    workers = [processes().Process(target=publish_when_told, args=given) for _ in range(n_processes)]
    for worker in workers:
        worker.start()
    answers = Counter(said.get(timeout=_SECONDS) for _ in workers)
    for worker in workers:
        worker.join()
    said.close()
    return answers


def publish_and_read(warehouse: AnyWarehouse, publishes: int, advance: Callable[[], None] = lambda: None) -> Seen:
    """Publish the same day again and again, each time another run, while two readers look; return what they saw."""
    warehouse.migrate()
    rows = {table: frame.height for table, frame in make_frames().items()}
    watch = Watch(warehouse, {f"r{number}": rows for number in range(publishes)})
    with reading(watch) as one, reading(watch) as other:
        for number in range(publishes):
            publish(warehouse, f"r{number}")
            warehouse.snapshot(DAY)
            advance()
    return Seen(one().looks + other().looks, one().torn + other().torn)
