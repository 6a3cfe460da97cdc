"""What a name is: of a portfolio, an asset, a bucket, a model, a tier. One rule for every way in.

A name is what is written, its letters composed (NFC), without blanks around it: at least one character and at most
`MOST_CHARACTERS`, each of which can be seen, and not `CASH`. What does not belong here: which names are known.
"""

import re
from typing import Annotated

import dataframely as dy
import polars as pl
from pydantic import AfterValidator, BeforeValidator

MOST_CHARACTERS = 256
CASH = "CASH"
"""The row of what the sizer leaves over: no asset, no bucket, no portfolio, no model has this name."""

_BLANKS = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Unicode calls white space."""

_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3"
    r"\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
) + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(1, 15))
"""Control, format and private characters, those that are ignorable by default, blank ones, and what is no character.

Ranges, since the regular expressions of Python and of Polars share no names of properties.
"""
_SURROGATES = r"\ud800-\udfff"
"""Half characters, which only Python can hold: what a terminal or JSON passed that is no text."""
_FIRST_UNSEEN, _FIRST_SURROGATE = re.compile(rf"[{_UNSEEN}{_SURROGATES}]"), re.compile(rf"[{_SURROGATES}]")
_PRINTABLE = rf"^[^{_UNSEEN}]*$"


def composed(text: str) -> str:
    """Return a text with its letters composed, as Polars does it: that and Python may know different letters."""
    if text.isascii() or _FIRST_SURROGATE.search(text):
        return text
    return str(pl.Series([text]).str.normalize("NFC").item())


def as_name(text: str) -> str:
    """Return the name that a text means: composed, without blanks around it."""
    return composed(text).strip(_BLANKS)


def as_names(column: pl.Expr) -> pl.Expr:
    """Return the names that the texts of a column mean, as `as_name` does."""
    return column.str.normalize("NFC").str.strip_chars(_BLANKS)


def name_column(*, primary_key: bool = False, nullable: bool = False, may_be_cash: bool = False) -> dy.String:
    """Return a column of names: its rules are those of `fault`. *Requires* `as_names` of what was written."""
    return dy.String(
        primary_key=primary_key,
        nullable=nullable,
        min_length=1,
        max_length=MOST_CHARACTERS,
        regex=_PRINTABLE,
        check=None if may_be_cash else {"reserved": lambda names: names != CASH},
    )


def fault(name: str) -> str:
    """Return why a text is no name; empty when it is one."""
    if found := _FIRST_UNSEEN.search(name):
        return f"the character U+{ord(found[0]):04X} cannot be seen: take it out"
    if name != name.strip(_BLANKS):
        return "there are blanks around it: take them out"
    if not name:
        return "a name has at least one character"
    if len(name) > MOST_CHARACTERS:
        return f"it has {len(name)} characters, a name has at most {MOST_CHARACTERS}"
    return f"{CASH} is what the sizer leaves over: give it another name" if name == CASH else ""


def has_fault(column: pl.Expr) -> pl.Expr:
    """Return whether each text of a column is no name, as `fault` decides. *Requires* texts, without null."""
    length = column.str.len_chars()
    is_name = column.str.contains(_PRINTABLE) & (column.str.strip_chars(_BLANKS) == column) & (column != CASH)
    return ~(is_name & length.is_between(1, MOST_CHARACTERS))


def _require_name(text: str) -> str:
    name = composed(text)
    if problem := fault(name):
        raise ValueError(problem)
    return name


def _without_blanks(text: object) -> object:
    return as_name(text) if isinstance(text, str) else text


Name = Annotated[str, AfterValidator(_require_name)]
"""A name that stands in a config or in the limits of a run: there blanks around it are a mistake to correct."""

TypedName = Annotated[Name, BeforeValidator(_without_blanks)]
"""A name that a user types into a flag or a form."""
