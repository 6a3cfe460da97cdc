import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sql.engine.locks import attempts, exclusive
from sql.errors import WarehouseError, WarehouseLockedError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import StartWorker, make_frames, make_run, publish


@pytest.mark.slow
def test_another_process_with_the_file_open_is_named_and_then_waited_for(
    warehouse: Warehouse, start_worker: StartWorker
) -> None:
    with start_worker("hold", warehouse.path.parent, "1.0") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseLockedError, match=rf"held by .*python.* \(PID {holder.pid}\), waited 0\.2 s"):
            replace(warehouse, lock_timeout_seconds=0.2).query("current_targets")
        assert warehouse.query("current_targets").is_empty()


def test_another_caller_is_named_and_the_wait_is_bounded(warehouse: Warehouse) -> None:
    lock = warehouse.path.with_name(warehouse.path.name + ".lock")
    impatient = replace(warehouse, lock_timeout_seconds=0.3)
    with exclusive(lock, 1):
        started = time.monotonic()
        with pytest.raises(WarehouseLockedError, match=r"live\.duckdb is held by process \d+, waited 0\.3 s"):
            impatient.query("current_targets")
        assert 0.3 <= time.monotonic() - started < 2
    assert impatient.query("current_targets").is_empty()


def test_threads_that_publish_the_same_run_publish_it_once(warehouse: Warehouse) -> None:
    warehouse.start_run(make_run("r1"), "test")
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(warehouse.publish, "r1", make_frames(), "test") for _ in range(4)]
    assert Counter(future.result().is_new for future in futures) == {True: 1, False: 3}
    assert warehouse.query("run_events", run_id="r1")["event_id"].to_list() == [1, 2, 3, 4, 5]


def test_the_lock_is_free_again_after_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError):
        warehouse.publish("unknown", make_frames(), "test")
    assert publish(replace(warehouse, lock_timeout_seconds=0), "r1") == ()


def test_attempts_end_in_time_and_the_first_is_at_once() -> None:
    started = time.monotonic()
    assert list(attempts(0)) == [1]
    assert len(list(attempts(0.2))) > 2
    assert time.monotonic() - started < 1
