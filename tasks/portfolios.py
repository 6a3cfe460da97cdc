"""Read portfolios.yaml: shared `defaults`, then `portfolios`, each a partial `RebalancingLimits`, and `feeds`.

Beside its limits a portfolio has terms: the exchange whose days count, and when a person has to approve its targets.
Every mistake of the file is told at once, with the nearest known name. Nothing is guessed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from tasks.config_file import mistakes, read_sections, unknown, worded
from tasks.errors import ConfigError
from tasks.feeds import Feeds, parse_feeds
from tasks.trading_days import exchange_time_zone

_SECTIONS = ("defaults", "portfolios", "feeds")
_TERMS = ("exchange", "approval")
_WORDS_FOR_POLICIES = {"always": ApprovalPolicy(always=True), "never": None}


class Terms(NamedTuple):
    """How a portfolio is run: its exchange, None is that of the installation, and when its targets wait for a person.

    No limits: they are no part of what makes two runs the same.
    """

    exchange: str | None = None
    approval: ApprovalPolicy | None = None


class Portfolios(NamedTuple):
    """The portfolios of a run: the limits and the terms of each, by portfolio_id."""

    limits: dict[str, RebalancingLimits]
    terms: dict[str, Terms]


class _File(NamedTuple):
    limits: dict[str, RebalancingLimits]
    terms: dict[str, Terms]
    default_terms: Terms


def load_portfolios(path: Path) -> dict[str, RebalancingLimits]:
    """Give the limits of every portfolio of the file, by portfolio_id.

    *Raises* `ConfigError` that lists everything wrong with the file.
    """
    return _read(path).limits


def load_with_terms(path: Path, given: Mapping[str, RebalancingLimits] | None = None) -> Portfolios:
    """Give limits and terms of the portfolios that are given, or else of those of the file, which is read once.

    A given one that the file does not name has the terms of its `defaults`; without a file, nothing is said about any.
    *Raises* `ConfigError` that lists everything wrong with the file.
    """
    if given and not path.exists():
        return Portfolios(dict(given), dict.fromkeys(given, Terms()))
    file = _read(path)
    limits = dict(given or file.limits)
    return Portfolios(
        limits, {portfolio_id: file.terms.get(portfolio_id, file.default_terms) for portfolio_id in limits}
    )


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


def _read(path: Path) -> _File:
    content = read_sections(path, _SECTIONS)
    problems = [unknown(f"section {name}", name, _SECTIONS) for name in content if name not in _SECTIONS]
    problems += parse_feeds(content.get("feeds"))[1]
    defaults, portfolios = content.get("defaults") or {}, content.get("portfolios") or {}
    if not isinstance(defaults, dict) or not isinstance(portfolios, dict) or not portfolios:
        problems.append("expected a mapping `portfolios` with at least one portfolio, and optional `defaults`")
        raise mistakes(path, problems)
    problems += _unknown_names("defaults", defaults)
    default_terms, found = _terms("defaults", defaults, Terms())
    problems += found
    limits, terms = {}, {}
    for name, own in portfolios.items():
        if not isinstance(own, dict | None):
            problems.append(f"portfolio {name}: expected limits, got {own!r}")
            continue
        where = f"portfolio {name}"
        problems += _unknown_names(where, own or {})
        own_terms, found = _terms(where, own or {}, default_terms)
        problems += found
        terms[str(name)] = own_terms
        known = {
            key: value for key, value in {**defaults, **(own or {})}.items() if key in RebalancingLimits.model_fields
        }
        try:
            limits[str(name)] = RebalancingLimits(**known)
        except ValidationError as error:
            problems += [f"{where}: {worded(one)}" for one in error.errors()]
    if problems:
        raise mistakes(path, problems)
    return _File(limits, terms, default_terms)


def _terms(where: str, own: Mapping[str, Any], defaults: Terms) -> tuple[Terms, list[str]]:
    """Give the terms that are written here, the others from the defaults, and what is wrong with them."""
    exchange, approval = defaults
    problems = []
    if "exchange" in own:
        exchange = own["exchange"]
        problems += _problems_of_exchange(where, exchange)
    if "approval" in own:
        approval, found = _policy(where, own["approval"])
        problems += found
    return Terms(exchange, approval), problems


def _problems_of_exchange(where: str, exchange: object) -> list[str]:
    if not isinstance(exchange, str):
        return [f"{where}: exchange: expected an ISO 10383 code such as XNYS, got {exchange!r}"]
    try:
        exchange_time_zone(exchange)
    except ConfigError as error:
        return [f"{where}: {error}"]
    return []


def _policy(where: str, said: object) -> tuple[ApprovalPolicy | None, list[str]]:
    if isinstance(said, str) and said in _WORDS_FOR_POLICIES:
        return _WORDS_FOR_POLICIES[said], []
    if not isinstance(said, dict):
        names = ", ".join(ApprovalPolicy.model_fields)
        return None, [f"{where}: approval: expected always, never or a mapping of {names}, got {said!r}"]
    known = ApprovalPolicy.model_fields
    strangers = [unknown(f"{where}: approval {name}", name, known) for name in said if name not in known]
    if strangers:
        return None, strangers
    try:
        return ApprovalPolicy(**said), []
    except ValidationError as error:
        return None, [f"{where}: approval: {worded(one)}" for one in error.errors()]


def _unknown_names(where: str, own: Mapping[str, Any]) -> list[str]:
    known = (*RebalancingLimits.model_fields, *_TERMS)
    return [unknown(f"{where}: limit {name}", name, known) for name in own if name not in known]
