"""How far a long flow is: as an artifact in the Prefect UI, and for whoever watches it in the same process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from tasks import artifacts

Watcher = Callable[[int, int, str], None]
"""Reports how many are done, of how many, and after what."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Report to the watcher how far the flows are that run in the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class ProgressOf:
    """The progress of one flow run over `total` things."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._artifact: UUID | None = None

    async def advance(self, done: int, words: str) -> None:
        """Show that `done` things are done by now."""
        if artifacts.are_shown():
            await self._show(100 * done / self._total)
        if watcher := _watcher.get():
            watcher(done, self._total, words)

    async def _show(self, share: float) -> None:
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(
                share, key="progress", description=f"Share that is done, of {self._total} in all"
            )
        else:
            await aupdate_progress_artifact(self._artifact, share)
