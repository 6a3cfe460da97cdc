"""Open what must be a plain file: a pipe, a device or a socket may never end, or wait for a writer."""

import os
import stat
from collections.abc import Callable, Mapping
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_Answer = TypeVar("_Answer", int, bytes)

_KINDS: Mapping[str, Callable[[int], bool]] = {
    "a folder": stat.S_ISDIR,
    "a pipe": stat.S_ISFIFO,
    "a socket": stat.S_ISSOCK,
    "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
}


class NotAFileError(OSError):
    """The path is no plain file, or is larger than such a file can be. The message says what it is."""


class _PlainFile(FileIO):
    """A file that fails where a read would wait: such as `/proc/kmsg`, which only looks like a plain file."""

    def readinto(self, buffer: "WriteableBuffer") -> int:
        answer: int | None = super().readinto(buffer)
        return _require_answer(answer)

    def read(self, size: int | None = -1) -> bytes:
        answer: bytes | None = super().read(size)
        return _require_answer(answer)


def open_file(path: Path) -> FileIO:
    """Open a plain file for reading, without a wait. *Raises* `NotAFileError`, or another `OSError`."""
    _require_file(path.stat().st_mode)  # a device may act on being opened
    file = _PlainFile(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "r")
    try:
        _require_file(os.fstat(file.fileno()).st_mode)  # a pipe may have taken its place
    except NotAFileError:
        file.close()
        raise
    return file


def read_text(path: Path, most_bytes: int) -> str:
    """Read a small plain file in UTF-8.

    *Raises* `NotAFileError`, also above `most_bytes`, another `OSError`, or `UnicodeDecodeError`.
    """
    parts, left = [], most_bytes + 1
    with open_file(path) as file:
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
    if not left:
        msg = f"it has more than {most_bytes:,} bytes"
        raise NotAFileError(msg)
    return b"".join(parts).decode().replace("\r\n", "\n").replace("\r", "\n")


def require_file(path: Path) -> None:
    """Look at what others will open. *Raises* `NotAFileError`; nothing for a path where nothing is."""
    if path.exists():
        _require_file(path.stat().st_mode)


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((kind for kind, is_kind in _KINDS.items() if is_kind(mode)), "something else")
        msg = f"it is {kind}, not a file"
        raise NotAFileError(msg)


def _require_answer(answer: _Answer | None) -> _Answer:
    if answer is None:
        msg = "it waits for more to come, as no file does"
        raise NotAFileError(msg)
    return answer
