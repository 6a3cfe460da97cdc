"""What `ballast up --scale` refuses before it starts or makes anything, each in a sentence."""

import os
import pwd
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import pytest

from flows.server.background_process import Account
from flows.server.readiness import StartError, require_port
from flows.server.scale import local_postgres, local_s3, services
from flows.server.scale.environment import POSTGRES, SECRETS, SHELL_FILE, Ports, ScaleEnvironment
from flows.server.scale.kept_secrets import ensure_secrets
from tests.helpers.command_line import typed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder that `ballast init` made, on a machine that has all that is needed and free ports."""
    for name in [name for name in os.environ if name.startswith(("BALLAST_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert typed(capsys)("init", "x")[0] == 0
    monkeypatch.chdir(tmp_path / "x")
    monkeypatch.setattr(services, "find_spec", lambda _: True)
    monkeypatch.setattr(local_s3, "find_rclone", lambda: Path("/nowhere/rclone"))
    monkeypatch.setattr(local_postgres, "find_binaries", lambda: Path("/nowhere/bin"))
    monkeypatch.setattr(services, "require_port", lambda *_: 0)
    monkeypatch.setattr("flows.server.local.require_port", lambda *_: 0)
    return tmp_path / "x"


def _break_extra(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(services, "find_spec", lambda name: name != "prefect_dask")


def _break_rclone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(local_s3, "find_rclone", lambda: None)


def _break_postgres(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(local_postgres, "find_binaries", lambda: None)


def _name_a_config_that_is_not_there(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("BALLAST_CONFIG", "nowhere.yaml")


REFUSALS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "no extra": (_break_extra, "make up-scale"),
    "no server of S3": (_break_rclone, "make up-scale"),
    "no PostgreSQL": (_break_postgres, "apt-get install postgresql"),
    "no config": (_name_a_config_that_is_not_there, "nowhere.yaml"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_missing_is_told_and_nothing_is_made(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, named = REFUSALS[what]
    spoil(monkeypatch)
    before = set(folder.rglob("*"))
    code, out, err = typed(capsys)("up", "--scale")
    assert (code, out, err.count("error:")) == (1, "", 1)
    assert named in err
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("place", range(len(Ports._fields)))
def test_a_port_that_is_taken_is_named_with_the_setting(
    folder: Path, place: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(services, "require_port", require_port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("BALLAST_SCALE_PORT", str(port - place))
        code, _, err = typed(capsys)("up", "--scale")
    assert code == 1
    assert "BALLAST_SCALE_PORT" in err
    assert not (folder / ".ballast").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "setting",
    [
        "BALLAST_LAKE_CATALOG=postgresql://ann:word@host/lake",
        "BALLAST_LAKE_DATA=/shared/lake",
        "BALLAST_DASK=tcp://host:8786",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL=postgresql+asyncpg://ann:word@host/prefect",
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_lake_or_cluster_of_somebody_else_is_left_alone(
    setting: str, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, _, value = setting.partition("=")
    if place == ".env":
        with Path(".env").open("a") as file:
            file.write(f"\n{setting}\n")
    else:
        monkeypatch.setenv(name, value)
    code, _, err = typed(capsys)("up", "--scale")
    assert code == 1
    assert name in err
    assert "word" not in err


@pytest.mark.usefixtures("folder")
def test_secrets_are_made_once_and_are_their_owners_alone() -> None:
    SECRETS.parent.mkdir(parents=True)
    made = ensure_secrets(SECRETS, POSTGRES)
    assert ensure_secrets(SECRETS, POSTGRES) == made
    assert len({*made}) == len(made)
    assert min(map(len, made)) >= 32
    assert S_IMODE(SECRETS.stat().st_mode) == 0o600


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("text", ["", "{", '{"owner": "x"}', "[1]"])
def test_secrets_that_are_gone_or_broken_never_get_others_in_their_place(text: str) -> None:
    POSTGRES.mkdir(parents=True)
    with pytest.raises(StartError, match=r"secrets.json is gone"):
        ensure_secrets(SECRETS, POSTGRES)
    SECRETS.write_text(text)
    with pytest.raises(StartError, match=r"secrets.json cannot be read"):
        ensure_secrets(SECRETS, POSTGRES)


@pytest.fixture
def environment(folder: Path) -> ScaleEnvironment:
    SECRETS.parent.mkdir(parents=True)
    SHELL_FILE.parent.mkdir(parents=True)
    assert folder.exists()
    return ScaleEnvironment(Ports.beginning_at(4210), ensure_secrets(SECRETS, POSTGRES))


def test_each_process_gets_its_own_secrets(environment: ScaleEnvironment) -> None:
    secrets, server, worker = environment.secrets, str(environment.of_server()), str(environment.of_worker())
    assert [name for name, value in secrets._asdict().items() if value in server] == ["prefect"]
    assert [name for name, value in secrets._asdict().items() if value in worker] == ["lake", "s3_key", "s3_secret"]


def test_the_file_for_a_shell_is_its_owners_and_says_what_the_worker_is_told(environment: ScaleEnvironment) -> None:
    environment.write_shell_file({"BALLAST_INBOX": "an inbox"})
    assert S_IMODE(SHELL_FILE.stat().st_mode) == 0o600
    told = dict(shlex.split(line)[0].split("=", 1) for line in SHELL_FILE.read_text().splitlines())
    server = {"PREFECT_API_URL": "http://127.0.0.1:4200/api", "PREFECT_SERVER_API_PORT": "4200"}
    assert told == environment.of_worker() | server | {"BALLAST_INBOX": "an inbox"}


def test_folders_of_the_user_stay(environment: ScaleEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLAST_EXPORT_FOLDER", "/exports")
    assert environment.of_worker()["BALLAST_EXPORT_FOLDER"] == "/exports"
    assert environment.of_worker()["BALLAST_SHARD_FOLDER"].endswith(".ballast/scale/shards")


def test_a_server_of_s3_that_asks_for_no_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> object:
        return type("Answer", (), {"is_success": True})

    monkeypatch.setattr(local_s3.httpx, "get", answer)
    with pytest.raises(StartError, match="asks for no key"):
        local_s3.answers("http://127.0.0.1:1", 1)


def test_data_are_run_by_the_version_that_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_postgres, "_DEBIAN", tmp_path)
    for version in ("9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    data = tmp_path / "data"
    data.mkdir()
    assert local_postgres.require_binaries(data) == tmp_path / "17" / "bin"
    (data / "PG_VERSION").write_text("15\n")
    assert local_postgres.require_binaries(data) == tmp_path / "15" / "bin"
    (data / "PG_VERSION").write_text("14\n")
    assert local_postgres.require_binaries(data) == tmp_path / "17" / "bin"


def test_a_folder_that_the_account_of_postgresql_may_not_enter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_postgres, "account", lambda: Account(*pwd.getpwnam("nobody")[2:4]))
    closed, data = tmp_path / "closed", tmp_path / "closed" / "own" / "scale" / "postgresql"
    data.parent.mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(StartError, match=f"may not enter {closed}"):
        local_postgres.create_data(Path("/nowhere"), data, "word")
    assert list(data.parent.iterdir()) == []
