"""A server of S3 on this machine, whose buckets are the folders in a folder: rclone, from the package index."""

import sys
from pathlib import Path

import httpx

from flows.server.readiness import StartError

REGION = "us-east-1"


def find_rclone() -> Path | None:
    """Return the program that is installed beside this Python; None where there is none."""
    found = Path(sys.executable).with_name("rclone")
    return found if found.exists() else None


def server_command(rclone: Path, folder: Path, address: str) -> list[str]:
    """Return the command that serves the folders as buckets at `http://host:port`; it reads no file of settings."""
    return [str(rclone), "serve", "s3", "--config", "", "--addr", address.removeprefix("http://"), str(folder)]


def key_of_server(key: str, secret: str) -> dict[str, str]:
    """Return what names the key in the server's environment: on its command line everybody would see it."""
    return {"RCLONE_AUTH_KEY": f'"{key},{secret}"'}


def client_environment(key: str, secret: str, address: str) -> dict[str, str]:
    """Return what every client of S3 reads."""
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": address,
    }


def answers(address: str, seconds: float) -> bool:
    """Report whether it answers. *Raises* `StartError` for one that gives everybody what it has."""
    try:
        is_open = httpx.get(address, timeout=seconds).is_success
    except httpx.HTTPError:
        return False
    if is_open:
        msg = f"the server of S3 at {address} asks for no key: install the rclone of the lock, and start again"
        raise StartError(msg)
    return True
