"""Processes in the background: known again by number and time of start, never mistaken for another's."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from flows.server.background_process import Background

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)",
]

# That it goes on when the one who started it forgets it is the purpose.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture
def background(tmp_path: Path) -> Background:
    return Background("server", tmp_path / "run")


def test_a_process_is_found_by_whoever_comes_later_and_ends_when_asked(background: Background) -> None:
    background.start(SLEEP, os.environ)
    later = Background("server", background.folder)
    pid = later.pid()
    assert pid
    assert later.stop(5)
    assert later.pid() is None
    os.waitpid(pid, 0)
    assert not later.stop(5)


def test_one_that_does_not_listen_is_killed(background: Background) -> None:
    background.start(STUBBORN, os.environ)
    pid = background.pid()
    assert pid
    until = time.monotonic() + 30
    while background.last_words() != "here" and time.monotonic() < until:
        time.sleep(0.05)
    assert background.stop(0.2)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


def test_one_that_was_killed_counts_as_gone_and_its_file_goes(background: Background) -> None:
    background.start(SLEEP, os.environ)
    pid = background.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert background.pid() is None
    assert not background.stop(5)
    assert [path.name for path in background.folder.iterdir()] == ["server.log"]


@pytest.mark.parametrize("noted", ['{"pid": %d, "born": "1"}', '{"pid": %d, "born": ""}', '{"pid": %d}', "", "[]"])
def test_a_file_that_is_stale_or_broken_never_ends_the_process_of_somebody_else(
    background: Background, noted: str
) -> None:
    background.folder.mkdir()
    (background.folder / "server.json").write_text(noted % os.getpid() if "%d" in noted else noted)
    assert background.pid() is None
    assert not background.stop(5)  # this process is alive to say so


def test_the_file_says_which_process_it_is(background: Background) -> None:
    background.start(SLEEP, os.environ)
    noted = json.loads((background.folder / "server.json").read_text())
    assert noted["pid"] == background.pid()
    assert noted["born"]
    background.stop(5)
    os.waitpid(noted["pid"], 0)


def test_it_says_which_settings_are_other_than_at_its_start_and_writes_none_of_them_down(
    background: Background,
) -> None:
    background.start(SLEEP, os.environ, {"INBOX": "a-folder", "TOKEN": "a-secret"})
    assert background.differs_in({"INBOX": "a-folder", "TOKEN": "a-secret"}) == ()
    assert background.differs_in({"INBOX": "a-folder", "TOKEN": "other", "NEW": ""}) == ("NEW", "TOKEN")
    assert "a-secret" not in (background.folder / "server.json").read_text()
    background.stop(5)
    assert background.differs_in({}) == ()
