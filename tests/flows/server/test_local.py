"""What `ballast up` checks before it starts anything, and what it leaves behind when something does not start."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_IMODE

import pytest

from flows.server import connection, local
from flows.server.background_process import Background
from flows.server.deploy import DeployError
from flows.terminal.password import FILE, create_password, read_password, sign_in
from tests.helpers.command_line import typed

# That a server goes on when the one who started it forgets it is the purpose.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder that `ballast init` made, and an environment that says nothing else."""
    for name in [name for name in os.environ if name.startswith(("BALLAST_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert typed(capsys)("init", "x")[0] == 0
    monkeypatch.chdir(tmp_path / "x")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PREFECT_SERVER_API_PORT", str(probe.getsockname()[1]))
    return tmp_path / "x"


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def _made(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


SPOILERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "portfolios.yaml").unlink(), "portfolios.yaml"),
    "a wrong config": (lambda folder: (folder / "portfolios.yaml").write_text("portfolios: [1]"), "portfolios.yaml:1"),
    "no inbox": (lambda folder: (folder / "inbox").rename(folder / "other"), "no inbox folder at inbox"),
    "an unknown setting": (lambda folder: (folder / ".env").write_text("BALLAST_KEEP_DAY=1"), ".env:1"),
    "wrong deployments": (lambda folder: _write(folder / "deployments" / "prefect.yaml", "a: [b"), "prefect.yaml"),
    "wrong automations": (lambda folder: _write(folder / "deployments" / "automations.yaml", "- x: 1"), "automations"),
    "a file in the way": (lambda folder: (folder / ".ballast").write_text(""), ".ballast/run"),
}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)


@pytest.mark.parametrize("what", SPOILERS)
def test_up_says_what_is_wrong_before_it_starts_anything(
    folder: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, named = SPOILERS[what]
    spoil(folder)
    before = _made(folder)
    code, _, err = typed(capsys)("up")
    assert (code, err.count("error:")) == (1, 1)
    assert named in err
    assert _made(folder) == before


@pytest.mark.parametrize("port", ["taken", "0", "65536", "-1", "http", "", "4.2"])
def test_up_names_a_port_that_cannot_be_used(
    folder: Path, port: str, listening: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", str(listening) if port == "taken" else port)
    before = _made(folder)
    code, _, err = typed(capsys)("up")
    assert code == 1
    assert "PREFECT_SERVER_API_PORT" in err
    assert _made(folder) == before


def test_up_ends_what_it_started_when_the_next_step_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> tuple[str, ...]:
        msg = "the server says no"
        raise DeployError(msg)

    monkeypatch.setattr(local, "answers", lambda _: True)
    monkeypatch.setattr(local, "deploy", refuse)
    sleep = "import time; time.sleep(60)"
    monkeypatch.setattr(local.sys, "executable", _program(folder.parent / "sleeper", sleep))
    server = Background("server", folder / ".ballast" / "run")
    code, _, err = typed(capsys)("up")
    assert code == 1
    assert "the server says no" in err
    assert server.pid() is None
    assert {path for path in _made(folder) if path.startswith(".ballast")} == {
        ".ballast",
        ".ballast/run",
        ".ballast/run/server.log",
    }


def _program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\nexec python3 -c '{text}'\n")
    path.chmod(0o700)
    return str(path)


@pytest.mark.usefixtures("folder")
def test_the_password_is_generated_once_and_is_its_owners_alone() -> None:
    assert read_password() is None
    FILE.parent.mkdir(parents=True)
    FILE.write_text("")
    FILE.chmod(0o666)
    secret = create_password()
    assert read_password() == secret
    assert S_IMODE(FILE.stat().st_mode) == 0o600
    user, _, word = secret.partition(":")
    assert user == "ballast"
    assert len(word) >= 32
    assert create_password() != secret


HERE = ({"PREFECT_API_URL": "http://127.0.0.1:4300/api"}, {"PREFECT_API_URL": "http://localhost:4200/api"})
ELSEWHERE: tuple[dict[str, str], ...] = (
    {"PREFECT_API_URL": "http://127.0.0.1.evil.example/api"},
    {"PREFECT_API_URL": "https://127.0.0.1@evil.example/api"},
    {"PREFECT_API_URL": "https://evil.example/127.0.0.1"},
    {"PREFECT_API_URL": "http://[broken"},
    {"PREFECT_API_URL": "http://127.0.0.1:4200/api", "PREFECT_API_KEY": "of a cloud"},
    {},
)


@pytest.mark.parametrize("said", [*HERE, *ELSEWHERE])
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_no_other_machine_gets_the_password(
    folder: Path, said: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FILE.parent.mkdir(parents=True)
    secret = create_password()
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "")
    if place == ".env":
        (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in said.items()))
    else:
        for name, value in said.items():
            monkeypatch.setenv(name, value)
    sign_in()
    assert os.environ["PREFECT_API_AUTH_STRING"] == (secret if said in HERE else "")


@pytest.mark.usefixtures("folder")
def test_the_server_gets_an_environment_of_names_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "BALLAST_POSTGRES_URL", "PREFECT_API_KEY", "ANYTHING"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setattr(connection, "connected", lambda: os.environ | local_server_of_here())
    given = connection.server_environment()
    assert "secret" not in given.values()
    assert given["PREFECT_SERVER_API_AUTH_STRING"] == "a:b"
    assert given["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def local_server_of_here() -> dict[str, str]:
    return {"PREFECT_API_AUTH_STRING": "a:b", "PREFECT_API_URL": "http://127.0.0.1:4200/api"}
