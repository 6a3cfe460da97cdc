"""A person's way in: `ballast run`, `ballast backfill`, `ballast replay`, `ballast sql`.

Heavy imports wait until a command needs them. What does not belong here: a rule, or SQL.
"""

import os
import signal
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from flows.db_command import db

app = App(
    name="ballast",
    help="Turn the day's asset scores into the day's target weights, with a reason for every basis point.",
    help_format="markdown",
    version=lambda: version("ballast"),
)
app.command(db)


@app.command
def run(  # noqa: PLR0913 - one parameter a flag
    *,
    as_of: date | None = None,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    inbox: Path | None = None,
    config: Path | None = None,
    warehouse: Path | None = None,
    snapshot: Path | None = None,
    export_folder: Path | None = None,
    verbose: bool = False,
) -> int:
    """Rebalance every portfolio for a day, or for each trading day of a range.

    Without a day: the newest one that the inbox has scores for. Example:
    `ballast run --inbox deployments/sample/inbox --as-of 2025-06-02`

    Exit codes: 0 published or unchanged; 1 an error, said in one sentence; 2 wrong usage; 3 held; 4 rejected;
    130 stopped.

    Parameters
    ----------
    as_of
        The trading day.
    first
        First day of a range.
    last
        Last day of a range.
    inbox
        Folder of the day's files. Default: BALLAST_INBOX.
    config
        Limits of the portfolios. Default: BALLAST_CONFIG.
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.
    export_folder
        Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.
    verbose
        Show what Prefect logs.

    """
    _prepare(verbose=verbose)
    from flows.run_command import run_days  # noqa: PLC0415 - Prefect and Polars take a second to import

    paths = {
        "inbox": inbox,
        "config": config,
        "warehouse": warehouse,
        "snapshot": snapshot,
        "export_folder": export_folder,
    }
    return run_days(as_of, first, last, {name: path for name, path in paths.items() if path is not None})


@app.command
def backfill(  # noqa: PLR0913 - one parameter a flag
    *,
    first: Annotated[date, Parameter(name="--from")],
    last: Annotated[date, Parameter(name="--to")],
    inbox: Path | None = None,
    config: Path | None = None,
    warehouse: Path | None = None,
    snapshot: Path | None = None,
    export_folder: Path | None = None,
    keep_going: bool = False,
    verbose: bool = False,
) -> int:
    """Publish the trading days of a range in order, many a second, with the rows that `ballast run` gives.

    What is published already with the same inputs stays: stopped in the middle, it goes on when it is run again. A
    held day is recorded and is the end. Example: `ballast backfill --from 2025-06-02 --to 2025-06-06`

    Exit codes: 0 published or unchanged; 1 an error, said in one sentence; 2 wrong usage; 3 a day is held; 4 rejected;
    130 stopped.

    Parameters
    ----------
    first
        First day of the range.
    last
        Last day of the range.
    inbox
        Folder of the files. Default: BALLAST_INBOX.
    config
        Limits of the portfolios. Default: BALLAST_CONFIG.
    warehouse
        The live database file. Default: BALLAST_WAREHOUSE.
    snapshot
        The copy that readers open. Default: BALLAST_SNAPSHOT.
    export_folder
        Folder of the Parquet exports. Default: BALLAST_EXPORT_FOLDER.
    keep_going
        Go on after a held day, from the targets published before it.
    verbose
        Show what Prefect logs.

    """
    _prepare(verbose=verbose)
    from flows.backfill_command import backfill_days  # noqa: PLC0415 - Prefect and Polars take a second to import

    paths = {
        "inbox": inbox,
        "config": config,
        "warehouse": warehouse,
        "snapshot": snapshot,
        "export_folder": export_folder,
    }
    given = {name: path for name, path in paths.items() if path is not None}
    return backfill_days(first, last, given, keep_going=keep_going)


@app.command
def replay(  # noqa: PLR0913 - one parameter a flag
    run_id: str | None = None,
    /,
    *,
    as_of: date | None = None,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    warehouse: Path | None = None,
    verbose: bool = False,
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
    verbose
        Show what Prefect logs.

    """
    _prepare(verbose=verbose)
    from flows.replay_command import replay_runs  # noqa: PLC0415 - Prefect and Polars take a second to import

    return replay_runs(run_id, as_of, first, last, {"warehouse": warehouse} if warehouse else {})


@app.command
def sql(query: str, /, *, snapshot: Path | None = None) -> int:
    """Ask the snapshot one SQL query, read-only. Example: `ballast sql "FROM current_targets"`.

    Parameters
    ----------
    query
        The query, in DuckDB's SQL.
    snapshot
        The snapshot. Default: BALLAST_SNAPSHOT.

    """
    from flows.sql_command import ask  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return ask(query, {"snapshot": snapshot} if snapshot else {})


def _prepare(*, verbose: bool) -> None:
    """Set what Prefect reads when it is imported, and take a SIGTERM for a Ctrl-C."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def main() -> None:
    """Run the command line."""
    sys.exit(app())


if __name__ == "__main__":
    main()
