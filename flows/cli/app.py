"""The command line: its commands are those of commands.py, imported when they are called: `--help` imports none."""

import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from flows.cli.commands import COMMANDS, DB_COMMANDS, OPERATE, TERMINAL


def _format_usage_error(error: CycloptsError) -> object:
    """Return the usage error with control characters escaped."""
    from cyclopts.panel import CycloptsPanel  # noqa: PLC0415 - rich takes a while to import

    from flows.terminal.escaping import visible  # noqa: PLC0415 - the same

    return CycloptsPanel(visible(str(error)))


app = App(
    name="ballast",
    help="Turn the day's asset scores into the day's target weights, with a reason for every basis point.",
    help_format="plaintext",
    version=lambda: version("ballast"),
    error_formatter=_format_usage_error,
    suppress_keyboard_interrupt=False,
)
_db = App(
    name="db",
    help="Maintain the warehouse: migrate, verify, back up, restore.",
    group=OPERATE,
    sort_key=len(COMMANDS[OPERATE]),
)
for _group, _commands in COMMANDS.items():
    for _place, (_path, _help) in enumerate(_commands.items()):
        app.command(f"flows.cli.{_path}", group=_group, sort_key=_place, help=_help)
for _name, _help in DB_COMMANDS.items():
    _db.command(f"flows.cli.handlers.db:{_name}", help=_help)
app.command(_db)
app.register_install_completion_command(group=TERMINAL, help="Install the completion of commands for this shell.")
app["--help"].group = app["--version"].group = TERMINAL


def joined(words: Iterable[str]) -> list[str]:
    """Return `--portfolio A --portfolio B` as `--portfolio A B`.

    For each flag the parser looks at all words after it: ten thousand portfolios took it minutes.
    """
    flag, kept, before = "--portfolio", list[str](), ("", "")
    for word in words:
        if not (word == flag and before[0] == flag and not before[1].startswith("-")):
            kept.append(word)
        before = before[1], word
    return kept


def execute(words: Iterable[str]) -> None:
    """Execute a command, and exit with its code. Expected errors are reported here, others are raised."""
    try:
        app(joined(words))
    except (Exception, KeyboardInterrupt) as problem:
        from flows.terminal.console import exit_code_of  # noqa: PLC0415 - Polars takes a while to import

        code = exit_code_of(problem)
        if code is None:
            raise
        sys.exit(code)


def main() -> None:
    """Execute the command line of this process."""
    os.umask(0o027)  # docs/operations.md: nobody beside the owner and the group reads what a command writes
    if isinstance(sys.stdout, TextIOWrapper):
        # As stderr is: a letter that the terminal lacks stops nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    execute(sys.argv[1:])


if __name__ == "__main__":
    main()
