"""The copy that readers open: written again when visible rows have changed."""

from datetime import date

from sql.records import Snapshot
from tasks.config.settings import Settings
from tasks.retries import RETRIES
from tasks.stages import run_logger, stage


@stage("snapshot", RETRIES, is_quick=True)
def snapshot(settings: Settings, day: date | None = None) -> Snapshot:
    """Copy the warehouse for readers, and export the day's targets; without a day, those of the newest."""
    copied = settings.open_warehouse().snapshot(day)
    run_logger().info("snapshot: %s, %s", copied.path, copied.export_path)
    return copied
