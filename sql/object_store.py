"""A bucket of S3: how DuckDB reaches it.

What does not belong here: what is kept there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sql.engine.connections import duckdb_version
from sql.engine.extensions import find_extension
from sql.engine.statements import Connection, execute, literal


@dataclass(frozen=True)
class ObjectStore:
    """How a bucket is reached; what is empty is left to S3's own defaults."""

    endpoint: str = ""
    region: str = ""
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    @property
    def options(self) -> dict[str, str]:
        """The options of DuckDB's secret for it."""
        scheme, _, host = self.endpoint.rpartition("://")
        given = {"KEY_ID": self.key_id, "SECRET": self.secret, "SESSION_TOKEN": self.session_token}
        given |= {"REGION": self.region, "ENDPOINT": host.rstrip("/")}
        style = {"URL_STYLE": "path", "USE_SSL": str(scheme != "http").lower()} if host else {}
        return {name: value for name, value in given.items() if value} | style

    def without_secrets(self, text: str) -> str:
        """Return a text without the keys."""
        for secret in filter(None, (self.secret, self.session_token, self.key_id)):
            text = text.replace(secret, "***")
        return text

    def reach(self, con: Connection) -> None:
        """Let a connection read and write the bucket."""
        load_extension(con, "httpfs")
        make_secret(con, "object_store", "s3", self.options)


def is_in_bucket(path: str) -> bool:
    """Whether a path is the address of a bucket, or of a file in one."""
    return path.startswith("s3://")


def load_extension(con: Connection, name: str) -> None:
    """Load an extension that a wheel brings. *Raises* `WarehouseError` where there is none."""
    execute(con, f"LOAD {literal(find_extension(name, duckdb_version()))}")


def make_secret(con: Connection, name: str, kind: str, options: Mapping[str, str]) -> None:
    """Let DuckDB know how a server is reached; options that are empty are left out."""
    given = "".join(f", {option} {literal(value)}" for option, value in options.items() if value)
    execute(con, f"CREATE OR REPLACE SECRET {name} (TYPE {kind}{given})")
