"""Maintenance: the warehouse is checkpointed or merged, backed up, verified, and what is too old removed."""

from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from sql.admin.retention import one_at_a_time
from sql.errors import WarehouseError
from tasks.config.settings import FlowParameters, Settings
from tasks.events import MAINTENANCE_FAILED, emit
from tasks.operations.maintenance import back_up, checkpoint, remove_old, report_upkeep, verify_copy


class MaintenanceConfig(FlowParameters):
    """Where the installation keeps its things, and how many backups. It is the form in the Prefect UI."""


def run_name() -> str:
    """Name a flow run by the warehouse."""
    config = MaintenanceConfig.model_validate(flow_run.get_parameters()["config"])
    return f"maintenance {config.settings.warehouse.name} {datetime.now(UTC):%Y-%m-%d}"


@flow(name="maintenance", flow_run_name=run_name, persist_result=False)
async def maintenance(config: MaintenanceConfig = MaintenanceConfig()) -> State[Any]:  # noqa: B008 - a schedule gives nothing
    """Keep the warehouse well. The backup is verified, not the live file, so that a day that runs meanwhile may write.

    Nothing is removed before the new backup is verified. Killed at any step, the next run does all of it. Of a lake the
    small files are merged and all of it is verified as of one moment, before files that no table has are removed; it is
    backed up where BALLAST_BACKUP_FOLDER names a folder.

    Args:
        config: Where this installation keeps its things, how many backups and for how long it keeps them.

    """
    settings = config.settings
    try:
        return Completed(message=_keep_file(settings) if settings.store == "embedded" else _keep_lake(settings))
    except WarehouseError as error:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        payload = {"as_of_date": today, "warehouse": settings.open_warehouse().name, "reason": str(error)}
        emit(MAINTENANCE_FAILED, f"ballast.day.{today}", payload)
        raise


def _keep_file(settings: Settings) -> str:
    with one_at_a_time(settings.open_file(), settings.backup_folder):
        checkpoint(settings)
        verified = verify_copy(settings, back_up(settings))
        removed = remove_old(settings, verified)
    return report_upkeep(settings, verified, removed)


def _keep_lake(settings: Settings) -> str:
    from tasks.operations.upkeep import keep_lake, report_lake  # noqa: PLC0415 - a database file needs nothing of it

    return report_lake(settings, keep_lake(settings))
