"""Prefect's server, for those who know the password, and under its own addresses alone.

`python -m flows.server.prefect_server` starts it.

Its addresses are those that the settings name: where it listens, PREFECT_API_URL, PREFECT_UI_API_URL, PREFECT_UI_URL.
A request with another `Host` is rejected, which ends DNS rebinding, and so is one of a page of another origin.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Final

import httpx
import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import Settings, get_current_settings, temporary_settings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sizing.errors import BallastError
from sql.files.atomic_files import UMASK, protect

_BAD_REQUEST, _FORBIDDEN = 400, 403
_WRONG_USE = 2
"""Exit code of a server that must not start: its systemd unit does not start it again."""
_ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - no address that a client uses
_DEFAULTS: Final[Mapping[str, object]] = {
    "server.analytics_enabled": False,
    # In memory, a restart would forget who has the one place of a deployment: nobody would get it again.
    "server.concurrency.lease_storage": "prefect.server.concurrency.lease_storage.filesystem",
    # A run is late when nobody takes it, not when the machine is busy.
    "server.services.late_runs.after_seconds": 300,
}


class OpenServerError(BallastError):
    """A server without a password would run commands for whoever reaches its port."""


class OwnAddresses:
    """Let requests through that are made to an address of the server, by its own pages or by no page at all."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._hosts, self._origins = frozenset(hosts), frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or reject it."""
        rejection = self._rejection(Headers(scope=scope)) if scope["type"] in {"http", "websocket"} else None
        await (rejection or self._app)(scope, receive, send)

    def _rejection(self, headers: Headers) -> PlainTextResponse | None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            return PlainTextResponse(
                f"unknown host: the server is {known}, and what PREFECT_UI_URL names", _BAD_REQUEST
            )
        if any(origin.lower() not in self._origins for origin in origins):
            return PlainTextResponse("pages of another origin are not answered", _FORBIDDEN)
        return None


def require_password(settings: Settings) -> None:
    """Require a password of the API. *Raises* `OpenServerError`."""
    secret = settings.server.api.auth_string
    user, _, password = (secret.get_secret_value() if secret else "").partition(":")
    if not (user.strip() and password.strip()):
        msg = (
            "the server does not start without a password: set PREFECT_SERVER_API_AUTH_STRING to user:password, and "
            "PREFECT_API_AUTH_STRING of its clients to the same"
        )
        raise OpenServerError(msg)


def guarded(app: ASGIApp, settings: Settings) -> OwnAddresses:
    """Wrap an app in the check of its addresses."""
    api = settings.server.api
    host = f"[{api.host}]" if ":" in api.host else api.host
    urls = [] if api.host in _ANYWHERE else [f"http://{host}:{api.port}"]
    urls += filter(None, (settings.api.url, settings.server.ui.api_url, settings.ui_url))
    return OwnAddresses(app, map(_host, urls), [own_origin(settings)])


def own_origin(settings: Settings) -> str:
    """Return the origin of the UI's pages."""
    url = httpx.URL(settings.ui_url or str(settings.server.ui.api_url))
    return f"{url.scheme}://{_host(str(url))}"


def _host(url: str) -> str:
    return httpx.URL(url).netloc.decode()


def serve() -> None:
    """Run the server until it is stopped. *Raises* `OpenServerError`."""
    settings = get_current_settings()
    require_password(settings)
    for database in settings.home.glob("prefect.db*"):
        protect(database)
    with temporary_settings({"server.api.cors_allowed_origins": own_origin(settings)}, set_defaults=_DEFAULTS):
        api = settings.server.api
        uvicorn.run(
            guarded(create_app(final=True), settings),
            host=api.host,
            port=api.port,
            timeout_keep_alive=api.keepalive_timeout,
            ws_ping_interval=api.websocket_ping_interval,
            ws_ping_timeout=api.websocket_ping_timeout,
            log_level=settings.server.logging_level.lower(),
        )


def main() -> int:
    """Run the server; report why it does not start."""
    os.umask(UMASK)
    try:
        serve()
    except OpenServerError as error:
        sys.stderr.write(f"error: {error}\n")
        return _WRONG_USE
    return 0


if __name__ == "__main__":
    sys.exit(main())
