"""What must be so before `ballast up` starts anything: each check names what to correct, and changes nothing."""

import os
import socket
from pathlib import Path

from flows.server.deploy import read_files
from sizing.errors import BallastError
from tasks.config.portfolios import read_config
from tasks.config.settings import Settings

_HIGHEST_PORT = 65535
_SAMPLE = "deployments/sample/inbox"


class StartError(BallastError):
    """A process of the environment does not start."""


def require_ready(settings: Settings, *folders: Path) -> None:
    """Make sure that what a run reads is there, and that the folders can be written. *Raises* what to correct."""
    config = read_config(settings.config)
    if "scores" not in config.feeds and not settings.inbox.is_dir():
        msg = f"no inbox folder at {settings.inbox}: create it, or name another in BALLAST_INBOX"
        if Path(_SAMPLE).is_dir():
            msg += f", such as the sample: BALLAST_INBOX={_SAMPLE}"
        raise StartError(msg)
    read_files()
    for folder in (*folders, settings.warehouse.parent):
        _require_writable(folder.absolute())


def require_port(host: str, text: str, setting: str) -> int:
    """Return the port. *Raises* `StartError` for what is none, and for one that something else listens on."""
    if not (text.isdecimal() and 0 < int(text) <= _HIGHEST_PORT):
        msg = f"{setting} is {text!r}: expected a number from 1 to {_HIGHEST_PORT}"
        raise StartError(msg)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(text)))
        except OSError as error:
            msg = (
                f"port {text} of {host} cannot be used ({error.strerror}): stop what listens there, or choose another "
                f"port with {setting}"
            )
            raise StartError(msg) from None
    return int(text)


def _require_writable(folder: Path) -> None:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        msg = f"{folder} cannot be written: give this user the right to write {there}"
        raise StartError(msg)
