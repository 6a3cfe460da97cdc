"""What another process does to a lake in the tests: `lake_worker.py WHAT ...`, its settings from the environment."""

import os
import signal
import sys
import threading
import time
from datetime import timedelta

from sql.admin.merging import merge_small_files
from sql.engine.lake_connection import LakeConnection
from tasks.config.settings import Settings
from tests.sql.warehouse_samples import DAY, make_frames, make_run


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_commit(nth: str, milliseconds: str) -> None:
    """Die so long after the COMMIT of the nth transaction was begun; below 0: before it."""
    commit, left = LakeConnection.commit, int(nth)

    def dying(con: LakeConnection) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            if float(milliseconds) < 0:
                _die()
            threading.Timer(float(milliseconds) / 1000, _die).start()
        commit(con)

    LakeConnection.commit = dying  # type: ignore[method-assign]


def _publish(run_id: str, nth: str, milliseconds: str) -> None:
    _die_at_commit(nth, milliseconds)
    lake = Settings().open_warehouse()
    lake.start_run(make_run(run_id), "test")
    lake.publish(run_id, make_frames(), "test")
    _say("published")
    time.sleep(1)


def _publish_many(n_runs: str) -> None:
    """Publish runs of days that follow each other."""
    lake = Settings().open_warehouse()
    for number in range(int(n_runs)):
        day = DAY + timedelta(days=number)
        lake.start_run(make_run(f"r{number}", as_of_date=day), "test")
        lake.publish(f"r{number}", make_frames(as_of_date=day), "test")


def _publish_and_merge(n_runs: str) -> None:
    """Publish runs of days that follow each other, and merge the files after each."""
    lake = Settings().open_lake()
    for number in range(int(n_runs)):
        day = DAY + timedelta(days=number)
        lake.start_run(make_run(f"r{number}", as_of_date=day), "test")
        lake.publish(f"r{number}", make_frames(as_of_date=day), "test")
        merge_small_files(lake, enough=2)


def _merge(nth: str, milliseconds: str) -> None:
    """Merge small files, and die at a COMMIT."""
    _die_at_commit(nth, milliseconds)
    merge_small_files(Settings().open_lake(), enough=2)
    time.sleep(1)


def _hold(seconds: str) -> None:
    """Hold the turn of the one writer."""
    with Settings().open_warehouse().kept_open():
        _say("holding")
        time.sleep(float(seconds))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    works = {"publish": _publish, "publish_many": _publish_many, "hold": _hold}
    (works | {"publish_and_merge": _publish_and_merge, "merge": _merge})[what](*rest)
