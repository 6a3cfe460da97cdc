"""The Prefect server that `ballast up` starts: its address, its password, its environment, and what it answers."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_HOME, PREFECT_SERVER_API_AUTH_STRING

from flows.server.deploy import connected
from flows.server.readiness import StartError
from flows.terminal.password import FILE, client_setting, create_password, read_password, server_port
from sql.files.atomic_files import make_folder
from tasks.config.settings import Settings

FOLDER = FILE.parent
HOST = "127.0.0.1"

_OF_EVERY_PROCESS = frozenset(
    (
        *(
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "LANG",
            "LANGUAGE",
            "TZ",
            "TMPDIR",
            "VIRTUAL_ENV",
            "DO_NOT_TRACK",
        ),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    )
)
_OF_THE_SERVER = ("LC_", "PYTHON", "PREFECT_")
"""What the server gets of the environment, by name and by prefix; the secrets of the worker are not among it."""


def address() -> str:
    """Return where its pages are."""
    return f"http://{HOST}:{server_port()}"


def client_settings(secret: str | None = None) -> Mapping[object, object]:
    """Return the settings of a client of the server here, with the password that it has by now."""
    local: dict[object, object] = {PREFECT_API_URL: f"{address()}/api"}
    secret = secret or _known_password()
    return local | {PREFECT_API_AUTH_STRING: secret} if secret else local


def ensure_password(undo: ExitStack) -> tuple[str, bool]:
    """Return the password, and whether it was generated now; then `undo` removes it again."""
    if secret := _known_password():
        return secret, False
    make_folder(FOLDER)
    secret = create_password()
    undo.callback(FILE.unlink, missing_ok=True)
    return secret, True


def _known_password() -> str | None:
    """Return the one that the settings name, else the one that was generated here."""
    return str(PREFECT_SERVER_API_AUTH_STRING.value() or "") or read_password()


def client_environment() -> dict[str, str]:
    """Return what a process needs to know that speaks to the server, and nothing else of what the worker does."""
    return {
        name: value
        for name, value in connected().items()
        if name in _OF_EVERY_PROCESS or (name.startswith(_OF_THE_SERVER) and name != "PREFECT_API_KEY")
    }


def server_environment() -> dict[str, str]:
    """Return what the server needs to know."""
    given = client_environment()
    return given | {
        "PREFECT_SERVER_API_AUTH_STRING": given["PREFECT_API_AUTH_STRING"],
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": server_port(),
        "PREFECT_UI_API_URL": given["PREFECT_API_URL"],
        "PREFECT_UI_URL": address(),
    }


def answers(settings: Settings) -> bool:
    """Report whether a server answers at the address."""
    try:
        return httpx.get(f"{address()}/api/health", timeout=settings.answer_seconds).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


@contextmanager
def server_explained() -> Iterator[None]:
    """Explain in one sentence what a server answers, or that it does not. *Raises* `StartError`."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        unauthorized = "requires another password: set it in PREFECT_API_AUTH_STRING"
        answer = unauthorized if error.response.status_code == httpx.codes.UNAUTHORIZED else f"answers {error}"
        msg = f"the Prefect server {answer}"
        raise StartError(msg) from error
    except httpx.HTTPError as error:
        msg = f"the Prefect server does not answer ({type(error).__name__} {error}): see {FOLDER}/server.log"
        raise StartError(msg) from error


def database(url: str | None = None) -> str:
    """Name where the server keeps its history: at the address, or the one of the settings."""
    url = url or client_setting("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    return "PostgreSQL" if url.startswith("postgresql") else f"SQLite in {PREFECT_HOME.value()}/"
