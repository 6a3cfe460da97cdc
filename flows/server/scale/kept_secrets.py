"""Passwords and keys of the services: generated once, kept beside the data that they open, for their owner alone."""

import json
import secrets
from pathlib import Path
from typing import NamedTuple

from flows.server.readiness import StartError
from flows.terminal.password import write_secret
from sql.files.plain_files import read_text

_BYTES = 24
_LONGEST = 10_000


class Secrets(NamedTuple):
    """The password of each role of PostgreSQL, and the key of the bucket. None has a letter that an address escapes."""

    owner: str
    prefect: str
    lake: str
    s3_key: str
    s3_secret: str


def ensure_secrets(path: Path, data: Path) -> Secrets:
    """Return those that are there, else generate them. *Requires* the folder.

    *Raises* `StartError` where they cannot be read, or are gone and what they opened is not.
    """
    if not path.exists():
        if data.exists():
            msg = f"{path} is gone, and with it the passwords of {data}: bring it back, or remove {data} and its lake"
            raise StartError(msg)
        made = Secrets(*(secrets.token_urlsafe(_BYTES) for _ in Secrets._fields))
        write_secret(path, json.dumps(made._asdict()))
    return _read(path)


def _read(path: Path) -> Secrets:
    try:
        return Secrets(**json.loads(read_text(path, _LONGEST)))
    except (OSError, ValueError, TypeError):
        msg = f"{path} cannot be read: bring it back, or remove {path.parent}, all of its data included"
        raise StartError(msg) from None
