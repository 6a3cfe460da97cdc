"""What stands in a file, as it may stand in a sentence. A file may hold anything: a terminal must not obey it."""

_LONGEST = 40


def shown(text: str, longest: int = _LONGEST) -> str:
    """Give a text as it is, or quoted where that would hide something of it; cut after `longest` characters."""
    short = cut(text, longest)
    return short if short.isprintable() and short and short == short.strip() else cut(ascii(short), longest)


def cut(text: str, longest: int = _LONGEST) -> str:
    """Give the first characters of a text, with dots where there are more."""
    return text if len(text) <= longest else f"{text[:longest]}..."
