"""Processes that start at once: forked from one that has imported everything and done nothing."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.context import ForkServerContext

from tests.soak.reader import Seen, Watch, read_all_the_time


@cache
def processes() -> ForkServerContext:
    """Return the context of which processes are made."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.soak.worker", "tests.soak.reader"])
    return context


@contextmanager
def reading(watch: Watch) -> Iterator[Callable[[], Seen]]:
    """Let another process look at the snapshot and the exports while the block runs; then ask what it has seen."""
    seen: list[Seen] = []
    stop, (ours, theirs) = processes().Event(), processes().Pipe(duplex=False)
    process = processes().Process(target=read_all_the_time, args=(watch, stop, theirs))
    process.start()
    theirs.close()
    try:
        yield lambda: seen[0]
    finally:
        stop.set()
        seen.append(ours.recv())
        process.join()
        ours.close()
