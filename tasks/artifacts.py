"""Artifacts: what the Prefect UI shows of a run. Without a flow run there is no page to show them on, and none is made.

A stage that does much to make one asks `are_shown` first. Nobody waits for the warehouse while the server answers.
"""

from collections.abc import Sequence

from sql.shared_opening import closed_meanwhile
from tasks.stages import in_flow_run


def are_shown() -> bool:
    """Whether a flow run is here whose page shows artifacts."""
    return in_flow_run()


@closed_meanwhile()
def show_markdown(markdown: str, key: str, description: str | None = None) -> None:
    """Show a page of Markdown."""
    if are_shown():
        from prefect.artifacts import create_markdown_artifact  # noqa: PLC0415 - only a flow run needs Prefect

        create_markdown_artifact(markdown, key=key, description=description)


@closed_meanwhile()
def show_table(rows: Sequence[dict[str, object]], key: str, description: str) -> None:
    """Show a table."""
    if are_shown():
        from prefect.artifacts import create_table_artifact  # noqa: PLC0415 - only a flow run needs Prefect

        create_table_artifact(list(rows), key=key, description=description)


@closed_meanwhile()
def show_progress(share: float, key: str, description: str) -> None:
    """Show how far the work is: `share` of it is done, in [0, 1]."""
    if are_shown():
        from prefect.artifacts import create_progress_artifact  # noqa: PLC0415 - only a flow run needs Prefect

        # In a flow, which is a coroutine, Prefect would return what must be awaited.
        create_progress_artifact(100 * share, key=key, description=description, _sync=True)  # type: ignore[call-arg]
