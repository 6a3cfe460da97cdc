"""Messages for errors of a lake: what happened and what to do, without a password.

What does not belong here: raising.
"""

import re
from collections.abc import Callable
from typing import Final

_STATEMENT: Final = re.compile(r'(Failed to (?:execute|prepare|fetch|copy)[^"]*|query) ".*"\s*:', re.DOTALL)
"""DuckDB shows the statement that it sent, which may be as long as a commit."""
_LOGIN: Final = re.compile(
    r"\b(password|passfile|sslpassword|secret|key_id|session_token)\s*=\s*('[^']*'|\S+)", re.IGNORECASE
)
_CUT: Final = re.compile(r"\n\s*\n|\nLINE |\nThis limit|\nCandidate bindings|\nHint")
_LONGEST: Final = 400

_MESSAGES: Final = {
    r"DATA_PATH parameter .* does not match": (
        "the catalog is of a lake with another data path than {data}. Nothing was changed: correct BALLAST_LAKE_DATA, "
        "or give the lake a schema of its own with BALLAST_LAKE_SCHEMA"
    ),
    r"does not exist, and creating|CREATE_IF_NOT_EXISTS|Existing DuckLake at metadata catalog": (
        "there is no lake. Nothing was changed: make it with `ballast db migrate`, or correct the address"
    ),
    r"version mismatch|DuckLake version|ducklake.*not supported": (
        "the catalog is of another version of DuckLake: {reason}. Nothing was changed: install the extra `scale` of "
        "the release that wrote it"
    ),
    r"HTTP|S3|Could not establish connection|Unable to connect to URL|AccessDenied|NoSuchBucket": (
        "the data path {data} cannot be read or written: {reason}. What was not finished was rolled back: correct the "
        "address, the keys or the rights, and run again"
    ),
    r"Permission denied|Read-only file system|No space left|Cannot open file|Could not (?:write|create|f?sync)"
    r"|Failed to create directory|Not a directory|File exists|No such file": (
        "the data path {data} cannot be read or written: {reason}. What was not finished was rolled back: correct the "
        "cause and run again"
    ),
    r"Out of Memory": (
        "DuckDB may take no more memory: {reason}. What was not finished was rolled back: raise BALLAST_MEMORY_LIMIT "
        "and run again"
    ),
    r"with name \w+ does not exist|Referenced (?:column|table)|does not have a column named": (
        "it lacks something that this code needs: {reason}. Nothing was changed: `ballast db migrate` says what to do"
    ),
}
_OTHERWISE: Final = "{reason}. What was not finished was rolled back: correct the cause and run again"


def explain_lake(name: str, data: str, error: Exception, without_secrets: Callable[[str], str]) -> str:
    """Return one sentence: what happened to the lake, and what to do."""
    text = str(error)
    message = next((words for pattern, words in _MESSAGES.items() if re.search(pattern, text)), _OTHERWISE)
    reason = _LOGIN.sub(r"\1=***", _first_sentence(_STATEMENT.sub(r"\1:", text)))
    return without_secrets(f"lake {name}: {message.format(data=data, reason=reason)}")


def _first_sentence(text: str) -> str:
    reason = " ".join(_CUT.split(text, maxsplit=1)[0].split()).rstrip(".")
    return reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]} ..."
