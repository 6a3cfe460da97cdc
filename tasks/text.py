"""How things stand in a sentence: counted, and what a file holds so that a terminal does not obey it."""

import os
from pathlib import Path

_LONGEST = 40
LONGEST_CELL = 2_000
"""Characters of a value that a table shows: a screen full."""


def readable(path: Path | str) -> str:
    """Give a path as text that can be printed and stored: other bytes than UTF-8 and control characters as escapes."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def shown(text: str, longest: int = _LONGEST) -> str:
    """Give a text as it is, or quoted where that would hide something of it; cut after `longest` characters."""
    short = cut(text, longest)
    return short if short.isprintable() and short and short == short.strip() else cut(ascii(short), longest)


def cut(text: str, longest: int = _LONGEST) -> str:
    """Give the first characters of a text, with dots where there are more."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def bounded(text: str, longest: int = LONGEST_CELL) -> str:
    """Return a text as it is; of one that no page or terminal has room for, its beginning and its length."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"
