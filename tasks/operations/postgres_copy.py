"""Bring the replica in PostgreSQL up to date, where one is configured.

A failure is reported and changes nothing else.
"""

from sql.errors import WarehouseError
from sql.external.postgres import PostgresAddress
from sql.external.postgres_copy import Patience, copy_published
from sql.records import Copied
from tasks.artifacts import show_markdown
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage

_LATER = "What is published stays, and the next publication or `ballast db copy` brings what is missing"


def update_copy(settings: Settings) -> Copied:
    """Copy to PostgreSQL what is published and not there yet: a plain function, for a command or many days at once.

    *Raises* `UsageError` when no copy is configured, `WarehouseError` when nothing was copied.
    """
    if settings.postgres_url is None:
        msg = "no copy is configured: set BALLAST_POSTGRES_URL to postgresql://user:password@host:port/database"
        raise UsageError(msg)
    address = PostgresAddress(settings.postgres_url.get_secret_value())
    patience = Patience(settings.postgres_seconds, settings.postgres_statement_seconds)
    return copy_published(settings.open_warehouse(), address, settings.postgres_schema, patience)


def copy_or_warn(settings: Settings) -> tuple[str, ...]:
    """Copy in a task of its own, within a flow. Without a copy configured: nothing. A failure becomes the warning."""
    if settings.postgres_url is None:
        return ()
    try:
        copy(settings)
    except WarehouseError as error:
        warning = f"not copied to PostgreSQL: {error}. {_LATER}"
        show_failure(warning)
        return (warning,)
    return ()


@stage("copy", RETRIES)
def copy(settings: Settings) -> Copied:
    """Bring the copy up to date. A server that does not answer is retried; the run is published already."""
    copied = update_copy(settings)
    run_logger().info("copy: %d runs, %d rows to %s", copied.n_runs, copied.n_rows, copied.target)
    return copied


@stage("show failed copy")
def show_failure(warning: str) -> None:
    """Keep what was not copied where the day's other results are seen."""
    show_markdown(f"# Not copied to PostgreSQL\n\n{warning}", key="postgres-copy")
