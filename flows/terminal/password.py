"""The password of the server that `ballast up` starts: generated once, for its owner alone, used by every command.

It is a whole authentication string, `user:password`, as Prefect's settings and its login page take it.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from sql.files.plain_files import read_text
from tasks.config.env_file import ENV_FILE

FILE = Path(".ballast/run/password")

_USER = "ballast"
_BYTES = 24
_LONGEST = 1_000
_MODE = 0o600
_PORT, _USUAL_PORT = "PREFECT_SERVER_API_PORT", "4200"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def read_password() -> str | None:
    """Return the authentication string of this folder, None when there is none."""
    with suppress(OSError, UnicodeDecodeError):
        return read_text(FILE, _LONGEST).strip() or None
    return None


def create_password() -> str:
    """Generate it and store it. *Requires* the folder. An empty or unreadable file in its place is replaced."""
    secret = f"{_USER}:{secrets.token_urlsafe(_BYTES)}"
    write_secret(FILE, f"{secret}\n")
    return secret


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, in the place of what is there. *Requires* the folder."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, _MODE)
        file.write(text)


def sign_in() -> None:
    """Let Prefect's client use it, where it speaks to a server of this machine and has no other credentials.

    *Requires* that Prefect is not imported yet. No other machine ever gets it.
    """
    if client_setting("PREFECT_API_KEY") or client_setting("PREFECT_API_AUTH_STRING"):
        return
    if is_local(client_setting("PREFECT_API_URL")) and (secret := read_password()):
        os.environ["PREFECT_API_AUTH_STRING"] = secret


def client_setting(name: str) -> str:
    """Return a setting of Prefect as the environment or `.env` has it, empty when neither does."""
    return os.environ.get(name) or _in_file(name) or ""


def server_port() -> str:
    """Return the port of the server of this folder as it is given, right or wrong."""
    given = os.environ.get(_PORT)
    return (client_setting(_PORT) or _USUAL_PORT) if given is None else given


def is_local(url: str) -> bool:
    """Report whether an address is one of this machine."""
    with suppress(ValueError):
        return urlsplit(url).hostname in _LOOPBACK
    return False


def _in_file(name: str) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return dotenv_values(ENV_FILE, interpolate=False).get(name)
    return None
