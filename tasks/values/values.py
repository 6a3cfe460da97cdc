"""What a text of a file stands for: a number, a date, a name or nothing, as its feed says that values are written.

Units are those of the contracts: weights and scores are fractions of 1, a percentage of the feed is divided by 100.

>>> german = Notation(decimal=",", thousands=".", percent=("current_weight",))
>>> texts = pl.DataFrame({"close": ["1.204,50", "1.2"], "current_weight": ["6,53 %", "x"]})
>>> texts.select(value_of(name, NUMBER, pl.col(name), german) for name in texts.columns).rows()
[(1204.5, 0.0653), (None, None)]
>>> texts.select(hint_of("close", pl.col("close"), Notation())).item(0, 0)
'parses'
"""

import re
from collections.abc import Iterable

import polars as pl

from tasks.file_contracts import DAY, NUMBER, Contract
from tasks.values.date_formats import parse_dates
from tasks.values.notation import Notation

_NOT_A_NUMBER = ("NaN", "+NaN", "-NaN")
_GROUPED = r"^[+-]?\d{1,3}(?:{between}\d{3})+(?:{decimal}\d*)?$"
_ALSO = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}
"""What else stands between thousands where the key does: other blanks, another apostrophe."""


def text_of(contract: Contract, name: str, rows: pl.DataFrame, notation: Notation) -> pl.Expr:
    """Return the text of a column, by the name that the contract has for it; null where there is nothing.

    Blanks around a name or a number are taken off; a date counts as it is written.
    """
    given, dtype = next((given, dtype) for given, one, dtype in contract.columns if one == name)
    if given not in rows.columns:
        return pl.lit(None, pl.String)
    text = pl.col(given)
    trimmed = text.str.strip_chars()
    nothing = [""]
    if dtype in (NUMBER, DAY):
        # Not in names: NA and NULL are tickers somewhere.
        nothing += notation.missing
    if dtype is NUMBER and given not in contract.required:
        nothing += _NOT_A_NUMBER
    return pl.when(~trimmed.is_in(_in_any_case(nothing))).then(text if dtype is DAY else trimmed)


def _in_any_case(words: Iterable[str]) -> list[str]:
    """Write each word as it stands, small, in capitals, and with one: to change every text would take longer."""
    return sorted({write(word) for word in words for write in (str, str.lower, str.upper, str.capitalize)})


def value_of(given: str, dtype: type[pl.DataType], text: pl.Expr, notation: Notation) -> pl.Expr:
    """Return what the text of a column means; null where it cannot be read as the type."""
    if dtype is DAY:
        return text.map_batches(lambda texts: parse_dates(texts, notation.date_format), return_dtype=pl.Date)
    if dtype is not NUMBER:
        return text
    if given in notation.percent:
        return _percent(_plain_number(text.str.replace(r"\s?%$", ""), notation))
    return _plain_number(text, notation).cast(NUMBER, strict=False)


def hint_of(given: str, text: pl.Expr, notation: Notation) -> pl.Expr:
    """Return which key of a feed a number looks written by: `percent`, `thousands`, `decimal_comma`, or `parses`."""
    hint = pl.lit("parses")
    if notation.decimal != ",":
        hint = pl.when(text.str.contains(r"^[+-]?\d*,\d+$")).then(pl.lit("decimal_comma")).otherwise(hint)
    if not notation.thousands:
        grouped = text.str.contains(grouped_by(",", "."))
        hint = pl.when(grouped & text.str.contains(r",.*[,.]")).then(pl.lit("thousands")).otherwise(hint)
    if given not in notation.percent:
        hint = pl.when(text.str.contains(r"^[+-]?[\d.,]+\s?%$")).then(pl.lit("percent")).otherwise(hint)
    return hint


def grouped_by(thousands: str, decimal: str) -> str:
    """Return the pattern of a number with its thousands apart."""
    between = _ALSO.get(thousands, re.escape(thousands))
    return _GROUPED.replace("{between}", between).replace("{decimal}", re.escape(decimal))


def _plain_number(text: pl.Expr, notation: Notation) -> pl.Expr:
    """Return the text with a point before its decimals and nothing between its thousands."""
    if notation.thousands:
        between = _ALSO.get(notation.thousands, re.escape(notation.thousands))
        is_grouped = text.str.contains(grouped_by(notation.thousands, notation.decimal))
        text = pl.when(is_grouped | ~text.str.contains(between)).then(text.str.replace_all(between, ""))
    if notation.decimal == ",":
        # A point can only separate thousands here, and nothing says that it does.
        text = pl.when(~text.str.contains(".", literal=True)).then(text.str.replace(",", ".", literal=True))
    return text


def _percent(text: pl.Expr) -> pl.Expr:
    """Return a hundredth, read from its digits: 6.53 % is the double of 0.0653."""
    has_exponent = text.str.contains("[eE]")
    divided = text.cast(NUMBER, strict=False) / 100
    return pl.when(has_exponent).then(divided).otherwise((text + "e-2").cast(NUMBER, strict=False))
