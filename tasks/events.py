"""Events that other deployments and automations can wait for. What happened stands in the tables, whatever is heard."""

from collections.abc import Mapping
from typing import Any

from prefect.events import emit_event
from prefect.exceptions import EventTooLarge
from prefect.logging import get_run_logger

PUBLISHED = "ballast.targets.published"
HELD = "ballast.targets.held"
REJECTED = "ballast.targets.rejected"
PROPOSED = "ballast.targets.proposed"
WATCHDOG_MISSED = "ballast.watchdog.missed"
MAINTENANCE_FAILED = "ballast.maintenance.failed"


def emit(event: str, resource_id: str, payload: Mapping[str, Any]) -> None:
    """Tell Prefect what happened, to the flow run that tells it. What cannot be told is logged, and fails nothing.

    *Requires* values of JSON in the payload, and a flow run around it.
    """
    resource = {"prefect.resource.id": resource_id, "prefect.resource.name": resource_id.removeprefix("ballast.")}
    try:
        emit_event(event, resource, payload=dict(payload))
    except EventTooLarge as error:
        get_run_logger().warning("event %s of %s was not sent: %s", event, resource_id, error)
