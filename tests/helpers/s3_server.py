"""A local server of S3 on loopback, whose buckets are the folders in a folder."""

import os
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

_START_SECONDS = 60


class S3Server(NamedTuple):
    """Where it answers, who may ask it, and the folder of its buckets."""

    address: str
    key: str
    secret: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a client of it reads."""
        given = {"ACCESS_KEY_ID": self.key, "SECRET_ACCESS_KEY": self.secret, "REGION": "us-east-1"}
        return {f"AWS_{name}": value for name, value in (given | {"ENDPOINT_URL": self.address}).items()}


@contextmanager
def running_s3(folder: Path, *buckets: str) -> Iterator[S3Server]:
    """Start it with these buckets, and end it with the block; the files stay."""
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True)
    server = S3Server(f"http://127.0.0.1:{_free_port()}", "key", "battery-staple", folder)
    command = [str(Path(sysconfig.get_path("scripts")) / "rclone"), "serve", "s3", "--config", ""]
    command += ["--addr", server.address.removeprefix("http://"), str(folder)]
    key = {"RCLONE_AUTH_KEY": f'"{server.key},{server.secret}"'}
    with subprocess.Popen(command, env=os.environ | key, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()


def _wait(server: S3Server, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            assert not httpx.get(server.address).is_success, "it asks for no key"
        except httpx.TransportError:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
