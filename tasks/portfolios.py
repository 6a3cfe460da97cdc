"""Read portfolios.yaml: shared `defaults`, then `portfolios`, each a partial `RebalancingLimits`, and `feeds`.

Every mistake of the file is told at once, with the nearest known name. Nothing is guessed.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sizing import RebalancingLimits
from tasks.config_file import mistakes, read_sections, unknown, worded
from tasks.feeds import Feeds, parse_feeds

_SECTIONS = ("defaults", "portfolios", "feeds")


def load_portfolios(path: Path) -> dict[str, RebalancingLimits]:
    """Give the limits of every portfolio of the file, by portfolio_id.

    *Raises* `ConfigError` that lists everything wrong with the file.
    """
    content = read_sections(path, _SECTIONS)
    problems = [unknown(f"section {name}", name, _SECTIONS) for name in content if name not in _SECTIONS]
    problems += parse_feeds(content.get("feeds"))[1]
    defaults, portfolios = content.get("defaults") or {}, content.get("portfolios") or {}
    if not isinstance(defaults, dict) or not isinstance(portfolios, dict) or not portfolios:
        problems.append("expected a mapping `portfolios` with at least one portfolio, and optional `defaults`")
        raise mistakes(path, problems)
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
            problems += [f"portfolio {name}: {worded(one)}" for one in error.errors()]
    if problems:
        raise mistakes(path, problems)
    return limits


def load_feeds(path: Path) -> Feeds:
    """Give where each kind of data comes from, other than the inbox; nothing when there is no such file or section.

    *Raises* `ConfigError` that lists everything wrong with the section.
    """
    if not path.exists():
        return {}
    feeds, problems = parse_feeds(read_sections(path, _SECTIONS).get("feeds"))
    if problems:
        raise mistakes(path, problems)
    return feeds


def _unknown_limits(where: str, limits: dict[str, Any]) -> list[str]:
    known = RebalancingLimits.model_fields
    return [unknown(f"{where}: limit {name}", name, known) for name in limits if name not in known]
