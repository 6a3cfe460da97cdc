"""Prefect's own database, empty, as the set-up makes it: a server would make its own first, which takes ten seconds."""

import shutil
from pathlib import Path

_EMPTY = Path(__file__).parents[2] / ".venv" / "prefect" / "prefect.db"


def put_empty_prefect(home: Path) -> None:
    """Put the database into the folder, where the project was set up with `make`."""
    if _EMPTY.exists():
        shutil.copy(_EMPTY, home)
