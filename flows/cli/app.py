"""A person's way in: `ballast run`, `ballast backfill`, `ballast explain`, `ballast approve`, `ballast db` and others.

Heavy imports wait until a command needs them. What does not belong here: a rule, or SQL.
"""

import os
import sys
from datetime import date
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from flows.cli.control_commands import approve, decline, halt, resume
from flows.cli.db_commands import db
from flows.cli.groups import DECIDE, LOOK, OPERATE, PREPARE, RUN, TERMINAL
from flows.cli.query_commands import diff, explain, report, sql, status, targets
from flows.cli.server_commands import deploy, down, up
from flows.cli.setup_commands import init, validate
from flows.terminal.parameters import (
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsFlowRun,
    Form,
    PlacesWithInbox,
    Verbose,
    joined,
    prepare,
)

_RUN = """Rebalance every portfolio for a day, or for each trading day of a range.

Without a day: the newest one that the inbox has scores for. A range ends at the first day that is held or waits for
approval. Every limit is a flag: given, it counts for this run instead of the configured one. Example:
`ballast run --inbox deployments/sample/inbox --as-of 2025-06-02`

Exit codes: 0 published or unchanged; 1 an error, said in one sentence; 2 wrong usage; 3 held; 4 rejected;
6 proposed, it waits for approval; 130 stopped.
"""
_PLAN = """Say what a run of a day would do, or another limit, and why. Nothing is written.

The day is computed in a throw-away copy of the snapshot, and its targets are held against those that are visible now.
Every limit is a flag: given, it counts instead of the configured one. Example: `ballast plan --portfolio core
--max-single-position 0.10`

Exit codes, as `ballast run` would have: 0 published or unchanged; 1 an error, said in one sentence; 2 wrong usage;
3 held; 4 rejected; 6 proposed, it waits for approval.
"""


def _say_usage(error: CycloptsError) -> object:
    """Return what is shown of a wrong word: what was typed does not control the terminal."""
    from cyclopts.panel import CycloptsPanel  # noqa: PLC0415 - rich takes a while to import

    from flows.terminal.escaping import visible  # noqa: PLC0415

    return CycloptsPanel(visible(str(error)))


_COMPLETION = """Print the script with which a shell completes commands and flags, or install it.

Example: `ballast completion bash`

In bash, for this terminal only: `source <(ballast completion bash)`. For good: `ballast completion --install`.

Exit codes: 0 printed or installed; 1 an error, said in one sentence; 2 wrong usage.
"""

app = App(
    name="ballast",
    help="Turn the day's asset scores into the day's target weights, with a reason for every basis point.",
    help_format="plaintext",
    version=lambda: version("ballast"),
    error_formatter=_say_usage,
)
app.command(db)
app["--help"].group = app["--version"].group = TERMINAL
for _group, _commands in {
    PREPARE: (init, validate),
    LOOK: (targets, explain, diff, status, report, sql),
    DECIDE: (approve, decline, halt, resume),
    OPERATE: (up, down, deploy),
}.items():
    for _place, _command in enumerate(_commands):
        app.command(_command, group=_group, sort_key=_place)


app.command("flows.cli.completion:completion", help=_COMPLETION, group=TERMINAL)
app.command("flows.cli.run_commands:plan", help=_PLAN, group=RUN, sort_key=0)
app.command("flows.cli.run_commands:run", help=_RUN, group=RUN, sort_key=1)


@app.command(group=RUN, sort_key=2)
def backfill(  # noqa: PLR0913 - one parameter a flag
    *,
    first: Annotated[date, Parameter(name="--from")],
    last: Annotated[date, Parameter(name="--to")],
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    keep_going: bool = False,
    approver: str = "",
    note: str = "",
    form: Form = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Publish the trading days of a range in order, many a second, with the rows that `ballast run` gives.

    What is published already with the same inputs stays: stopped in the middle, it goes on when it is run again. A
    held day is recorded and is the end. Example: `ballast backfill --from 2025-06-02 --to 2025-06-06`

    Exit codes: 0 published or unchanged; 1 an error, said in one sentence; 2 wrong usage; 3 a day is held, or
    publication is halted; 4 rejected; 130 stopped.

    Parameters
    ----------
    first
        First day of the range.
    last
        Last day of the range.
    keep_going
        Go on after a held day, from the targets published before it.
    approver
        Who approves the days that ask for approval. Needed where a portfolio has an approval policy.
    note
        Why they are approved.
    places
        Where this installation keeps its things.
    form
        How what became of the days is written.
    prefect
        As `--prefect` of `ballast run`.
    verbose
        Show what the stages log.

    """
    prepare(verbose=verbose, prefect=prefect)
    from flows.cli.handlers.backfill import backfill_days  # noqa: PLC0415 - Prefect and Polars take a second to import

    words = {"approver": approver, "note": note}
    return backfill_days(first, last, places.given(), **words, keep_going=keep_going, form=form)


@app.command(group=RUN, sort_key=3)
def replay(  # noqa: PLR0913 - one parameter a flag
    run_id: str | None = None,
    /,
    *,
    as_of: date | None = None,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    warehouse: Path | None = None,
    form: Form = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Compute published runs again from what was stored with them, and say where a value differs.

    Superseded runs are published runs too. Nothing is written but the record of the replay. Example:
    `ballast replay --as-of 2025-06-02`

    Exit codes: 0 identical; 1 an error, said in one sentence; 2 wrong usage; 5 something differs; 130 stopped.

    Parameters
    ----------
    run_id
        The run.
    as_of
        The trading day, for all its runs.
    first
        First day of a range.
    last
        Last day of a range.
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    form
        How what became of the runs is written.
    prefect
        As `--prefect` of `ballast run`.
    verbose
        Show what the stages log.

    """
    prepare(verbose=verbose, prefect=prefect)
    from flows.cli.handlers.replay import replay_runs  # noqa: PLC0415 - Prefect and Polars take a second to import

    return replay_runs(run_id, as_of, first, last, {"warehouse": warehouse} if warehouse else {}, form)


def main() -> None:
    """Run the command line. Mistakes in the settings, which are read everywhere, are told in one place."""
    os.umask(0o027)  # docs/operations.md: nobody beside the owner and the group reads what a command writes
    if isinstance(sys.stdout, TextIOWrapper):
        # As stderr is: a letter that the terminal lacks stops nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(app(joined(sys.argv[1:])))
    except Exception as error:
        from flows.terminal.console import tell_settings  # noqa: PLC0415 - Polars takes a while to import

        code = tell_settings(error)
        if code is None:
            raise
        sys.exit(code)


if __name__ == "__main__":
    main()
