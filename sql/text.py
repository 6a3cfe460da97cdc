"""How a sentence of the warehouse names and counts things. As sizing/text.py: the two rooms do not know each other."""

from collections.abc import Iterable, Sequence

MOST_NAMED = 10
"""Names in a sentence: more are counted."""


def listed(names: Sequence[str], between: str = ", ") -> str:
    """Write the first ten names, and how many more there are."""
    return " ".join([between.join(names[:MOST_NAMED]), *_more(names)])


def first_of(sentences: Sequence[str]) -> list[str]:
    """Return the first ten sentences, and as one more how many others there are."""
    return [*sentences[:MOST_NAMED], *_more(sentences)]


def grouped(sentences: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pair each name with its sentence; of more than ten, all names of a sentence together, the most names first."""
    pairs = list(sentences)
    if len(pairs) <= MOST_NAMED:
        return pairs
    names: dict[str, list[str]] = {}
    for name, sentence in pairs:
        names.setdefault(sentence, []).append(name)
    return [(listed(names[one]), one) for one in sorted(names, key=lambda one: -len(names[one]))]


def counted(n: int, thing: str) -> str:
    """Return the number with its noun."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def _more(things: Sequence[str]) -> list[str]:
    n_more = len(things) - MOST_NAMED
    return [f"and {n_more} more"] if n_more > 0 else []
