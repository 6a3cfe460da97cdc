"""How far long work is, for whoever watches it in the same process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[int, int, str], None]
"""Reports how many are done, of how many, and after what."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Report to the watcher how far the work is that is done in the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def report_progress(done: int, total: int, words: str) -> None:
    """Report to whoever watches, if anybody does."""
    if watcher := _watcher.get():
        watcher(done, total, words)
