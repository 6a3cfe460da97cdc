"""Keep DuckLake away from the files of a lake while it commits.

When the answer to COMMIT is lost, DuckLake takes it for a failure and deletes the files that it has just committed
(ducklake#1023). So the writer names them by a path of its own, which leads nowhere meanwhile. Files that nobody
committed stay then, as after a kill.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sql.engine.statements import Connection, execute
from sql.errors import WarehouseError
from sql.files.atomic_files import make_folder

_NOWHERE: Final = "127.0.0.1:1"
"""No server listens there."""


def link_of(folder: str, place: Path) -> Path:
    """Name the link by which this process writes a folder."""
    name = hashlib.sha256(folder.encode()).hexdigest()[:16]
    return place / f"{os.getpid()}-{name}"


def make_link(folder: str, link: Path) -> None:
    """Make the folder where there is none, and the link to it; links of processes that are gone are removed.

    *Raises* `OSError`.
    """
    make_folder(Path(folder))
    make_folder(link.parent)
    for left in (one for one in link.parent.iterdir() if one.is_symlink() and not _is_running(one)):
        left.unlink(missing_ok=True)
    if not link.is_symlink():
        link.symlink_to(folder)


def _is_running(link: Path) -> bool:
    return Path("/proc", link.name.partition("-")[0]).exists() or not Path("/proc/self").exists()


@contextmanager
def hidden_folder(link: Path) -> Iterator[None]:
    """Let the link lead nowhere while the block runs. *Raises* `WarehouseError` before it, where there is no link."""
    hidden = link.with_name(f"{link.name}.hidden")
    try:
        link.rename(hidden)
    except OSError as error:
        msg = f"{link}, by which the lake is written, cannot be moved: {error}. Nothing was committed: run again"
        raise WarehouseError(msg) from error
    try:
        yield
    finally:
        hidden.rename(link)


@contextmanager
def hidden_bucket(con: Connection) -> Iterator[None]:
    """Let no request leave DuckDB while the block runs, which only commits to PostgreSQL."""
    with con.cursor() as beside:
        before = execute(beside, "SELECT current_setting('http_proxy'), current_setting('http_retries')")[0]
        execute(beside, f"SET GLOBAL http_proxy = '{_NOWHERE}'; SET GLOBAL http_retries = 0")
        try:
            yield
        finally:
            proxy = str(before[0] or "").replace("'", "''")
            execute(beside, f"SET GLOBAL http_proxy = '{proxy}'; SET GLOBAL http_retries = {int(before[1])}")
