"""The settings file `.env` of the working folder: where its lines stand, and how mistakes in settings are told.

pydantic-settings reads it, after the environment, which goes before. It may have lines of other programs.
"""

import os
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sql.engine.plain_files import read_text
from tasks.config.field_descriptions import explain
from tasks.config.yaml_file import PAGE
from tasks.errors import ConfigError

ENV_FILE = Path(".env")
PREFIX = "BALLAST_"
_MOST_BYTES = 1_000_000

_LINE = re.compile(rf"\s*(?:export\s+)?({PREFIX}\w+)\s*=", re.IGNORECASE)
_READ_BY_OTHERS = ("ALERT_WEBHOOK", "ALERT_EMAIL", "CONFIG_FOLDER", "INBOX_FOLDER", "DATABASE_PASSWORD")
"""What `ballast deploy` and the compose file take from the environment: no settings, but no mistakes either."""


def variable(name: str) -> str:
    """Give the variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def require_readable() -> None:
    """Look at the file before others read it whole. *Raises* `ConfigError`, also for a pipe, a device, a huge file."""
    _lines()


def require_known(settings: Iterable[str]) -> None:
    """Hold the names of our lines against the settings. *Raises* `ConfigError` with the line and the nearest name."""
    names = [name.upper() for name in settings]
    found = [(line, name.removeprefix(PREFIX)) for line, name in _lines()]
    strangers = [(line, name) for line, name in found if name not in (*names, *_READ_BY_OTHERS)]
    if strangers:
        raise _told(
            [f"{ENV_FILE}:{line}: {PREFIX}{name} is unknown; {_suggest(name, names)}" for line, name in strangers]
        )


def _suggest(name: str, names: Sequence[str]) -> str:
    nearest = get_close_matches(name, names, n=1)
    return f"did you mean {PREFIX}{nearest[0]}?" if nearest else f"see {PAGE}"


def told(model: type[BaseModel], errors: Iterable[Any]) -> ConfigError:
    """Give pydantic's errors about settings in words: each with its variable, and where that is set."""
    lines = {name: line for line, name in _lines()}
    return _told([_sentence(model, error, lines) for error in errors])


def _sentence(model: type[BaseModel], error: Any, lines: dict[str, int]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    setting = str(error["loc"][0])
    name = variable(setting)
    place = f"{ENV_FILE}:{lines[name]}" if name in lines and name not in os.environ else "environment"
    said = explain(error, model, is_secret="url" in setting)
    return f"{place}: {name}{said.removeprefix(setting)}"


def _lines() -> list[tuple[int, str]]:
    """Give the number and the name of each of our lines."""
    try:
        text = read_text(ENV_FILE, _MOST_BYTES)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{ENV_FILE} cannot be read: {error}"
        raise ConfigError(msg) from error
    found = [(number, _LINE.match(line)) for number, line in enumerate(text.splitlines(), start=1)]
    return [(number, one[1].upper()) for number, one in found if one]


def _told(sentences: Sequence[str]) -> ConfigError:
    if len(sentences) == 1:
        return ConfigError(sentences[0])
    return ConfigError("\n".join([f"{len(sentences)} mistakes in the settings:", *sentences]))
