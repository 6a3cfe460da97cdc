"""`ballast run`: one day or a range, with progress, and the targets of the last day at the end."""

import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from flows.cli.handlers.run_request import requested_days, warn
from flows.cli.handlers.run_results import Failure, write_run_results
from flows.cli.limit_parameters import LIMITS_AS_CONFIGURED, LimitFlags
from flows.terminal.console import (
    err,
    os_user,
    out,
    print_error,
    print_message,
    progress_bar,
    show,
    show_warehouse_warnings,
)
from flows.terminal.exit_codes import OF_STATE, ExitCode, code_of
from flows.terminal.foremost import count_others, only, summary_of
from flows.terminal.parameters import (
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsFlowRun,
    AsOf,
    OutputFormat,
    PathOptionsWithInbox,
    PortfolioIds,
    Verbose,
    prepare,
)
from flows.terminal.trade_tables import ALWAYS, show_trade_totals, target_table
from sizing.errors import BallastError
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import PROBLEMS, FailedPortfoliosError
from tasks.inputs.run_context import read_context
from tasks.progress import watched_by
from tasks.reports.priority import ORDER, first_portfolios
from tasks.run_state import RunState
from tasks.sources.discovery import find_sources

_COLORS = {
    RunState.PUBLISHED: "green",
    RunState.UNCHANGED: "cyan",
    RunState.HELD: "yellow",
    RunState.PROPOSED: "magenta",
}


@dataclass(frozen=True)
class _Ended:
    """How the days ended: those that have targets, the exit code, and what an error ended."""

    done: tuple[date, ...]
    code: ExitCode = ExitCode.OK
    failures: tuple[Failure, ...] = ()


def run(  # noqa: PLR0913 - the flags
    *,
    as_of: AsOf = None,
    first: Annotated[date | None, Parameter(name="--from", help="First day of a range.")] = None,
    last: Annotated[date | None, Parameter(name="--to", help="Last day of a range.")] = None,
    portfolio: PortfolioIds = (),
    paths: PathOptionsWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: OutputFormat = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
    limits: LimitFlags = LIMITS_AS_CONFIGURED,
) -> int:
    """Run the day, or each trading day of the range in order, up to one that is held, waits for approval or fails."""
    prepare(verbose=verbose, prefect=prefect)
    # As it is imported, Prefect reads what `prepare` sets.
    from flows.daily_rebalance import daily_rebalance, rebalance_day  # noqa: PLC0415
    from flows.server.flow_runner import flow_engine, run_flow, starting  # noqa: PLC0415

    console, began = err(), datetime.now(UTC)
    show_warehouse_warnings()
    request = RebalanceConfig(
        portfolio_ids=portfolio,
        limits=dict(limits),
        requested_by=os_user(),
        settings=Settings().writing_at(asdict(paths)),
    )
    context = read_context(request.settings, request.portfolio_ids, request.limits)
    days = requested_days(context, as_of, first, last)
    for day in days:
        find_sources(context.settings.inbox, day, context.feeds)
    warn(console, context)

    def run_day(day: date) -> Any:  # noqa: ANN401 - Prefect's State, which is imported late
        config = request.model_copy(update={"as_of_date": day})
        return run_flow(daily_rebalance, config, partial(rebalance_day, config, context))

    with flow_engine():
        ended = _run_each(console, days, run_day, starting())
    if form.is_for_program:
        write_run_results(context.settings, form, began, (days[0], days[-1]), ended.failures)
    elif ended.done:
        _show(context.settings, ended.done[-1])
    return ended.code


def _run_each(console: Console, days: tuple[date, ...], run_day: Callable[[date], Any], words: str) -> _Ended:
    """Run the days in order, up to one that is held, proposed or fails."""
    with progress_bar(console) as progress:
        bar = progress.add_task(words, total=len(days))
        part = progress.add_task("", total=None, visible=False)

        def show_part(done: int, total: int, words: str) -> None:
            progress.update(part, completed=done, total=total, description=words, visible=done < total)

        for number, day in enumerate(days):
            try:
                with watched_by(show_part):
                    state = run_day(day)
            except FailedPortfoliosError as some:
                return _end_partly(console, days[:number], some)
            except PROBLEMS as problem:
                return _Ended(days[:number], print_error(problem), (Failure(day, (), str(problem)),))
            progress.update(bar, advance=1, description=f"after {day}")
            name = RunState(state.name.lower())
            _print_day(console, day, name, state.message)
            if name in OF_STATE:
                return _Ended(days[:number], OF_STATE[name])
    return _Ended(days)


def _end_partly(console: Console, before: tuple[date, ...], some: FailedPortfoliosError) -> _Ended:
    """End with a day of which some portfolios failed: report the others, then each failure."""
    if some.state:
        _print_day(console, some.day, some.state, some.message)
    for sentence in some.sentences:
        print_error(BallastError(sentence))
    failures = tuple(Failure(some.day, portfolio_ids, str(problem)) for portfolio_ids, problem in some.failures)
    has_targets = some.state and some.state not in OF_STATE
    return _Ended((*before, some.day) if has_targets else before, code_of(some), failures)


def _print_day(console: Console, day: date, state: RunState, message: str | None) -> None:
    print_message(message, console, console, f"{day} [{_COLORS[state]}]{state}[/] ")


def _show(settings: Settings, day: date) -> None:
    """Show the targets of the day, where everything is, and what to do next."""
    console = out()
    with settings.open_warehouse().kept_open() as warehouse:
        visible = warehouse.query("visible_on_days", days=[day])
        summary = summary_of(warehouse, visible)
        ids = first_portfolios(summary)
        first = warehouse.query("shown_targets", portfolio_ids=ids, as_of_date=day, visible_at=ALWAYS)
    show(console, target_table(console, first), title=f"Targets of {day}")
    show_trade_totals(console, only(summary, ids))
    count_others(console, visible, first, ORDER, "`ballast targets NAME` shows others")
    snapshot = f"snapshot  {settings.snapshot}\n" if settings.store == "embedded" else ""
    console.print(f"database  {settings.open_warehouse().name}\n{snapshot}exports   {settings.export_folder}\n")
    console.print(f"Next{_where()}:")
    for command in _next_commands(settings, day, *first.select("portfolio_id", "asset").row(0)):
        console.print(f"  {escape(command)}")


def _where() -> str:
    """Return where `ballast` is, if the shell does not find it."""
    here = Path(sys.executable).with_name("ballast")
    if shutil.which("ballast") or not here.exists():
        return ""
    return f" (`ballast` is {here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here})"


def _next_commands(settings: Settings, day: date, portfolio_id: str, asset: str) -> tuple[str, ...]:
    is_default = settings.snapshot == Settings().snapshot
    where = "" if is_default else f" --snapshot {shlex.quote(str(settings.snapshot))}"
    weight = f"{shlex.quote(portfolio_id)} {shlex.quote(asset)} --as-of {day}"
    return (
        f"ballast explain {weight}{where}  # the story of one weight",
        f"ballast report --as-of {day}{where}  # the day on one page",
        f'ballast sql "FROM rejected_rows SELECT source, row_number, reason"{where}',
        "ballast up  # every evening by itself, watched in the browser",
    )
