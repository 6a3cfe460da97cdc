"""Warehouses that are broken on purpose, so that the harness is seen to notice."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sql.engine import connections
from sql.store import exports, operations


@contextmanager
def _no_transaction(_con: object) -> Iterator[None]:
    yield


@contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")  # as a copy begins that is not whole or not there
    yield path


@contextmanager
def _rolled_back(con: Any) -> Iterator[None]:  # noqa: ANN401 - a connection
    con.begin()
    yield
    con.rollback()


def _without_transactions() -> None:
    operations.transaction = _no_transaction


def _with_copies_in_place() -> None:
    connections.written_copy = exports.written_copy = _in_place


def _forgetful() -> None:
    """Publish what is then rolled back, and say that it is published."""
    publish = operations.Steps.publish

    def forget(self: operations.Steps, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as publish has it
        transaction = operations.transaction
        operations.transaction = _rolled_back
        try:
            return publish(self, *args, **kwargs)
        finally:
            operations.transaction = transaction

    operations.Steps.publish = forget  # type: ignore[method-assign]


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "no transaction": _without_transactions,
    "copies in place": _with_copies_in_place,
    "forgets what it acknowledged": _forgetful,
}
