"""Where the services of `ballast up --scale` are, and what each process is told of them."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from flows.server.connection import FOLDER, address
from flows.server.readiness import StartError
from flows.server.scale import local_dask, local_postgres, local_s3
from flows.server.scale.kept_secrets import Secrets
from flows.terminal.password import client_setting, server_port, write_secret

DATA = Path(".ballast/scale")
POSTGRES, BUCKETS, CERTIFICATE, SECRETS = DATA / "postgresql", DATA / "s3", DATA / "dask.pem", DATA / "secrets.json"
SHELL_FILE = FOLDER / "scale.env"
BUCKET = "lake"
"""The name of the bucket, and of the role and the database of the catalog."""
PREFECT = "prefect"

_OURS_ALONE = (
    *("BALLAST_LAKE_CATALOG", "BALLAST_LAKE_DATA", "BALLAST_DASK"),
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
_PLACES: Mapping[str, Path] = {
    "BALLAST_SHARD_FOLDER": DATA / "shards",
    "BALLAST_EXPORT_FOLDER": DATA / "targets",  # those beside the file belong to the file
}


class Ports(NamedTuple):
    """The port of each service."""

    postgresql: int
    s3: int
    dask: int
    dask_page: int

    @classmethod
    def beginning_at(cls, first: int) -> "Ports":
        """Return them in their order."""
        return cls(*range(first, first + len(cls._fields)))


@dataclass(frozen=True)
class ScaleEnvironment:
    """The services, by their ports and secrets."""

    ports: Ports
    secrets: Secrets

    @property
    def s3_address(self) -> str:
        """Where the bucket is."""
        return f"http://127.0.0.1:{self.ports.s3}"

    @property
    def owner_address(self) -> str:
        """Where roles and databases are made."""
        return self._database(local_postgres.OWNER, self.secrets.owner, "postgres")

    def of_server(self) -> dict[str, str]:
        """Return what the Prefect server is told: its own database."""
        plain = self._database(PREFECT, self.secrets.prefect, PREFECT)
        return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": plain.replace("://", "+asyncpg://", 1)}

    def of_worker(self) -> dict[str, str]:
        """Return what the worker is told, and so each flow run: the lake, its bucket, the cluster."""
        given = {name: client_setting(name) or str(path.absolute()) for name, path in _PLACES.items()}
        given |= self.of_bucket()
        given |= local_dask.member_environment(CERTIFICATE, "client")
        return given | {
            "BALLAST_STORE": "ducklake",
            "BALLAST_LAKE_CATALOG": self._database(BUCKET, self.secrets.lake, BUCKET),
            "BALLAST_LAKE_DATA": f"s3://{BUCKET}/ballast",
            "BALLAST_DASK": local_dask.scheduler_address(self.ports.dask),
        }

    def of_bucket(self) -> dict[str, str]:
        """Return what whoever reads or writes the bucket is told."""
        return local_s3.client_environment(self.secrets.s3_key, self.secrets.s3_secret, self.s3_address)

    def require_no_other(self) -> None:
        """Reject settings that name a lake, cluster or database of somebody else. *Raises* `StartError`."""
        ours = self.of_worker() | self.of_server()
        if others := [name for name in _OURS_ALONE if client_setting(name) not in {"", ours[name]}]:
            msg = (
                f"{' and '.join(others)}: `ballast up --scale` starts its own; unset what names another one, or use "
                "that with `ballast up`"
            )
            raise StartError(msg)

    def write_shell_file(self, settings: dict[str, str]) -> None:
        """Write what a shell needs to work as the worker does, for its owner alone: its settings, and the server.

        *Requires* the folder.
        """
        server = {"PREFECT_API_URL": f"{address()}/api", "PREFECT_SERVER_API_PORT": server_port()}
        told = settings | self.of_worker() | server
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in sorted(told.items()))
        write_secret(SHELL_FILE, "".join(lines))

    def _database(self, role: str, password: str, database: str) -> str:
        return local_postgres.address_of(role, password, self.ports.postgresql, database)
