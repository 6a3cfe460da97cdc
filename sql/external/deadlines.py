"""A wait for something outside that ends: whatever a server or a database does, the caller goes on."""

import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class DeadlineError(Exception):
    """What was waited for has not ended in time; its text says what, and how long was waited."""


def within(seconds: float, what: str, act: Callable[[], _T]) -> _T:
    """Return what the function returns, from a thread of its own, which is left to itself after the deadline.

    *Raises* what the function raises; `DeadlineError` when it has not ended by then.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(act())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
            errors.append(error)

    thread = threading.Thread(target=run, name=f"ballast waits for {what}", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        msg = f"{what} did not end within {seconds:g} s"
        raise DeadlineError(msg)
    return results[0]
