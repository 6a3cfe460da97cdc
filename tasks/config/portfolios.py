"""Read portfolios.yaml: `defaults`, `portfolios`, each a partial `RebalancingLimits`, `feeds` and `calendar`.

Beside its limits a portfolio has terms: the exchange whose days count, and when approval is required for its targets.
Every mistake of the file is reported at once, with its line and the nearest known name. Nothing is guessed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from sizing.names import fault
from tasks.config.calendar import SECTION as CALENDARS
from tasks.config.calendar import parse_calendars
from tasks.config.feeds import Feeds, parse_feeds
from tasks.config.field_descriptions import explain, shown
from tasks.config.limit_layers import PRESET, Layers, Written, problems_of_preset
from tasks.config.yaml_file import Document, Problem, read_document
from tasks.errors import ConfigError
from tasks.text import shown as quoted
from tasks.text import unknown
from tasks.trading_calendar import exchange_of, find_calendar

_SECTIONS = ("defaults", "portfolios", "feeds", CALENDARS)
_TERMS = ("exchange", "approval", PRESET)
_WORDS_FOR_POLICIES = {"always": ApprovalPolicy(always=True), "never": None}


_AS_KNOWN: Mapping[str, str] = {}


class PortfolioSettings(NamedTuple):
    """How a portfolio is run: its exchange, None is that of the installation, and when its targets wait for approval.

    `calendars` has those exchanges of which the file says that other days count. No limits: they are no part of what
    makes two runs the same.
    """

    exchange: str | None = None
    approval: ApprovalPolicy | None = None
    calendars: Mapping[str, str] = _AS_KNOWN

    def calendar(self, otherwise: str) -> str:
        """Name the calendar whose days count; `otherwise` is the exchange of the installation."""
        exchange = self.exchange or otherwise
        return self.calendars.get(exchange, exchange)


class ConfigFile(NamedTuple):
    """The content of the file; `notes` is what is allowed but may surprise, `document` has the places."""

    document: Document
    feeds: Feeds
    limits: dict[str, RebalancingLimits]
    terms: dict[str, PortfolioSettings]
    default_terms: PortfolioSettings
    notes: tuple[Problem, ...]


def load_portfolios(path: Path) -> dict[str, RebalancingLimits]:
    """Return the limits of every portfolio of the file, by portfolio_id.

    *Raises* `ConfigError` that lists everything wrong with the file.
    """
    return read_config(path).limits


def load_feeds(path: Path) -> Feeds:
    """Return where each kind of data comes from, other than the inbox; nothing when there is no such file or section.

    *Raises* `ConfigError` that lists everything wrong with the section.
    """
    if not path.exists():
        return {}
    document = read_document(path, _SECTIONS)
    feeds, problems = parse_feeds(document.content.get("feeds"))
    document.require_none(problems)
    return feeds


def read_config(path: Path) -> ConfigFile:
    """Return the content of the file. *Raises* `ConfigError` with all mistakes."""
    document = read_document(path, _SECTIONS)
    content = document.content
    problems = [
        Problem((name,), unknown(f"section {name}", name, _SECTIONS)) for name in content if name not in _SECTIONS
    ]
    feeds, found = parse_feeds(content.get("feeds"))
    problems += found
    defaults, portfolios = content.get("defaults") or {}, content.get("portfolios") or {}
    if not isinstance(defaults, dict) or not isinstance(portfolios, dict) or not portfolios:
        message = "expected a mapping `portfolios` with at least one portfolio, and optional `defaults`"
        document.require_none([*problems, Problem(("defaults" if portfolios else "portfolios",), message)])
    problems += _problems_of_names(("defaults",), "defaults", defaults)
    calendars, found, notes = parse_calendars(content.get(CALENDARS))
    problems += found
    default_terms, found = _terms(("defaults",), "defaults", defaults, PortfolioSettings(calendars=calendars))
    problems += [*found, *Layers(defaults).wrong_values()]
    file = ConfigFile(document, feeds, {}, {}, default_terms, ())
    shared: dict[str, RebalancingLimits] = {}  # portfolios that write the same share it, for all that looks at limits
    for name, written in portfolios.items():
        keys, who = ("portfolios", name), f"portfolio {quoted(name)}"
        problems += [Problem(keys, f"{who}: {message}") for message in [fault(name)] if message]
        if not isinstance(written, dict | None):
            problems.append(Problem(keys, f"{who}: expected limits, got {shown(written)}"))
            continue
        own = written or {}
        layers, text = Layers(defaults, own, name), repr(own)
        wrong = () if text in shared else layers.problems()
        problems += [*_problems_of_names(keys, who, own), *wrong]
        file.terms[name], found = _terms(keys, who, own, default_terms)
        problems += found
        notes += layers.lifted()
        if not wrong:
            file.limits[name] = shared[text] = shared.get(text) or layers.limits()
    document.require_none(problems)
    return file._replace(notes=tuple(notes))


def _terms(
    keys: tuple[object, ...], who: str, own: Written, defaults: PortfolioSettings
) -> tuple[PortfolioSettings, list[Problem]]:
    """Return the terms that are written here, the others from the defaults, and what is wrong with them."""
    exchange, approval, calendars = defaults
    problems = []
    if "exchange" in own:
        exchange = own["exchange"]
        problems += [Problem((*keys, "exchange"), f"{who}: {message}") for message in _problems_of_exchange(exchange)]
    if "approval" in own:
        approval, found = _policy(own["approval"])
        problems += [Problem((*keys, "approval", *inner), f"{who}: {message}") for inner, message in found]
    return PortfolioSettings(exchange, approval, calendars), problems


def _problems_of_exchange(exchange: object) -> list[str]:
    if not isinstance(exchange, str) or exchange_of(exchange) != exchange:
        return [f"exchange: expected an ISO 10383 code such as XNYS, got {shown(exchange)}"]
    try:
        find_calendar(exchange)
    except ConfigError as error:
        return [str(error)]
    return []


def _policy(written: object) -> tuple[ApprovalPolicy | None, list[Problem]]:
    if isinstance(written, str) and written in _WORDS_FOR_POLICIES:
        return _WORDS_FOR_POLICIES[written], []
    known = ApprovalPolicy.model_fields
    if not isinstance(written, dict):
        expected = f"expected always, never or a mapping of {', '.join(known)}"
        return None, [Problem((), f"approval: {expected}, got {shown(written)}")]
    try:
        return ApprovalPolicy.model_validate(written), []
    except ValidationError as error:
        return None, [Problem(one["loc"], f"approval: {explain(one, ApprovalPolicy)}") for one in error.errors()]


def _problems_of_names(keys: tuple[object, ...], who: str, own: Written) -> list[Problem]:
    known = (*RebalancingLimits.model_fields, *_TERMS)
    unknown_names = [
        Problem((*keys, name), f"{who}: {unknown(f'limit {name}', name, known)}") for name in own if name not in known
    ]
    return [*unknown_names, *problems_of_preset(keys, who, own)]
