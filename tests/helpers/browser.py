"""A headless Chromium, driven over its debugging port: opens a page, asks it questions, takes pictures of it."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

import httpx
from websockets.sync.client import ClientConnection, connect

BINARIES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_START_SECONDS = 60.0
_PAGE_SECONDS = 60.0
_POLL_SECONDS = 0.05


def find_browser() -> str | None:
    """Return the browser that is installed."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


class Page:
    """The one page of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._heard: list[Mapping[str, Any]] = []

    def listen(self, *domains: str) -> None:
        """Keep what the browser tells of these domains of its protocol from now on: `Network`, `Log`, `Runtime`."""
        for domain in domains:
            self._call(f"{domain}.enable")
        self._heard.clear()

    def heard(self, event: str) -> list[Mapping[str, Any]]:
        """Return what the browser has told under this name, `Network.requestWillBeSent` say, since `listen`."""
        self.evaluate("0")  # what came before its answer is told by then
        return [one["params"] for one in self._heard if one["method"] == event]

    def open(self, url: str) -> None:
        """Go to an address; the page may still be loading."""
        self._call("Page.navigate", url=url)

    def evaluate(self, javascript: str) -> Any:  # noqa: ANN401 - whatever the page gives
        """Return the value of an expression in the page."""
        given = self._call("Runtime.evaluate", expression=javascript, returnByValue=True)
        return given["result"].get("value")

    def wait_for(self, javascript: str) -> Any:  # noqa: ANN401 - whatever the page gives
        """Ask until the expression is true, and give its value. *Raises* `TimeoutError` with what the page shows."""
        until = time.monotonic() + _PAGE_SECONDS
        while time.monotonic() < until:
            if found := self.evaluate(javascript):
                return found
            time.sleep(_POLL_SECONDS)
        msg = f"{javascript} is not true after {_PAGE_SECONDS:.0f} s. The page says: {self.text()[:2000]}"
        raise TimeoutError(msg)

    def text(self) -> str:
        """Return all that can be read on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        """Set the size of the window, in the pixels of the page."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def point_at(self, x: float, y: float) -> None:
        """Move the pointer there, in the pixels of the window."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path: Path) -> None:
        """Keep what the window shows as a PNG file."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: object) -> Mapping[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=_PAGE_SECONDS))
            if answer.get("id") == number:
                return cast("Mapping[str, Any]", answer["result"])
            if "method" in answer:
                self._heard.append(answer)


@contextmanager
def running_browser(binary: str) -> Iterator[Page]:
    """Start a browser with a profile of its own, and give its page."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        command = [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = _find_port(Path(profile), process)
            [page] = [one for one in httpx.get(f"http://127.0.0.1:{port}/json").json() if one["type"] == "page"]
            with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _find_port(profile: Path, process: subprocess.Popen[bytes]) -> str:
    told = profile / "DevToolsActivePort"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if told.exists() and (lines := told.read_text().splitlines()):
            return lines[0]
        time.sleep(_POLL_SECONDS)
    msg = f"the browser did not start within {_START_SECONDS:.0f} s"
    raise TimeoutError(msg)
