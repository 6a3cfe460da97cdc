"""Make docs/commands.md from the command line itself: every command with its flags, defaults and example."""

import re
import sys
from pathlib import Path
from unittest.mock import patch

from flows.cli.app import app

HEAD = """\
# The command line

Made by `make reference` from the commands themselves: do not edit. `ballast COMMAND --help` has the same text.

Results go to stdout, progress and warnings to stderr. Tables fit the terminal; piped, they are plain,
and with `NO_COLOR` set they have no colour. Where a command shows rows, `--json` and `--csv` write them for a program.
A flag takes precedence over its `BALLAST_` variable, and the variable over the default.

`ballast --install-completion` lets every new terminal complete commands and flags.

`--csv` and `--json` are written byte for byte; on a terminal, control characters are shown as escapes such as `\\x1b`.
What CSV or JSON has no type for is text, as DuckDB writes it: an interval, a blob, nested values in CSV. A column
with a value that the format cannot represent is text as a whole: infinite days; in JSON also NaN, infinity, and
decimals of more digits than a double holds (inside lists and structs, JSON has null for NaN and infinity). CSV joins
lists with semicolons. A spreadsheet runs texts that begin with `=`, `+`, `-`, `@`, a tab or a line end as formulas:
`--csv --escape-formulas` puts an apostrophe before them, and leaves numbers as they are.

## Exit codes

| code | meaning |
|---|---|
| 0 | done: published or unchanged; no failure; identical |
| 1 | an error: one sentence with what to do; or a check that found failures |
| 2 | wrong usage: an unknown command, flag or value, a day without trading, SQL that is no query |
| 3 | held: too many scores are missing, or publication is halted. The published targets stay |
| 4 | rejected: the targets failed a check. The published targets stay |
| 5 | a replay differs from what was published |
| 6 | proposed: computed and stored, waiting for `ballast approve` |
| 7 | `ballast status`: something is not well or waits; the first line names it |
| 130 | stopped by Ctrl-C or a SIGTERM. Nothing is half written |

A range of days ends with the code of the day that ended it.

## Commands

"""
_FIRST_GROUP = re.compile(r"^\*\*.+\*\*:$", flags=re.MULTILINE)


def commands_page() -> str:
    """Return the page: the head, and each command as cyclopts writes it."""
    with patch.object(sys, "argv", ["ballast"]):  # cyclopts would name a command of a group after what runs this script
        written = app.generate_docs(output_format="markdown")
    first = _FIRST_GROUP.search(written)
    commands = written[first.start() if first else 0 :]
    commands = commands.replace("(#ballast-install-completion)", "(#ballast---install-completion)")  # as headings are
    lines = (line.rstrip() for line in commands.replace("```console", "```text").splitlines())
    return HEAD + "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    page = commands_page()
    Path(__file__).with_name("commands.md").write_text(page, encoding="utf-8")
    sys.stderr.write(f"docs/commands.md: {len(page.splitlines())} lines\n")
