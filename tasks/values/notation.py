"""How a file writes its values and where its rows stand in it, as far as its format leaves that open."""

from dataclasses import dataclass
from typing import Literal

from tasks.values.date_formats import ISO

MISSING = ("", "-", "--", "\u2013", "\u2014", "N/A", "#N/A", "NA", "n.a.", "NaN", "null", "None")
"""Words for "nothing" where a number or a date is expected."""


@dataclass(frozen=True)
class Notation:
    """How values are written, and which lines of a text hold the rows. Default: as in the inbox."""

    decimal: Literal[".", ","] = "."
    separator: str = ","
    encoding: str = "utf-8"
    date_format: str = ISO
    thousands: Literal["", ",", ".", " ", "'"] = ""
    percent: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    skip_rows: int = 0
    stop_at: str | None = None
