"""How things stand in a sentence: counted, and what a file holds so that a terminal does not obey it."""

import os
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from sizing.text import MOST_NAMED, first_of

PAGE = "docs/configuration.md"
"""Where every limit, term and setting is described."""

_LONGEST = 40
LONGEST_CELL = 2_000
"""Characters of a value that a table shows: a screen full."""
_MOST_LISTED = 12
_ALIKE = 0.6
"""How alike two names must be to be taken for a typing error, 1 is equal."""


def nearest(name: object, known: Iterable[str], cutoff: float = _ALIKE) -> str:
    """Return `did you mean X?` with the known name that is most like another; empty where none is alike."""
    found = get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return f"did you mean {found[0]}?" if found else ""


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Return that a name is unknown, with the nearest known one, or else with all of them, or where they are described.

    >>> unknown("limit max_singel_position", "max_singel_position", ["max_single_position", "min_position_size"])
    'limit max_singel_position is unknown; did you mean max_single_position?'
    """
    names = sorted(known)
    listed = f"known: {', '.join(names)}" if len(names) <= _MOST_LISTED else f"see {PAGE}"
    return f"{what} is unknown; {nearest(name, names) or listed}"


def all_unknown(what: str, names: Sequence[str], known: Collection[str]) -> str:
    """Return that each of the first ten names is unknown, and how many more are."""
    first = [unknown(f"{what} {name}", name, known) for name in names[:MOST_NAMED]]
    return "; ".join(first_of([*first, *names[MOST_NAMED:]]))


def with_warnings(sentence: str, *warnings: str) -> str:
    """Return the sentence with each warning on a line of its own below it."""
    return "\n".join([sentence, *(f"warning: {one}" for one in warnings)])


def have(number: int) -> str:
    """Return the verb for so many things."""
    return "has" if number == 1 else "have"


def utc(moment: object) -> str:
    """Return a time to the minute. *Requires* a datetime in UTC.

    >>> from datetime import UTC, datetime
    >>> utc(datetime(2024, 12, 2, 21, 5, tzinfo=UTC))
    '2024-12-02 21:05 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def readable(path: Path | str) -> str:
    """Return a path as text to print and store: bytes that are not UTF-8 and control characters as escapes."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return a text as it is, or quoted where that would hide something of it; cut after `longest` characters."""
    short = cut(text, longest)
    return short if short.isprintable() and short and short == short.strip() else cut(ascii(short), longest)


def cut(text: str, longest: int) -> str:
    """Return the first characters of a text, with dots where there are more."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def bounded(text: str, longest: int = LONGEST_CELL) -> str:
    """Return a text as it is; of one that no page or terminal has room for, its beginning and its length."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"
