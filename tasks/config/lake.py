"""The lake that settings and environment name. What does not belong here: opening it, which sql/lake.py does."""

import os
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from sql.external.lake_catalog import LakeCatalog
from sql.external.postgres import PostgresAddress
from sql.lake import Lake, LakePlace
from sql.object_store import ObjectStore
from tasks.errors import UsageError


class LakeSettings(NamedTuple):
    """The settings that a lake needs, as they are given."""

    catalog: SecretStr | None
    schema: str
    data: str
    lock_seconds: float
    memory_limit: str
    spill_folder: Path


def open_lake(settings: LakeSettings, export_folder: Path) -> Lake:
    """Return the lake; nothing is opened yet. *Raises* `UsageError` where a setting is missing."""
    if settings.catalog is None or not settings.data:
        missing = "BALLAST_LAKE_DATA" if settings.catalog else "BALLAST_LAKE_CATALOG"
        msg = (
            f"a lake needs {missing}: BALLAST_LAKE_CATALOG is "
            "postgresql://user:password@host:port/database, BALLAST_LAKE_DATA a folder or s3://bucket/prefix"
        )
        raise UsageError(msg)
    address = PostgresAddress(settings.catalog.get_secret_value())
    catalog = LakeCatalog(address, settings.schema, settings.lock_seconds)
    data_path, store = _data_path(settings.data), object_store()
    return Lake(LakePlace(catalog, data_path, store, settings.memory_limit, settings.spill_folder), export_folder)


def _data_path(given: str) -> str:
    """Return the path as every process of this machine names it. *Raises* `UsageError` for another address."""
    scheme = given.partition("://")[0] if "://" in given else ""
    if scheme not in {"", "s3"}:
        msg = f"BALLAST_LAKE_DATA begins with {scheme}://: use a folder, or s3://bucket/prefix"
        raise UsageError(msg)
    return given.rstrip("/") + "/" if scheme else f"{os.path.abspath(given)}/"  # noqa: PTH100 - a link stays one


def object_store() -> ObjectStore:
    """Return what the environment says of the bucket, under the names that every tool of S3 reads."""
    read = os.environ.get
    return ObjectStore(
        endpoint=read("AWS_ENDPOINT_URL_S3") or read("AWS_ENDPOINT_URL", ""),
        region=read("AWS_REGION") or read("AWS_DEFAULT_REGION", ""),
        key_id=read("AWS_ACCESS_KEY_ID", ""),
        secret=read("AWS_SECRET_ACCESS_KEY", ""),
        session_token=read("AWS_SESSION_TOKEN", ""),
    )
