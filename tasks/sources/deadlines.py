"""The deadline of a feed: what it waits for ends, whatever a server or a database does."""

from collections.abc import Callable
from typing import TypeVar

from sql.external import deadlines
from tasks.errors import SourceError

_T = TypeVar("_T")


def within(seconds: float, what: str, act: Callable[[], _T]) -> _T:
    """Return what the function returns.

    *Raises* what the function raises; `SourceError`, which is not tried again, when it has not ended by then.
    """
    try:
        return deadlines.within(seconds, what, act)
    except deadlines.DeadlineError as error:
        msg = f"{error}: see that it answers, or allow more with deadline_seconds in its feed"
        raise SourceError(msg) from None
