"""Warehouses that are broken on purpose, so that the harness is seen to notice."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sql import warehouse


@contextmanager
def _no_transaction(_con: object) -> Iterator[None]:
    yield


@contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    yield path


@contextmanager
def _rolled_back(con: Any) -> Iterator[None]:  # noqa: ANN401 - a connection
    con.begin()
    yield
    con.rollback()


def _without_transactions() -> None:
    setattr(warehouse, "_transaction", _no_transaction)  # noqa: B010 - private, and of another module


def _with_copies_in_place() -> None:
    setattr(warehouse, "_written", _in_place)  # noqa: B010


def _forgetful() -> None:
    """Publish what is then rolled back, and say that it is published."""
    publish = warehouse.Warehouse.publish

    def forget(self: warehouse.Warehouse, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as publish has it
        transaction = getattr(warehouse, "_transaction")  # noqa: B009
        setattr(warehouse, "_transaction", _rolled_back)  # noqa: B010
        try:
            return publish(self, *args, **kwargs)
        finally:
            setattr(warehouse, "_transaction", transaction)  # noqa: B010

    warehouse.Warehouse.publish = forget  # type: ignore[method-assign]


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "no transaction": _without_transactions,
    "copies in place": _with_copies_in_place,
    "forgets what it acknowledged": _forgetful,
}
