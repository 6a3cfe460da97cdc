"""Move the warehouse from one store to the other. What does not belong here: how, which is in sql/admin/move.py."""

from typing import Literal

from sql.admin.move import Moved, move_to_file, move_to_lake
from tasks.config.settings import Settings


def move_store(settings: Settings, to: Literal["ducklake", "embedded"]) -> Moved:
    """Copy every table into the other store, whichever of them the commands use.

    *Raises* `UsageError` where no lake is named, `WarehouseError` when nothing was kept.
    """
    lake, file = settings.open_lake(), settings.open_file()
    return move_to_lake(file, lake) if to == "ducklake" else move_to_file(lake, file)
