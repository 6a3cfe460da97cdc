"""What is asked elsewhere and does not end is given up after the deadline of its feed."""

import http.server
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tasks.config.feeds import Feed
from tasks.errors import SourceError
from tasks.sources.deadlines import within
from tasks.sources.discovery import find_sources
from tasks.sources.reader import fetch_source

DAY = date(2024, 12, 2)
SHORT, LONG = 0.3, 30


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers whether there is a file, and gives one without an end."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.is_over.wait(0.05):  # type: ignore[attr-defined]
            self.wfile.write(b"x")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    """A server on loopback that gives a byte now and then."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        server.is_over = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.is_over.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def _fetch(feed: Feed, inbox: Path) -> None:
    sources = find_sources(inbox, DAY, {"scores": feed})
    source = next(one for one in sources if one.contract.kind == "scores")
    with fetch_source(source, DAY):
        pytest.fail("there is no end to wait for")


def _given_up(feed: Feed, inbox: Path) -> str:
    start = time.monotonic()
    with pytest.raises(SourceError) as caught:
        _fetch(feed, inbox)
    assert time.monotonic() - start < LONG
    return str(caught.value)


def test_a_file_that_does_not_end_is_given_up(tmp_path: Path, slow: str) -> None:
    told = _given_up(Feed(path=f"{slow}/scores.csv?key=s3cret", deadline_seconds=SHORT), tmp_path)
    assert f"{slow}/scores.csv did not end within 0.3 s" in told
    assert "deadline_seconds" in told
    assert "s3cret" not in told


def test_a_query_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "quant.sqlite").close()
    (tmp_path / "quant.sqlite").touch()
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3e7)"
    feed = Feed(
        database=f"sqlite:///{tmp_path}/quant.sqlite",
        query=f"{numbers} SELECT max(i) AS score FROM n",
        deadline_seconds=SHORT,
    )
    assert "the query on sqlite:///" in _given_up(feed, tmp_path)


def test_what_ends_in_time_is_returned_and_what_fails_is_raised() -> None:
    assert within(LONG, "it", lambda: 7) == 7
    assert within(LONG, "it", lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within(LONG, "it", lambda: 1 / 0)
