"""Events that other deployments and automations can wait for. What happened stands in the tables, whatever is heard."""

from collections.abc import Mapping
from typing import Any

from tasks.stages import in_flow_run, run_logger

PUBLISHED = "ballast.targets.published"
HELD = "ballast.targets.held"
REJECTED = "ballast.targets.rejected"
PROPOSED = "ballast.targets.proposed"
WATCHDOG_MISSED = "ballast.watchdog.missed"
MAINTENANCE_FAILED = "ballast.maintenance.failed"


def emit(event: str, resource_id: str, payload: Mapping[str, Any]) -> None:
    """Send Prefect the event, as one of the flow run; without a flow run nobody waits for it, and none is sent.

    An event that cannot be sent is logged, and fails nothing. *Requires* values of JSON in the payload.
    """
    if not in_flow_run():
        return
    from prefect.events import emit_event  # noqa: PLC0415 - only a flow run needs Prefect
    from prefect.exceptions import EventTooLarge  # noqa: PLC0415 - only a flow run needs Prefect

    resource = {"prefect.resource.id": resource_id, "prefect.resource.name": resource_id.removeprefix("ballast.")}
    try:
        emit_event(event, resource, payload=dict(payload))
    except EventTooLarge as error:
        run_logger().warning("event %s of %s was not sent: %s", event, resource_id, error)
