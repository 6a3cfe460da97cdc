"""Other portfolios and other limits than configured, for one command: nothing of it is kept but in its runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sizing.limits.model import RebalancingLimits
from sizing.text import first_of, grouped, listed
from tasks.config.field_descriptions import explain
from tasks.errors import UsageError
from tasks.text import all_unknown

_Limits = Mapping[str, RebalancingLimits]
_DEFAULT = "; default "
"""What `explain` ends with; of a flag the default is as configured."""


def flag(limit: str) -> str:
    """Return the flag of a limit."""
    return f"--{limit.replace('_', '-')}"


def choose_portfolios(limits: _Limits, names: Sequence[str]) -> dict[str, RebalancingLimits]:
    """Return the limits of the named portfolios, or of all where none is named.

    *Raises* `UsageError` with the nearest known name.
    """
    unknown_names = [name for name in dict.fromkeys(names) if name not in limits]
    if unknown_names:
        raise UsageError(all_unknown("--portfolio", unknown_names, limits))
    chosen = set(names or limits)
    return {name: one for name, one in limits.items() if name in chosen}


def change_limits(limits: _Limits, given: Mapping[str, Any]) -> dict[str, RebalancingLimits]:
    """Return every portfolio's limits with the given ones changed; of a mapping, the given entries; {} is none.

    *Raises* `UsageError` for a value out of bounds, and for one that contradicts a limit of a portfolio.
    """
    if not given:
        return dict(limits)
    changed, wrong = dict[int, RebalancingLimits](), dict[int, tuple[str, ...]]()
    for one in {id(one): one for one in limits.values()}.values():
        before = one.model_dump()
        wanted = {
            name: before[name] | value if value and isinstance(value, dict) else value for name, value in given.items()
        }
        try:
            changed[id(one)] = RebalancingLimits.model_validate(before | wanted)
        except ValidationError as error:
            wrong[id(one)] = tuple(_sentences(error, given))
    if wrong:
        problems = dict[str, list[str]]()
        for portfolio_id, one in limits.items():
            for sentence in wrong.get(id(one), ()):
                problems.setdefault(sentence, []).append(portfolio_id)
        sentences = [
            sentence if len(names) == len(limits) > 1 else f"{sentence} (portfolio {listed(names)})"
            for sentence, names in problems.items()
        ]
        raise UsageError("; ".join(first_of(sentences)))
    return {portfolio_id: changed[id(one)] for portfolio_id, one in limits.items()}


def describe_changes(limits: _Limits, configured: _Limits) -> tuple[str, ...]:
    """Return for each portfolio which limits differ from the configured ones, with those in brackets."""
    pairs = {name: (one, configured[name]) for name, one in limits.items() if one is not configured[name]}
    distinct = {(id(one), id(own)): (one, own) for one, own in pairs.values()}
    differences = {identities: describe_differences(*pair) for identities, pair in distinct.items()}
    differing = ((name, words) for name, (one, own) in pairs.items() if (words := differences[id(one), id(own)]))
    return tuple(f"portfolio {names}: limits other than configured: {words}" for names, words in grouped(differing))


def describe_differences(wanted: RebalancingLimits, own: RebalancingLimits) -> str:
    """Name the limits that differ, each with its own value in brackets; empty when none does."""
    values, known = wanted.model_dump(), own.model_dump()
    return ", ".join(f"{name} {values[name]} ({known[name]})" for name in values if values[name] != known[name])


def _sentences(error: ValidationError, given: Mapping[str, Any]) -> Iterable[str]:
    """Return what is wrong by the flags that were given; of limits that contradict each other, by those it names."""
    for one in error.errors():
        message = explain(one, RebalancingLimits)
        if one["loc"]:
            name = str(one["loc"][0])
            yield f"{flag(name)}{message.removeprefix(name).partition(_DEFAULT)[0]}"
        else:
            named = {name: given[name] for name in given if name in message} or given
            values = {name: one if isinstance(one, tuple) else (one,) for name, one in named.items()}
            yield f"{' and '.join(' '.join(map(str, (flag(name), *values[name]))) for name in named)}: {message}"
