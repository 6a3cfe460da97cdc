"""Read a YAML file that a person wrote, and tell its mistakes with the nearest known name."""

from collections.abc import Hashable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import ConfigError


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML takes the last of two equal keys in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                msg = f"{key} is given {keys.count(key)} times"
                raise yaml.constructor.ConstructorError(problem=msg, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_sections(path: Path, sections: Sequence[str]) -> dict[str, Any]:
    """Give the content of the file; its sections are checked later. *Raises* `ConfigError`, also when it is missing."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        msg = f"no portfolio config at {path}: give its path with --config or BALLAST_CONFIG"
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ConfigError(msg) from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        msg = f"{path}{line}: not YAML: {error.problem}"
        raise ConfigError(msg) from None
    if not isinstance(content, dict):
        got = "nothing" if content is None else repr(content)
        msg = f"{path}: expected the sections {' and '.join(sections)}, got {got}"
        raise ConfigError(msg)
    return content


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known one, or else with all of them."""
    nearest = get_close_matches(str(name), list(known), n=1)
    return f"{what} is unknown" + (
        f"; did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(sorted(known))}"
    )


def worded(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """Put one of pydantic's errors into a sentence, with what was given."""
    place = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}, got {error['input']!r}" if place else message


def mistakes(path: Path, problems: Sequence[str]) -> ConfigError:
    """Give the error that tells all that is wrong with the file."""
    counted = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return ConfigError(f"{path}: {counted}: " + "; ".join(problems))
