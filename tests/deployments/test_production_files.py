"""The files for production: what systemd and compose read, compared with what they promise."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, get_current_settings, temporary_settings

from flows.server.automations import Alerts
from flows.server.prefect_server import OpenServerError, require_password
from tasks.config.settings import Settings

FOLDER = Path(__file__).parents[2] / "deployments"
UNITS = sorted((FOLDER / "systemd").glob("*.service"))
EXAMPLES = sorted(FOLDER.glob("*.env.example"))
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SCALE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.scale.yaml").read_text())
SECRET = re.compile(r"PASSWORD|AUTH_STRING|_KEY|SECRET|CONNECTION_URL|ALERT_|POSTGRES_URL|LAKE_CATALOG")


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
        f"EnvironmentFile=/etc/ballast/{'server' if 'server' in unit.name else 'ballast'}.env",
        "UMask=0027",
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
    known |= {name for file in FOLDER.glob("compose*.yaml") for name in re.findall(r"\$\{(\w+)", file.read_text())}
    assert {name for name in assigned if name.startswith("BALLAST_")} - known == set()


def test_the_api_asks_for_a_password_secrets_are_encrypted_and_nothing_is_reported() -> None:
    server, worker = (_assigned(FOLDER / f"{name}.env.example") for name in ("server", "ballast"))
    assert {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY"} <= set(server)
    assert "PREFECT_API_AUTH_STRING" in worker
    assert server["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert server["DO_NOT_TRACK"] == "1"
    assert server["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def test_the_server_gets_no_secret_of_the_worker_and_the_worker_none_of_the_server() -> None:
    assert not [name for name in _assigned(FOLDER / "server.env.example") if name.startswith("BALLAST")]
    assert not [name for name in _assigned(FOLDER / "ballast.env.example") if name.startswith("PREFECT_SERVER")]
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "env_file" in service] == ["worker"]
    assert not [name for name in services["server"]["environment"] if name.startswith("BALLAST")]
    assert not [name for name in services["worker"]["environment"] if name.startswith("PREFECT_SERVER_API")]


@pytest.mark.parametrize("secret", [None, "", "   ", "nobody", ":secret", "user:", "user: "])
def test_a_password_is_a_user_and_a_password(secret: str | None) -> None:
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: secret}), pytest.raises(OpenServerError):
        require_password(get_current_settings())


@pytest.mark.slow
def test_the_server_of_the_unit_does_not_start_without_a_password(tmp_path: Path) -> None:
    unit = (FOLDER / "systemd" / "ballast-server.service").read_text()
    [command] = re.findall(r"^ExecStart=\S+ (.*)$", unit, flags=re.MULTILINE)
    assert COMPOSE["services"]["server"]["command"] == ["python", *command.split()]
    empty = {"PREFECT_SERVER_API_AUTH_STRING": "", "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *command.split()],
        env=os.environ | empty,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "PREFECT_SERVER_API_AUTH_STRING" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "prefect.db").exists()


def test_compose_refuses_an_empty_password() -> None:
    services = COMPOSE["services"]
    for service, name in (("server", "PREFECT_SERVER_API_AUTH_STRING"), ("worker", "PREFECT_API_AUTH_STRING")):
        assert services[service]["environment"][name].startswith("${PREFECT_SERVER_API_AUTH_STRING:?")
    assert "umask 027" in " ".join(services["worker"]["command"])


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


def test_both_compose_files_build_the_image_that_is_there() -> None:
    for file in (COMPOSE, SCALE):
        for service in file["services"].values():
            build = service.get("build", {"context": "..", "dockerfile": "deployments/Dockerfile"})
            assert (FOLDER / build["context"] / build["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert {one["build"]["args"]["EXTRA"] for one in SCALE["services"].values() if "build" in one} == {"scale"}


def test_no_data_and_no_secret_of_this_folder_gets_into_the_image() -> None:
    ignored = (FOLDER.parent / ".dockerignore").read_text().splitlines()
    assert {".ballast", ".env", ".prefect", "deployments/*.env"} <= set(ignored)


def test_compose_of_many_machines_opens_no_port_and_knows_when_each_service_is_well() -> None:
    services = SCALE["services"]
    assert set(services) == {"lake-database", "s3", "dask-scheduler", "dask-worker", "worker"}
    assert not any("ports" in service for service in services.values())
    for name, service in services.items():
        assert name == "worker" or service["healthcheck"]["test"]
        assert name == "worker" or service["restart"] == "unless-stopped"
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(SCALE["volumes"])
        assert set(service["networks"]) - {"default"} <= set(SCALE["networks"])
    assert set(services["worker"]["depends_on"]) == {"lake-database", "s3", "dask-worker"}
    who_reaches_dask = {name for name, service in services.items() if "cluster" in service["networks"]}
    assert who_reaches_dask == {"dask-scheduler", "dask-worker", "worker"}


def test_compose_of_many_machines_gives_each_service_its_own_secrets_and_refuses_empty_ones() -> None:
    services = {name: service["environment"] for name, service in SCALE["services"].items()}
    text = {name: " ".join(map(str, environment.values())) for name, environment in services.items()}
    required = {name: set(re.findall(r"\$\{(\w+):\?", words)) for name, words in text.items()}
    database, key = {"BALLAST_LAKE_DATABASE_PASSWORD"}, {"BALLAST_S3_KEY", "BALLAST_S3_SECRET"}
    assert required == {
        "lake-database": database,
        "s3": key,
        "dask-scheduler": set(),
        "dask-worker": {"PREFECT_SERVER_API_AUTH_STRING"} | key,
        "worker": database | key,
    }
    assert all(set(re.findall(r"\$\{(\w+)", words)) == required[name] for name, words in text.items())


def test_the_worker_of_many_machines_names_the_services_that_are_there() -> None:
    services, worker = SCALE["services"], SCALE["services"]["worker"]["environment"]
    known = {f"BALLAST_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in worker if name.startswith("BALLAST_")} <= known
    assert (
        f"@lake-database:5432/{services['lake-database']['environment']['POSTGRES_DB']}"
        in worker["BALLAST_LAKE_CATALOG"]
    )
    assert worker["BALLAST_DASK"] == services["dask-worker"]["command"][2] == "tcp://dask-scheduler:8786"
    bucket = re.fullmatch(r"s3://(\w+)/.*", worker["BALLAST_LAKE_DATA"])
    assert bucket
    assert f"mkdir -p /data/{bucket[1]} " in services["s3"]["command"][2]
    for service in ("worker", "dask-worker"):
        assert f"shards:{worker['BALLAST_SHARD_FOLDER']}" in services[service]["volumes"]


def test_what_an_empty_line_of_the_example_says_is_unset() -> None:
    assert Alerts(webhook="", email="").block() is None  # type: ignore[arg-type]
