"""The second state of a holding: one portfolio and one name at a time, in plain Python, off the specification.

Days are numbers of sessions, weights whole numbers of 1e-8. What does not belong here: Polars, anything of `sizing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

REMEMBERED = 260
"""Sessions for which a close is remembered."""


@dataclass(frozen=True)
class Life:
    """What is remembered of a name."""

    is_held: bool = True
    is_confirmed: bool = False
    opened: int | None = None
    term: int | None = None
    grace: int | None = None
    count: int | None = None
    entry_weight: int | None = None
    closed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Traded:
    """The weights of a name before and after the trades, and what was decided on it."""

    before: int
    after: int
    count: int | None = None
    begins_term: bool = False


def correct(lives: Mapping[str, Life], book: Mapping[str, int], file_day: int | None, dust: int) -> dict[str, Life]:
    """Correct what is remembered by the holdings of a day; `file_day` is the session of their file, if one came."""
    found = {}
    for asset in sorted({*lives, *book}):
        is_there = book.get(asset, 0) >= dust
        life = lives.get(asset)
        if file_day is None:
            if life is None and is_there:
                life = Life()
        else:
            life = correct_by_file(life, file_day, is_there=is_there)
        if life is not None:
            found[asset] = life
    return found


def correct_by_file(life: Life | None, day: int, *, is_there: bool) -> Life | None:
    if is_there:
        if life is not None and life.is_held:
            return replace(life, is_confirmed=True)
        if life is not None and not life.is_confirmed:
            return replace(life, is_held=True, is_confirmed=True, closed=life.closed[1:])
        return Life(is_confirmed=True, term=day, closed=life.closed if life else ())
    if life is None:
        return None
    closed = life.closed
    if life.is_held and life.is_confirmed:
        closed = (day, *closed)
    return Life(is_held=False, is_confirmed=True, closed=closed) if closed else None


def advance(lives: Mapping[str, Life], traded: Mapping[str, Traded], day: int) -> dict[str, Life]:
    """Move what is remembered by what was traded on a day."""
    moved = {}
    for asset in sorted({*lives, *traded}):
        life = lives.get(asset) or Life(is_held=False, is_confirmed=True)
        life = replace(life, closed=tuple(one for one in life.closed if day - one <= REMEMBERED))
        if asset in traded:
            life = advance_one(life, traded[asset], day)
        if life.is_held or life.closed:
            moved[asset] = life
    return moved


def advance_one(life: Life, traded: Traded, day: int) -> Life:
    if not life.is_held:
        return Life(opened=day, term=day, closed=life.closed) if traded.after > traded.before else life
    life = with_grace(life, traded.count, day, traded.before)
    if traded.after == 0:
        return replace(life, is_held=False, is_confirmed=False, closed=(day, *life.closed))
    return replace(life, term=day) if traded.begins_term or life.term is None else life


def with_grace(life: Life, count: int | None, day: int, weight: int) -> Life:
    if count is None:
        return replace(life, grace=None, count=None, entry_weight=None)
    if life.grace is None:
        return replace(life, grace=day, count=count, entry_weight=weight)
    return replace(life, count=count)
