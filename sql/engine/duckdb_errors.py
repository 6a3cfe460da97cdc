"""Messages for errors of DuckDB: what happened and what to do. What does not belong here: raising."""

import re
from collections.abc import Mapping
from pathlib import Path

_DISK_FULL = r"No space left on device|max_temp_directory_size|ENOSPC|Errno 28"
_UNWRITTEN = r"File too large|quota exceeded|Could not write|Could not (?:f?sync|truncate)|Input/output error"
_OUT_OF_MEMORY = r"Out of Memory"
_FORBIDDEN = r"Permission denied|Read-only file system|read-only|Operation not permitted"
_BROKEN_LOG = r"replaying WAL"
_NO_DUCKDB = r"not a valid DuckDB database file|Is a directory"
_OTHER_VERSION = r"Trying to read a database file with version"
_DAMAGED = r"Could not read enough bytes|Corrupt database file|checksum|Serialization Error|INTERNAL Error"
_SUSPECT = rf"{_DAMAGED}|invalidated"
_LACKING = r"with name \w+ does not exist|Referenced (?:column|table)|does not have a column named"
_MESSAGES: Mapping[str, str] = {
    # What cannot be written comes first: DuckDB speaks of a failed replay or an invalidated database then, too.
    _DISK_FULL: (
        "the disk is full: {reason}. What was not finished was rolled back and nothing else is lost: free some space "
        "and run again"
    ),
    _UNWRITTEN: (
        "it cannot be written: {reason}. What was not finished was rolled back and nothing else is lost: correct the "
        "cause and run again"
    ),
    _OUT_OF_MEMORY: (
        "DuckDB may take no more memory: {reason}. What was not finished was rolled back: raise BALLAST_MEMORY_LIMIT "
        "and run again"
    ),
    _FORBIDDEN: (
        "it cannot be written: {reason}. Nothing was changed: give this user the right to write the folder and the "
        "files in it, or point to another file"
    ),
    _BROKEN_LOG: (
        "the write-ahead log beside it ({path}.wal) is damaged: {reason}. Neither file was changed: restore a backup "
        "with `ballast db restore`, or move the log away and run again, then what it holds is lost"
    ),
    _NO_DUCKDB: (
        "this is no DuckDB file. It was not changed: correct the path, or restore a backup with `ballast db restore`"
    ),
    _OTHER_VERSION: (
        "another version of DuckDB wrote this file: {reason}. It was not changed: install the duckdb of "
        "requirements.lock"
    ),
    _SUSPECT: (
        "{reason}. What was not finished was rolled back: correct the cause and run again; `ballast db verify` reads "
        "every row"
    ),
    _LACKING: (
        "it lacks something that this code needs: {reason}. Nothing was changed: migrate it with `ballast db migrate`"
    ),
}
_DAMAGE = (
    "the file is damaged or cut short: {reason}. It was not changed: restore a backup with `ballast db restore`, which "
    "keeps this file beside the new one"
)
_UNUSABLE = (_BROKEN_LOG, _NO_DUCKDB, _OTHER_VERSION)
_TEMPORARY = re.compile(r"[^/\"']*\.ballast-[0-9a-f]{8}\.new/")
"""The folder of a file that is not finished: people know the file by its name without it."""

_OTHERWISE = "{reason}. What was not finished was rolled back: correct the cause and run again"


def is_suspect(error: Exception) -> bool:
    """Whether an error may come from a damaged file; to say so, the file must be read again."""
    return _find(str(error)) == _SUSPECT


def is_damage(error: Exception) -> bool:
    """Whether reading the file failed because of what is in it."""
    text = str(error).partition("Original error")[0]
    return _find(text) == _SUSPECT and bool(re.search(_DAMAGED, text))


def is_unusable(error: Exception) -> bool:
    """Whether a file or its log cannot be opened as a database of this version, whoever tries."""
    return _find(str(error)) in _UNUSABLE


def is_unwritten(error: Exception) -> bool:
    """Whether the disk or the memory refused something: no statement is wrong then."""
    return _find(str(error)) in {_DISK_FULL, _UNWRITTEN, _OUT_OF_MEMORY, _FORBIDDEN}


def explain(path: Path, error: Exception, *, is_damaged: bool = False) -> str:
    """Return one sentence: what happened to the file at `path`, and what to do. `is_damaged`: reading it failed."""
    text = str(error)
    message = _DAMAGE if is_damaged else _MESSAGES.get(_find(text), _OTHERWISE)
    return _public(f"{path}: {message.format(path=path, reason=_first_sentence(text))}")


def explain_copy(path: Path, error: Exception, advice: str, *, is_damaged: bool) -> str:
    """Return a sentence as `explain` does, for a copy that is only read: when it is damaged, with the advice."""
    text = str(error)
    reason = _first_sentence(text)
    if is_damaged or _find(text) == _NO_DUCKDB:
        return _public(f"{path} is damaged or no DuckDB file: {advice}")
    if _find(text) == _LACKING:
        return f"{path} is of an earlier version, {reason}: migrate it with `ballast db migrate`, then {advice}"
    return _public(f"{path}: {reason}")


def explain_unwritten(path: Path, reason: str) -> str:
    """Return one sentence: that a copy could not be made, whose old state stays."""
    reason = _first_sentence(reason.rpartition("Original error: ")[2])
    return _public(f"{path} cannot be written: {reason}. Nothing else was changed: correct the cause and do it again")


def _find(text: str) -> str:
    return next((pattern for pattern in _MESSAGES if re.search(pattern, text)), "")


def _public(text: str) -> str:
    return _TEMPORARY.sub("", text)


def explain_query(error: Exception) -> str:
    """Return why a query was rejected, in one sentence; its file is sound."""
    reason = _first_sentence(str(error))
    end = "" if reason.endswith(("?", "!")) else "."
    return f"the query fails: {reason}{end} `ballast db schema` lists tables and columns"


def _first_sentence(text: str) -> str:
    """Return DuckDB's message without its hints and excerpt of the query, which come after an empty line or a LINE."""
    reason = re.split(r"\n\s*\n|\nLINE |\nThis limit|\nCandidate bindings", text, maxsplit=1)[0]
    return " ".join(reason.split()).rstrip(".")
