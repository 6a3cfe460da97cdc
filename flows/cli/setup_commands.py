"""What comes before the first run: `ballast init`, `ballast validate`.

Heavy imports wait until a command needs them.
"""

from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.terminal.parameters import AS_CONFIGURED_WITH_INBOX, AS_TABLE, Form, PlacesWithInbox


def init(
    folder: Annotated[Path, Parameter(help="Where to begin; it is made where it is missing.")] = Path(),
    /,
    *,
    preset: Annotated[str, Parameter(help="conservative, balanced or aggressive.")] = "balanced",
) -> int:
    """Begin in a folder: a commented `portfolios.yaml`, the settings in `.env`, and an inbox with a small example.

    The scores of the example are invented, so that `ballast run` works at once. No file is overwritten. Example:
    `ballast init my-portfolios --preset conservative`

    Exit codes: 0 written; 1 an error, said in one sentence, such as a file that is there already; 2 wrong usage.

    """
    from flows.cli.handlers.init import begin  # noqa: PLC0415 - pydantic and the calendars take a while to import

    return begin(folder, preset)


def validate(
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest one of the inbox.")] = None,
    strict: Annotated[bool, Parameter(negative="", help="Warnings are errors.")] = False,
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: Form = AS_TABLE,
) -> int:
    """Say before a run what is wrong with the config and with the files of a day. Nothing is written.

    Mistakes of the config with their lines, the rows of each file that would be refused and why, names that nobody
    knows, and how much each portfolio can invest with its limits and the names of the day. Example:
    `ballast validate --as-of 2025-06-02`

    Exit codes: 0 ready, warnings or not; 1 something would stop the run; 2 wrong usage.

    """
    from flows.cli.handlers.validate import validate as look  # noqa: PLC0415 - Polars and the calendars take a while to import

    return look(as_of, places.given(), form, is_strict=strict)
