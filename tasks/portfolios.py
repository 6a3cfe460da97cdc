"""Read portfolios.yaml: shared `defaults`, then `portfolios`, each a partial `RebalancingLimits`.

Every mistake of the file is told at once, with the nearest known name. Nothing is guessed.
"""

from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sizing import RebalancingLimits
from tasks.errors import ConfigError

_SECTIONS = ("defaults", "portfolios")


def load_portfolios(path: Path) -> dict[str, RebalancingLimits]:
    """Give the limits of every portfolio of the file, by portfolio_id.

    *Raises* `ConfigError` that lists everything wrong with the file.
    """
    content = _read(path)
    problems = [_unknown(f"section {name}", name, _SECTIONS) for name in content if name not in _SECTIONS]
    defaults, portfolios = content.get("defaults") or {}, content.get("portfolios") or {}
    if not isinstance(defaults, dict) or not isinstance(portfolios, dict) or not portfolios:
        problems.append("expected a mapping `portfolios` with at least one portfolio, and optional `defaults`")
        raise ConfigError(_message(path, problems))
    problems += _unknown_limits("defaults", defaults)
    limits = {}
    for name, own in portfolios.items():
        if not isinstance(own, dict | None):
            problems.append(f"portfolio {name}: expected limits, got {own!r}")
            continue
        found = _unknown_limits(f"portfolio {name}", own or {})
        problems += found
        known = {
            key: value for key, value in {**defaults, **(own or {})}.items() if key in RebalancingLimits.model_fields
        }
        try:
            limits[str(name)] = RebalancingLimits(**known)
        except ValidationError as error:
            problems += [f"portfolio {name}: {_worded(one)}" for one in error.errors()]
    if problems:
        raise ConfigError(_message(path, problems))
    return limits


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML takes the last of two equal keys in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                msg = f"{key} is given {keys.count(key)} times"
                raise yaml.constructor.ConstructorError(problem=msg, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
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
        msg = f"{path}: expected the sections {' and '.join(_SECTIONS)}, got {got}"
        raise ConfigError(msg)
    return content


def _unknown_limits(where: str, limits: dict[str, Any]) -> list[str]:
    known = RebalancingLimits.model_fields
    return [_unknown(f"{where}: limit {name}", name, known) for name in limits if name not in known]


def _unknown(what: str, name: object, known: Iterable[str]) -> str:
    nearest = get_close_matches(str(name), list(known), n=1)
    return f"{what} is unknown" + (
        f"; did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(sorted(known))}"
    )


def _worded(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    place = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}, got {error['input']!r}" if place else message


def _message(path: Path, problems: list[str]) -> str:
    counted = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return f"{path}: {counted}: " + "; ".join(problems)
