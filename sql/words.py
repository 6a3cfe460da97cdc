"""What DuckDB says, in words that tell a person what happened and what to do. What does not belong here: raising."""

import re
from collections.abc import Mapping
from pathlib import Path

_DISK_FULL = r"No space left on device|max_temp_directory_size|ENOSPC|Errno 28"
_NO_DUCKDB = r"not a valid DuckDB database file|Is a directory"
_DAMAGED = r"Could not read enough bytes|Corrupt database file|checksum|Serialization Error|INTERNAL Error|invalidated"
_LACKING = r"with name \w+ does not exist|Referenced (?:column|table)"
_WORDS: Mapping[str, str] = {
    r"replaying WAL": (
        "the write-ahead log beside it ({path}.wal) is damaged: {said}. Neither file was changed: restore a backup "
        "with `ballast db restore`, or move the log away and run again, then what it holds is lost"
    ),
    _DISK_FULL: (
        "the disk is full: {said}. What was not finished was rolled back and nothing else is lost: free some space and "
        "run again"
    ),
    r"Out of Memory": (
        "DuckDB may take no more memory: {said}. What was not finished was rolled back: raise BALLAST_MEMORY_LIMIT and "
        "run again"
    ),
    _NO_DUCKDB: (
        "this is no DuckDB file. It was not changed: correct the path, or restore a backup with `ballast db restore`"
    ),
    r"Trying to read a database file with version": (
        "another version of DuckDB wrote this file: {said}. It was not changed: install the duckdb of requirements.lock"
    ),
    _DAMAGED: (
        "the file is damaged or cut short: {said}. It was not changed: restore a backup with `ballast db restore`, "
        "which keeps this file beside the new one"
    ),
    r"Permission denied|Read-only file system|read-only|Operation not permitted": (
        "it cannot be written: {said}. Nothing was changed: give this user the right to write the folder and the files "
        "in it, or point to another file"
    ),
    _LACKING: (
        "it lacks something that this code asks for: {said}. Nothing was changed: bring it forward with "
        "`ballast db migrate`"
    ),
}
_OTHERWISE = "{said}. What was not finished was rolled back: correct the cause and run again"


def explain(path: Path, error: Exception) -> str:
    """Say in one sentence what happened to the file at `path`, and what to do."""
    text = str(error)
    words = next((words for pattern, words in _WORDS.items() if re.search(pattern, text)), _OTHERWISE)
    return f"{path}: {words.format(path=path, said=_first_sentence(text))}"


def explain_copy(path: Path, error: Exception, advice: str) -> str:
    """As `explain`, for a copy that is only read: where it is damaged, the advice says what to do."""
    text = str(error)
    if re.search(rf"{_DAMAGED}|{_NO_DUCKDB}", text):
        return f"{path} is damaged or no DuckDB file: {advice}"
    if re.search(_LACKING, text):
        said = _first_sentence(text)
        return f"{path} is of an earlier version, {said}: bring it forward with `ballast db migrate`, then {advice}"
    return f"{path}: {_first_sentence(text)}"


def explain_query(error: Exception) -> str:
    """Say in one sentence why a person's query was refused; the file it asks is well."""
    said = _first_sentence(str(error))
    end = "" if said.endswith(("?", "!")) else "."
    return f"the query fails: {said}{end} `ballast db schema` says what can be asked"


def _first_sentence(text: str) -> str:
    """Give DuckDB's words without its hints and pictures of the query, which come after an empty line or a LINE."""
    said = re.split(r"\n\s*\n|\nLINE |\nThis limit|\nCandidate bindings", text, maxsplit=1)[0]
    return " ".join(said.split()).rstrip(".")
