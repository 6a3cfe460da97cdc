"""How people look at results: `ballast targets`, `explain`, `status`, `diff`, `report`, `sql`, on the snapshot alone.

Heavy imports wait until a command needs them.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.terminal.parameters import AS_TABLE, NAME, Form, PortfolioIds

Snapshot = Annotated[Path | None, Parameter(help="The copy that readers open. Default: BALLAST_SNAPSHOT.")]


def targets(
    *portfolios: Annotated[str, NAME, Parameter(help="The portfolios. Default: all.")],
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest of each portfolio.")] = None,
    at: Annotated[
        datetime | None, Parameter(help="As they were visible at this moment, UTC: 2025-06-06T21:00. Default: now.")
    ] = None,
    why: Annotated[bool, Parameter(negative="", help="Say of each target why.")] = False,
    snapshot: Snapshot = None,
    form: Form = AS_TABLE,
) -> int:
    """Show what to hold and to trade: the published targets, the largest first.

    Example: `ballast targets core --why`

    Example: `ballast targets --as-of 2025-06-03 --csv`

    Exit codes: 0 shown; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.cli.queries.targets import show_targets  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_targets(portfolios, as_of, at, _paths(snapshot), form, why=why)


def explain(
    portfolio: Annotated[str, NAME, Parameter(help="The portfolio.")],
    asset: Annotated[str, NAME, Parameter(help="The asset, held or not, or CASH.")],
    /,
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the portfolio's newest.")] = None,
    snapshot: Snapshot = None,
    form: Form = AS_TABLE,
) -> int:
    """Tell the whole story of one weight: why it is in or not, how its size came about, what would change it.

    Example: `ballast explain core AMZN --as-of 2025-06-06`

    Exit codes: 0 told; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.cli.queries.explain import explain_weight  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return explain_weight(portfolio, asset, as_of, _paths(snapshot), form)


def status(*, snapshot: Snapshot = None, form: Form = AS_TABLE) -> int:
    """Say whether all is well: portfolios, what waits or is halted, the last runs, what comes next.

    Example: `ballast status`

    The first line is the answer: halts, proposals, days that are held, failed or missing, files of the inbox that were
    not read or changed since, targets on corrected inputs, the worker. Days after the newest one are expected when it
    was published within a week of its close, or when something is scheduled: at the Prefect server at PREFECT_API_URL,
    else at the one of `ballast up`.

    Exit codes: 0 all is well; 1 an error, said in one sentence; 2 wrong usage; 7 something is not well or waits.

    """
    from flows.cli.queries.status import show_status  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_status(_paths(snapshot), form)


def diff(  # noqa: PLR0913 - one parameter a flag
    from_run: Annotated[str | None, Parameter(help="A published run, as `latest_runs` names it.")] = None,
    to_run: Annotated[str | None, Parameter(help="The run that is held against it.")] = None,
    /,
    *,
    first: Annotated[date | None, Parameter(name="--from", help="A day, instead of runs.")] = None,
    last: Annotated[date | None, Parameter(name="--to", help="The day that is held against it.")] = None,
    portfolio: Annotated[str | None, NAME, Parameter(help="Only this portfolio.")] = None,
    snapshot: Snapshot = None,
    form: Form = AS_TABLE,
) -> int:
    """Show what changed, and why: the newest day against the one before, two days, or two runs.

    Example: `ballast diff`

    Example: `ballast diff --from 2025-06-03 --to 2025-06-05 --portfolio core`

    A summary per portfolio comes first, then every weight that moved. --json and --csv have the weights.

    Exit codes: 0 shown; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.cli.queries.diff import show_difference  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return show_difference((from_run, to_run), (first, last), portfolio, _paths(snapshot), form)


def report(
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest published one.")] = None,
    portfolio: PortfolioIds = (),
    output: Annotated[
        Path | None, Parameter(help="The file, or a folder for it. Default: report-YYYY-MM-DD.html here.")
    ] = None,
    open_: Annotated[bool, Parameter(name="--open", negative="", help="Open it in the browser.")] = False,
    snapshot: Snapshot = None,
) -> int:
    """Write a day as one HTML file that opens offline: what to look at first, charts, every table.

    Example: `ballast report --as-of 2025-06-06 --open`

    A day that is held or waits has a page too. The path is written to stdout; a file of that name is replaced.

    Exit codes: 0 written; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.cli.queries.report import write_report  # noqa: PLC0415 - DuckDB, Polars and Altair take a while to import

    return write_report(as_of, portfolio, output, _paths(snapshot), shows=open_)


def sql(
    query: Annotated[str | None, Parameter(help="One query or several with `;` between them, in DuckDB's SQL.")] = None,
    /,
    *,
    snapshot: Snapshot = None,
    form: Form = AS_TABLE,
) -> int:
    """Ask the snapshot in SQL, read-only: one query, those of stdin, or a prompt.

    Example: `ballast sql "FROM current_targets"`

    Without a query a terminal gets a prompt, `.help` there says more; else what stdin has is asked.

    Exit codes: 0 answered; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.cli.queries.sql import ask  # noqa: PLC0415 - DuckDB and Polars take a while to import

    return ask(query, _paths(snapshot), form)


def _paths(snapshot: Path | None) -> dict[str, Path]:
    return {"snapshot": snapshot} if snapshot else {}
