"""Where files are: here, or behind a URL that fsspec opens. A secret is never part of what is shown."""

import glob
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Self, TypeAlias

import fsspec
from fsspec.core import url_to_fs

from sql.files.plain_files import NotAFileError, open_file
from tasks.config.feeds import VARIABLE, with_environment, without_secrets
from tasks.errors import SourceError, SourceUnavailableError
from tasks.sources.deadlines import within
from tasks.text import readable

_COPY_BYTES = 8 << 20
_GLOB = re.compile(r"[*?\[]")
_WEB_GLOB = re.compile(r"\*")
"""In the address of a page, ? begins its query and [ its host."""
_EXTRAS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs", "sftp": "paramiko"}
_GONE = (404, 410)

_Files: TypeAlias = fsspec.AbstractFileSystem


@dataclass(frozen=True)
class Place:
    """One file. `shown` is how it is named and stored; `_files` opens `path`, and may know secrets."""

    shown: str
    path: str = field(repr=False)
    _files: _Files = field(repr=False)
    _seconds: float = field(default=0, repr=False)
    """The longest wait for it, where it is elsewhere."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rstrip("/").rpartition("/")[2].partition("?")[0]

    @property
    def is_here(self) -> bool:
        """Whether it is a file of this machine."""
        return _is_here(self._files)

    def _open(self) -> Any:  # noqa: ANN401 - fsspec has no types
        # One request from beginning to end: pieces could be of two deliveries.
        options = {"block_size": 0} if _is_web(self._files) else {}
        return self._files.open(self.path, "rb", **options)

    def _copy_to(self, copy: Any) -> str:  # noqa: ANN401 - a temporary file
        with self._open() as file:
            digest = _hash(file, copy)
        copy.flush()
        return digest

    @contextmanager
    def fetched(self) -> Iterator["Fetched"]:
        """Return its content as a file of this machine, and the SHA-256 of it; nothing holds the whole.

        *Raises* `SourceError` when there is none or no end of it, `SourceUnavailableError` when it cannot be reached.
        """
        if self.is_here:
            with _our_errors(self.shown), open_file(Path(self.path)) as file:
                stamp = _stamp(Path(self.path))
                digest = _hash(file, None)
            yield Fetched(Path(self.path), digest, stamp)
            return
        with tempfile.NamedTemporaryFile(prefix="ballast-", suffix=self.name[-20:]) as copy:
            with _our_errors(self.shown):
                digest = within(self._seconds, self.shown, lambda: self._copy_to(copy))
            yield Fetched.of(Path(copy.name), digest)


@dataclass(frozen=True)
class Fetched:
    """A file of this machine, the SHA-256 of its content, and its size and time when that was taken."""

    path: Path
    sha256: str
    stamp: tuple[int, int]

    @classmethod
    def of(cls, path: Path, sha256: str) -> Self:
        """Note the file as it is now."""
        return cls(path, sha256, _stamp(path))

    def require_unchanged(self) -> None:
        """Make sure that what was read is what was hashed. *Raises* `SourceUnavailableError`."""
        if _stamp(self.path) != self.stamp:
            msg = "changed while it was read: write it beside its place and rename it, then run again"
            raise SourceUnavailableError(msg)


def local_place(path: Path) -> Place:
    """Name a file of this machine."""
    return Place(readable(path), str(path), fsspec.filesystem("file"))


def find_places(address: str, seconds: float) -> tuple[tuple[Place, ...], bool]:
    """Return the file at the address, the files that a glob matches, or those of a folder, and whether it is a folder.

    The files come in the order of their names.
    Only what the address writes itself is a glob: neither the working folder nor a variable of the environment is.
    *Raises* `SourceError` for an address that cannot be used, `SourceUnavailableError` for one that does not answer.
    """
    shown = without_secrets(readable(address))
    files, path = _open(address, shown)
    with _our_errors(shown):
        found, is_folder = (
            _find(files, path, address)
            if _is_here(files)
            else within(seconds, shown, lambda: _find(files, path, address))
        )
    if found is None:
        return (Place(shown, path, files, seconds),), False
    return tuple(Place(readable(_shown(address, files, one)), one, files, seconds) for one in found), is_folder


def _find(files: _Files, path: str, address: str) -> tuple[list[str] | None, bool]:
    """Find what a glob matches, or what a folder holds; None: the address is that of one file."""
    files.invalidate_cache()
    if (_WEB_GLOB if _is_web(files) else _GLOB).search(VARIABLE.sub("", address)):
        return _matching(files, path, address), False
    # Elsewhere than here a folder ends with a slash, since to ask may mean to fetch the file.
    if path.endswith("/") or (_is_here(files) and Path(path).is_dir()):
        return sorted(str(one) for one in files.ls(path, detail=False)), True
    return None if _is_there(files, path) else [], False


def _matching(files: _Files, path: str, address: str) -> list[str]:
    if _is_web(files):
        return sorted(str(one) for one in files.glob(path))
    pattern = with_environment(address, glob.escape)
    if not _is_here(files):
        return sorted(str(one) for one in files.glob(url_to_fs(pattern)[1]))
    pattern = re.sub(r"^(?:file|local)://", "", pattern)
    if pattern.startswith("~"):
        home, slash, rest = pattern.partition("/")
        pattern = glob.escape(str(Path(home).expanduser())) + slash + rest
    return sorted(str(Path(one).absolute()) for one in glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute too


def _is_there(files: _Files, path: str) -> bool:
    """Look for a file. What is forbidden or does not answer is not taken for a file that is not there."""
    if _is_here(files):
        return os.path.lexists(path)
    try:
        files.info(path)
    except FileNotFoundError as error:
        cause = error.__cause__
        is_gone = isinstance(cause, FileNotFoundError | None) or getattr(cause, "status", None) in _GONE
        if is_gone or not isinstance(cause, Exception) or not _is_web(files):
            return False
        raise cause from None
    return True


def _is_here(files: _Files) -> bool:
    return "file" in files.protocol


def _is_web(files: _Files) -> bool:
    return "http" in files.protocol


def _open(address: str, shown: str) -> tuple[_Files, str]:
    scheme = address.partition("://")[0] if "://" in address else "file"
    try:
        files, path = url_to_fs(with_environment(address))
    except ImportError:
        package = _EXTRAS.get(scheme, f"fsspec's package for {scheme}")
        msg = f"{shown}: {scheme}:// needs a package that is not installed: pip install {package}"
        raise SourceError(msg) from None
    except ValueError:
        msg = f"{shown}: {scheme}:// is no kind of address that is known: expected a path, https://, s3:// or the like"
        raise SourceError(msg) from None
    return files, str(path) + ("/" if address.endswith("/") and not str(path).endswith("/") else "")


def _shown(address: str, files: _Files, path: str) -> str:
    """Name a file that was found, without what the environment filled in."""
    shown = without_secrets(path if _is_here(files) else files.unstrip_protocol(path))
    for name in VARIABLE.findall(address):
        shown = shown.replace(os.environ[name], f"${{{name}}}") if os.environ[name] else shown
    return shown


def _hash(file: BinaryIO, copy: Any) -> str:  # noqa: ANN401 - a temporary file
    digest = hashlib.sha256()
    while block := file.read(_COPY_BYTES):
        digest.update(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@contextmanager
def _our_errors(shown: str) -> Iterator[None]:
    """Raise what a file system raises as our errors, without its words: they may hold the address with its secrets."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - every fsspec file system has errors of its own
        _raise_as_ours(shown, error)


def _raise_as_ours(shown: str, error: Exception) -> NoReturn:
    status = getattr(error, "status", None)
    if isinstance(error, NotAFileError):
        msg = f"{shown} cannot be read: {error}. Deliver a plain file there, or correct the path"
        raise SourceError(msg) from None
    if isinstance(error, FileNotFoundError) and error.filename and os.path.lexists(error.filename):
        msg = f"{shown} is a link to a file that is not there: deliver that, or take the link away"
        raise SourceError(msg) from None
    if isinstance(error, FileNotFoundError) or status in _GONE:
        what = "folder" if shown.endswith("/") else "file"
        msg = f"no {what} at {shown}: correct the path, or deliver it"
        raise SourceError(msg) from None
    number = error.errno if isinstance(error, OSError) else None
    reason = f"status {status}" if status else os.strerror(number) if number else type(error).__name__
    msg = f"{shown} cannot be read ({reason}): see that it can be reached and may be read, and run again"
    raise SourceUnavailableError(msg) from None
