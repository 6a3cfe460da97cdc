"""What the Prefect server does by itself: the automations of a file, created or updated by name.

What does not belong here: which ones there are, see deployments/automations.yaml.
"""

from pathlib import Path
from typing import Any

import yaml
from prefect.blocks.notifications import AppriseNotificationBlock, CustomWebhookNotificationBlock
from prefect.client.orchestration import PrefectClient
from prefect.events.schemas.automations import AutomationCore
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.config.env_file import ENV_FILE

ALERT_BLOCK = "ballast-alerts"
NO_RECIPIENT = "no recipient"
"""Tag of an automation that would only send an alert and has no recipient: it is disabled."""

_NOTHING = {"type": "do-nothing"}


class Alerts(BaseSettings):
    """Where notifications go, from `BALLAST_ALERT_*`: secrets, which the server keeps in a block and shows nobody."""

    model_config = SettingsConfigDict(
        env_prefix="BALLAST_ALERT_",
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        dotenv_filtering="only_existing",
        frozen=True,
        extra="ignore",
    )

    webhook: SecretStr | None = None
    """Address that gets each alert as JSON: `subject`, `body`, and `text`, which is both."""
    email: SecretStr | None = None
    """Mailbox, as Apprise writes it: mailtos://user:password@smtp.host?from=a@host&to=b@host."""

    async def save(self) -> str | None:
        """Save the block that alerts are sent through, and return its id; None when nothing is configured."""
        if block := self.block():
            return str(await block.asave(ALERT_BLOCK, overwrite=True))
        return None

    def block(self) -> CustomWebhookNotificationBlock | AppriseNotificationBlock | None:
        """Return the block of the webhook, else that of the mailbox; None when neither is set."""
        if self.webhook:
            return CustomWebhookNotificationBlock(
                name="ballast",
                url="{{address}}",
                json_data={"subject": "{{subject}}", "body": "{{body}}", "text": "{{subject}}\n\n{{body}}"},
                secrets={"address": self.webhook.get_secret_value()},
            )
        return AppriseNotificationBlock(url=self.email) if self.email else None


class Described(BaseModel):
    """One automation of the file: Prefect's words, and the notification that goes with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str
    trigger: dict[str, Any]
    actions: list[dict[str, Any]] = []
    alert: dict[str, str] | None = None

    @property
    def only_alerts(self) -> bool:
        """Report whether it does nothing but send an alert."""
        return self.alert is not None and not self.actions

    def automation(self, alert_block: str | None) -> AutomationCore:
        """Return it as Prefect knows it; one that only alerts is disabled and tagged without a block for alerts."""
        actions = list(self.actions)
        if self.alert and alert_block:
            actions.append({"type": "send-notification", "block_document_id": alert_block, **self.alert})
        is_silent = self.only_alerts and not alert_block
        described = {"name": self.name, "description": self.description, "trigger": self.trigger}
        tags = ["ballast", *([NO_RECIPIENT] if is_silent else [])]
        return AutomationCore.model_validate(
            {**described, "tags": tags, "enabled": not is_silent, "actions": actions or [_NOTHING]}
        )


def read_automations(path: Path) -> tuple[Described, ...]:
    """Read the file of automations. *Raises* `ValueError` for one that is wrong."""
    return tuple(Described.model_validate(one) for one in yaml.safe_load(path.read_text(encoding="utf-8")))


async def apply_automations(client: PrefectClient, automations: tuple[Described, ...], alert_block: str | None) -> None:
    """Create each that is not there, and update by its name what differs. One that operations disabled stays disabled.

    One that was disabled for want of a recipient is enabled when there is one.

    What is as described is left alone: an update gives its trigger a new id, and the server forgets what the old one
    was waiting for, a crashed run to try again or a heartbeat.
    """
    for described in automations:
        wanted = described.automation(alert_block)
        existing = await client.read_automations_by_name(described.name)
        if not existing:
            await client.create_automation(wanted)
        for one in existing:
            by_operations = not one.enabled and NO_RECIPIENT not in one.tags
            here = wanted.model_copy(update={"enabled": False, "tags": one.tags}) if by_operations else wanted
            if AutomationCore.model_validate(one.model_dump()) != here:
                await client.update_automation(one.id, here)
