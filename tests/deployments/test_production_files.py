"""The files for production: what systemd and compose read, held against what they promise."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.automations import Alerts
from tasks.settings import Settings

FOLDER = Path(__file__).parents[2] / "deployments"
UNITS = sorted((FOLDER / "systemd").glob("*.service"))
EXAMPLES = sorted(FOLDER.glob("*.env.example"))
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SECRET = re.compile(r"PASSWORD|AUTH_STRING|ENCRYPTION_KEY|CONNECTION_URL|ALERT_|POSTGRES_URL")


def _assigned(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), flags=re.MULTILINE))


def test_systemd_understands_every_unit() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: it comes with systemd")
    done = subprocess.run([analyze, "verify", *UNITS], capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]  # not installed here
    assert said == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_again_has_its_settings_from_a_file_and_may_write_its_data_alone(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    for line in (
        "Restart=always",
        "EnvironmentFile=/etc/ballast/ballast.env",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ReadWritePaths=/var/lib/ballast",
    ):
        assert line in lines


def test_the_worker_ends_before_the_server() -> None:
    worker = (FOLDER / "systemd" / "ballast-worker.service").read_text()
    assert re.search(r"^After=.*ballast-server.service", worker, flags=re.MULTILINE)
    assert COMPOSE["services"]["worker"]["depends_on"] == {"server": {"condition": "service_healthy"}}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_holds_no_secret_and_names_only_settings_that_exist(example: Path) -> None:
    assigned = _assigned(example)
    assert {name: value for name, value in assigned.items() if SECRET.search(name) and value} == {}
    known = {f"BALLAST_{name.upper()}" for name in Settings.model_fields}
    known |= {f"BALLAST_ALERT_{name.upper()}" for name in Alerts.model_fields}
    known |= set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    assert {name for name in assigned if name.startswith("BALLAST_")} - known == set()


def test_the_api_asks_for_a_password_secrets_are_encrypted_and_nothing_is_reported() -> None:
    assigned = _assigned(FOLDER / "ballast.env.example")
    assert {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY"} <= set(
        assigned
    )
    assert assigned["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert assigned["DO_NOT_TRACK"] == "1"
    assert assigned["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def test_compose_opens_nothing_beyond_this_machine_and_knows_when_each_service_is_well() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"database", "server", "worker"}
    assert [port for one in services.values() for port in one.get("ports", [])] == ["127.0.0.1:4200:4200"]
    for service in services.values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"
        for volume in service["volumes"]:
            name = volume.split(":")[0]
            assert name in COMPOSE["volumes"] or name.startswith("${")


def test_what_an_empty_line_of_the_example_says_is_unset() -> None:
    assert Alerts(webhook="", email="").block() is None  # type: ignore[arg-type]
