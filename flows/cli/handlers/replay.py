"""`ballast replay`: compute published runs again, with progress, and show every value that differs."""

from datetime import UTC, date, datetime
from typing import Annotated

from cyclopts import Parameter

from flows.terminal.console import err, out, print_message, show
from flows.terminal.exit_codes import ExitCode
from flows.terminal.output import message_console, write_rows
from flows.terminal.parameters import AS_TABLE, AsFlowRun, OutputFormat, Verbose, Warehouse, prepare
from tasks.config.settings import Settings
from tasks.errors import UsageError

_SHOWN = 50


def replay(  # noqa: PLR0913 - the flags
    run_id: Annotated[str | None, Parameter(help="The run.")] = None,
    /,
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day, for all its runs.")] = None,
    first: Annotated[date | None, Parameter(name="--from", help="First day of a range.")] = None,
    last: Annotated[date | None, Parameter(name="--to", help="Last day of a range.")] = None,
    warehouse: Warehouse = None,
    form: OutputFormat = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Replay a run, the runs of a day, or those of a range."""
    prepare(verbose=verbose, prefect=prefect)
    # As it is imported, Prefect reads what `prepare` sets.
    from flows.replay import IDENTICAL, ReplayConfig  # noqa: PLC0415
    from flows.replay import replay as flow  # noqa: PLC0415
    from flows.server.flow_runner import run_watched  # noqa: PLC0415

    began = datetime.now(UTC)
    days = _days(run_id, as_of, first, last)
    settings = Settings().writing_at({"warehouse": warehouse})
    state = run_watched(err(), flow, ReplayConfig(run_id=run_id, first=days[0], last=days[1], settings=settings))
    print_message(state.message, message_console(form), err())
    if form.is_for_program:
        write_rows(settings.open_warehouse().query("replays_since", since=began), form)
    elif state.name != IDENTICAL:
        _show_differences(settings, began)
    return ExitCode.OK if state.name == IDENTICAL else ExitCode.DIFFERENT


def _days(
    run_id: str | None, as_of: date | None, first: date | None, last: date | None
) -> tuple[date | None, date | None]:
    """Return the first and the last day, None for a run. *Raises* `UsageError` for what is neither."""
    if as_of and (first or last):
        msg = "--as-of asks for one day, --from and --to for a range: give the one or the other"
        raise UsageError(msg)
    first, last = as_of or first, as_of or last
    has_range = bool(first and last and first <= last)
    if has_range == bool(run_id) or bool(run_id and (first or last)):
        msg = (
            "give a run, as in `ballast replay RUN_ID`, or --as-of, or --from and --to in order; got "
            f"{run_id or 'no run'}, {first or 'no first day'}, {last or 'no last day'}"
        )
        raise UsageError(msg)
    return first, last


def _show_differences(settings: Settings, since: datetime) -> None:
    differences = settings.open_warehouse().query("differences_since", since=since, n_rows=_SHOWN + 1)
    show(out(), differences.head(_SHOWN), title="Differences")
    if differences.height > _SHOWN:
        out().print("and more, in replay_differences")
