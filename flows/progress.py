"""How far a long flow is: as an artifact in the Prefect UI, and for whoever watches it in the same process."""

from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from tasks import artifacts
from tasks.progress import report_progress


class ProgressOf:
    """The progress of one flow run over `total` things."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._artifact: UUID | None = None

    async def advance(self, done: int, words: str) -> None:
        """Show that `done` things are done by now."""
        if artifacts.are_shown():
            await self._show(100 * done / self._total)
        report_progress(done, self._total, words)

    async def _show(self, share: float) -> None:
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(
                share, key="progress", description=f"Share that is done, of {self._total} in all"
            )
        else:
            await aupdate_progress_artifact(self._artifact, share)
