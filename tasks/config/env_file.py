"""The settings file `.env` of the working folder: where its lines stand, and how mistakes in settings are reported.

pydantic-settings reads it, after the environment, which takes precedence. It may have lines of other programs.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sql.files.plain_files import read_text
from tasks.config.field_descriptions import explain
from tasks.errors import ConfigError
from tasks.text import PAGE, nearest

ENV_FILE = Path(".env")
PREFIX = "BALLAST_"
_MOST_BYTES = 1_000_000
_ALIKE = 0.8
"""How alike two variables must be to be taken for a typing error: all begin with the same letters."""

_LINE = re.compile(rf"\s*(?:export\s+)?({PREFIX}\w+)\s*=", re.IGNORECASE)
_READ_BY_OTHERS = (
    *("ALERT_WEBHOOK", "ALERT_EMAIL", "CONFIG_FOLDER", "INBOX_FOLDER", "DATABASE_PASSWORD"),
    *("LAKE_DATABASE_PASSWORD", "S3_KEY", "S3_SECRET"),
)
"""What `ballast deploy` and the compose files take from the environment: no settings, but no mistakes either."""


def variable(name: str) -> str:
    """Return the variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def require_readable() -> None:
    """Look at the file before others read it whole. *Raises* `ConfigError`, also for a pipe, a device, a huge file."""
    _lines()


def require_known(settings: Iterable[str]) -> None:
    """Compare the names of our lines with the settings.

    *Raises* `ConfigError` with the line and the nearest name, and as `require_readable` does.
    """
    names = [variable(name) for name in settings]
    known = {*names, *map(variable, _READ_BY_OTHERS)}
    found = [(f"{ENV_FILE}:{line}: {name}", name) for line, name in _lines() if name not in known]
    if found:
        raise _as_error([f"{what} is unknown; {nearest(name, names, _ALIKE) or f'see {PAGE}'}" for what, name in found])


def explain_settings(model: type[BaseModel], errors: Iterable[Any]) -> ConfigError:
    """Return pydantic's errors about settings in words: each with its variable, and where that is set."""
    lines = {name: line for line, name in _lines()}
    return _as_error([_sentence(model, error, lines) for error in errors])


def _sentence(model: type[BaseModel], error: Any, lines: dict[str, int]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    setting = str(error["loc"][0])
    name = variable(setting)
    place = f"{ENV_FILE}:{lines[name]}" if name in lines and name not in os.environ else "environment"
    sentence = explain(error, model, is_secret="url" in setting)
    return f"{place}: {name}{sentence.removeprefix(setting)}"


def _lines() -> list[tuple[int, str]]:
    """Return the number and the name of each of our lines."""
    try:
        text = read_text(ENV_FILE, _MOST_BYTES)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{ENV_FILE} cannot be read: {error}"
        raise ConfigError(msg) from error
    found = [(number, _LINE.match(line)) for number, line in enumerate(text.splitlines(), start=1)]
    return [(number, one[1].upper()) for number, one in found if one]


def _as_error(sentences: Sequence[str]) -> ConfigError:
    if len(sentences) == 1:
        return ConfigError(sentences[0])
    return ConfigError("\n".join([f"{len(sentences)} mistakes in the settings:", *sentences]))
