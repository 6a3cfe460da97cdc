"""The columns of `--help`: names of flags have room enough that none is broken in two at 80 columns."""

from typing import TYPE_CHECKING

from cyclopts.help import DefaultFormatter, NameRenderer
from cyclopts.help.specs import get_default_parameter_columns

if TYPE_CHECKING:
    from cyclopts.help import ColumnSpec, HelpEntry
    from rich.console import Console, ConsoleOptions

_MOST = 0.5
"""Share of the terminal that names may have; where the longest needs more, names are broken."""
_INDENT = 2
"""Cyclopts moves each further name of a flag in."""


def _columns(console: "Console", options: "ConsoleOptions", entries: list["HelpEntry"]) -> tuple["ColumnSpec", ...]:
    columns = get_default_parameter_columns(console, options, entries)
    longest = max(len(name) + _INDENT for entry in entries for name in entry.all_options)
    return tuple(_widened(column, longest) for column in columns) if longest <= console.width * _MOST else columns


def _widened(column: "ColumnSpec", width: int) -> "ColumnSpec":
    if not isinstance(column.renderer, NameRenderer) or width <= (column.max_width or 0):
        return column
    return column.copy(renderer=NameRenderer(max_width=width), min_width=width, max_width=width)


UNBROKEN = DefaultFormatter(column_specs=_columns)
"""Shows a group of flags, each name in one piece."""
