"""One opening of a file for steps that follow each other at once: to open and close it takes longer than most steps.

The lock is held from the first of them to the last, so nothing else may be done between them that takes long.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol

from sql.engine.statements import Connection


class Place(Protocol):
    """What can be opened: a file, or a lake. Two that are equal are the same."""

    def connected(self) -> AbstractContextManager[Connection]:
        """Return an open connection, which no other process has meanwhile."""


class _Opening:
    """What is open, if anything is."""

    def __init__(self) -> None:
        self._file: Place | None = None
        self._con: Connection = None
        self._stack = ExitStack()

    @contextmanager
    def connected(self, file: Place) -> Iterator[Connection]:
        """Yield the connection to the file, and leave it open; an error closes it, and is translated as ever."""
        if self._file != file:
            self.close()
            self._con = self._stack.enter_context(file.connected())
            self._file = file
        with ExitStack() as stack:
            stack.push(self._close_after_error)
            yield self._con

    def _close_after_error(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if error:
            self._file = None
            self._stack.__exit__(kind, error, at)

    def close(self) -> None:
        """Close the file, and free its lock."""
        self._file = None
        self._stack.close()


_opening: ContextVar[_Opening | None] = ContextVar("opening", default=None)


@contextmanager
def connected(file: Place) -> Iterator[Connection]:
    """Yield an open connection: that of the block that shares one, else one of its own."""
    opening = _opening.get()
    with opening.connected(file) if opening else file.connected() as con:
        yield con


@contextmanager
def shared_opening() -> Iterator[None]:
    """Leave the file open from one step of the block to the next, up to the end, an error, or `closed_meanwhile`.

    *Requires* one thread.
    """
    opening = _Opening()
    token = _opening.set(opening)
    try:
        yield
    finally:
        _opening.reset(token)
        opening.close()


@contextmanager
def closed_meanwhile() -> Iterator[None]:
    """Close what steps share, and share nothing in the block: it takes long, or needs an opening of its own."""
    if opening := _opening.get():
        opening.close()
    token = _opening.set(None)
    try:
        yield
    finally:
        _opening.reset(token)
