"""Read portfolios.yaml: `defaults`, `portfolios`, each a partial `RebalancingLimits`, `feeds` and `calendar`.

Very many portfolios stand in a table beside it, `portfolios_file`, and what they have in common in `limit_sets`.
Beside its limits a portfolio has terms: the exchange whose days count, and when approval is required for its targets.
Every mistake of the file is reported at once, with its line and the nearest known name. Nothing is guessed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl
from pydantic import ValidationError

from sizing import RebalancingLimits
from sizing.approval import ApprovalPolicy
from sizing.names import fault
from sizing.text import listed
from tasks.config.calendar import SECTION as CALENDARS
from tasks.config.calendar import parse_calendars
from tasks.config.feeds import Feeds, parse_feeds
from tasks.config.field_descriptions import explain, shown
from tasks.config.limit_layers import PRESET, Layers, Written, problems_of_preset
from tasks.config.portfolios_file import LIMIT_SETS, NO_ROWS, PortfoliosFileError, find_faults, read_portfolios_file
from tasks.config.portfolios_file import SECTION as PORTFOLIOS_FILE
from tasks.config.yaml_file import Document, Problem, read_document
from tasks.errors import ConfigError
from tasks.text import shown as quoted
from tasks.text import unknown
from tasks.trading_calendar import exchange_of, find_calendar

_SECTIONS = ("defaults", "portfolios", LIMIT_SETS, PORTFOLIOS_FILE, "feeds", CALENDARS)
_EXPECTED = (
    "expected a mapping `portfolios` with at least one portfolio, or a `portfolios_file` with `limit_sets`, and "
    "optional `defaults`"
)
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
    """The content of the file; `notes` is what is allowed but may surprise, `document` has the places.

    `limits` and `terms` have every portfolio. `limit_sets` are those of the table of portfolios, `set_of` has the name
    of the set of each of its portfolios: what is said of a set is said once.
    """

    document: Document
    feeds: Feeds
    limits: dict[str, RebalancingLimits]
    terms: dict[str, PortfolioSettings]
    default_terms: PortfolioSettings
    notes: tuple[Problem, ...]
    limit_sets: dict[str, RebalancingLimits]
    set_of: dict[str, str]


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
    """Return the content of the file, and of the table that it names. *Raises* `ConfigError` with all mistakes."""
    document = read_document(path, _SECTIONS)
    content = document.content
    problems = [
        Problem((name,), unknown(f"section {name}", name, _SECTIONS)) for name in content if name not in _SECTIONS
    ]
    feeds, found = parse_feeds(content.get("feeds"))
    problems += found
    sections = {name: content.get(name) or {} for name in ("defaults", LIMIT_SETS, "portfolios")}
    written = content.get(PORTFOLIOS_FILE)
    wrong = [name for name, one in sections.items() if not isinstance(one, dict)]
    if wrong or not (sections["portfolios"] or written is not None):
        place = wrong[0] if wrong else "defaults" if sections["portfolios"] else "portfolios"
        document.require_none([*problems, Problem((place,), _EXPECTED)])
    defaults = sections["defaults"]
    problems += _problems_of_names(("defaults",), "defaults", defaults)
    calendars, found, notes = parse_calendars(content.get(CALENDARS))
    problems += found
    default_terms, found = _terms(("defaults",), "defaults", defaults, PortfolioSettings(calendars=calendars))
    problems += [*found, *Layers(defaults).wrong_values()]
    reader = _Reader(defaults, default_terms, problems, notes)
    sets = reader.read(LIMIT_SETS, "limit set", sections[LIMIT_SETS])
    own = reader.read("portfolios", "portfolio", sections["portfolios"])
    rows = _read_rows(path, written, sections[LIMIT_SETS], sections["portfolios"], problems)
    document.require_none(problems)
    set_of = dict(rows.select("portfolio_id", "limit_set").iter_rows())
    unused = sorted({*sets}.difference(set_of.values()))
    if unused:
        notes.append(Problem((LIMIT_SETS, unused[0]), f"limit sets that no portfolio has: {listed(unused)}"))
    return ConfigFile(
        *(document, feeds),
        {name: one.limits for name, one in own.items()} | {name: sets[one].limits for name, one in set_of.items()},
        {name: one.terms for name, one in own.items()} | {name: sets[one].terms for name, one in set_of.items()},
        *(default_terms, tuple(notes)),
        {name: one.limits for name, one in sets.items()},
        set_of,
    )


class _Written(NamedTuple):
    """What a portfolio, or a set of limits, writes."""

    limits: RebalancingLimits
    terms: PortfolioSettings


class _Reader:
    """Reads mappings of limits by name, under the same defaults: what is written alike is parsed once and shared."""

    def __init__(
        self, defaults: Written, default_terms: PortfolioSettings, problems: list[Problem], notes: list[Problem]
    ) -> None:
        self._defaults, self._default_terms = defaults, default_terms
        self._problems, self._notes = problems, notes
        self._shared: dict[str, RebalancingLimits] = {}

    def read(self, section: str, noun: str, written: Written) -> dict[str, _Written]:
        """Return what is written under each name of the section, and report what is wrong with it."""
        read = {}
        for name, one in written.items():
            keys, who = (section, name), f"{noun} {quoted(name)}"
            self._problems += [Problem(keys, f"{who}: {message}") for message in [fault(name)] if message]
            if not isinstance(one, dict | None):
                self._problems.append(Problem(keys, f"{who}: expected limits, got {shown(one)}"))
                continue
            own = one or {}
            layers, text = Layers(self._defaults, own, keys, who), repr(own)
            wrong = () if text in self._shared else layers.problems()
            terms, found = _terms(keys, who, own, self._default_terms)
            self._problems += [*_problems_of_names(keys, who, own), *wrong, *found]
            self._notes += layers.lifted()
            if not wrong:
                self._shared.setdefault(text, layers.limits())
                read[name] = _Written(self._shared[text], terms)
        return read


def _read_rows(
    path: Path, written: object, sets: Written, portfolios: Written, problems: list[Problem]
) -> pl.DataFrame:
    """Return `portfolio_id, limit_set` of the table that the file names, and report what is wrong with it."""
    keys = (PORTFOLIOS_FILE,)
    if written is None:
        if sets:
            message = f"{LIMIT_SETS} are those of a {PORTFOLIOS_FILE}, and there is none: name it, or leave them out"
            problems.append(Problem((LIMIT_SETS,), message))
        return NO_ROWS
    if not isinstance(written, str) or not written:
        message = f"{PORTFOLIOS_FILE}: expected a path, such as portfolios.csv, got {shown(written)}"
        problems.append(Problem(keys, message))
        return NO_ROWS
    try:
        rows = read_portfolios_file(path.parent / written)
    except PortfoliosFileError as error:
        problems.append(Problem(keys, f"{PORTFOLIOS_FILE}: {error}"))
        return NO_ROWS
    problems += [Problem(keys, f"{PORTFOLIOS_FILE} {written}: {one}") for one in find_faults(rows, sets, portfolios)]
    return rows


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
