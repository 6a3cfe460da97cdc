"""What stands at the path of a file and is none: a pipe, a device, a folder; a file that is larger than it can be."""

import os
import socket
from io import BufferedReader
from pathlib import Path

import pytest

from sql.engine.connections import read_file
from sql.engine.owners import kept_id
from sql.errors import WarehouseError
from sql.files.atomic_files import noted
from sql.files.plain_files import NotAFileError, open_file, read_text, require_file
from sql.snapshot_reader import reading_snapshot
from sql.warehouse import Warehouse


@pytest.fixture(params=["pipe", "socket", "folder", "device", "link"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "x"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "device":
        return Path("/dev/zero")
    else:
        path.symlink_to("/dev/zero")
    return path


def test_what_is_no_file_is_said_at_once(special: Path) -> None:
    for look in (require_file, open_file, lambda path: read_text(path, 10)):
        with pytest.raises(NotAFileError, match=r"it is a (pipe|socket|folder|device), not a file"):
            look(special)


def test_a_warehouse_or_a_snapshot_that_is_no_file_is_said_at_once(special: Path, tmp_path: Path) -> None:
    for warehouse in (Warehouse(special, special, tmp_path), Warehouse(tmp_path / "none", special, tmp_path)):
        with pytest.raises(WarehouseError, match="not a file"), reading_snapshot(warehouse):
            pass
    with pytest.raises(WarehouseError, match="not a file"):
        Warehouse(special, special, tmp_path).query("halts_in_force")
    with pytest.raises(WarehouseError, match="not a file"), read_file(special, "SELECT 1", {}, 10):
        pass


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("a\r\nb\u00e9".encode())
    assert read_text(path, 6) == "a\nb\u00e9"
    with pytest.raises(NotAFileError, match="more than 5 bytes"):
        read_text(path, 5)
    path.write_bytes(b"")
    assert read_text(path, 0) == ""
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "none", 5)


def test_what_would_wait_for_more_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pipe without a writer's word answers as /proc/kmsg does, which calls itself a plain file.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr("sql.files.plain_files._require_file", lambda _: None)
    writer = os.open(pipe, os.O_RDWR)
    try:
        with open_file(pipe) as file, pytest.raises(NotAFileError, match="waits for more"):
            file.read(4)
        with BufferedReader(open_file(pipe)) as buffered, pytest.raises(NotAFileError, match="waits for more"):
            buffered.read(4)
        with pytest.raises(NotAFileError, match="waits for more"):
            read_text(pipe, 10)
    finally:
        os.close(writer)


def test_pipes_where_ballast_keeps_small_files_hold_nothing_up(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.touch()
    note = tmp_path / "note"
    for path in (tmp_path / "live.id", note):
        os.mkfifo(path)
    assert kept_id(live) is None
    with noted(note, tmp_path):
        pass
