"""`ballast backfill`: the days of a range, many a second, with progress."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from flows.cli.handlers.run_request import warn_of_limits
from flows.cli.handlers.run_results import write_run_results
from flows.terminal.console import err, os_user, print_message
from flows.terminal.exit_codes import code_of_flow
from flows.terminal.output import message_console
from flows.terminal.parameters import (
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsFlowRun,
    OutputFormat,
    PathOptionsWithInbox,
    Verbose,
    prepare,
)
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.inputs.portfolio_groups import days_of_groups
from tasks.inputs.run_context import RunContext, read_context
from tasks.sources.discovery import find_sources


def backfill(  # noqa: PLR0913 - the flags
    *,
    first: Annotated[date, Parameter(name="--from", help="First day of the range.")],
    last: Annotated[date, Parameter(name="--to", help="Last day of the range.")],
    paths: PathOptionsWithInbox = AS_CONFIGURED_WITH_INBOX,
    keep_going: Annotated[
        bool, Parameter(help="Go on after a held day, from the targets published before it.")
    ] = False,
    approver: Annotated[
        str,
        Parameter(help="Who approves the days that require approval. Needed where a portfolio has an approval policy."),
    ] = "",
    note: Annotated[str, Parameter(help="Why they are approved.")] = "",
    form: OutputFormat = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Publish the trading days of the range in order; stop at the first that is held, unless it is to keep going."""
    prepare(verbose=verbose, prefect=prefect)
    # As it is imported, Prefect reads what `prepare` sets.
    from flows.backfill import BackfillConfig, backfill_range  # noqa: PLC0415
    from flows.backfill import backfill as flow  # noqa: PLC0415
    from flows.server.flow_runner import run_watched  # noqa: PLC0415

    began = datetime.now(UTC)
    if last < first:
        msg = f"a range needs --from and --to in order, got {first} and {last}"
        raise UsageError(msg)
    settings = Settings().writing_at(asdict(paths))
    context = read_context(settings)
    warn_of_limits(err(), context.limits)
    _require_scores(context, days_of_groups(context.groups, first, last))
    config = BackfillConfig(
        first=first,
        last=last,
        keep_going=keep_going,
        requested_by=os_user(),
        approver=approver,
        note=note,
        settings=settings,
    )
    state = run_watched(err(), flow, config, partial(backfill_range, config, context))
    print_message(state.message, message_console(form), err())
    if form.is_for_program:
        write_run_results(settings, form, began, (first, last))
    return code_of_flow(state.name)


def _require_scores(context: RunContext, days: Sequence[date]) -> None:
    """Reject a range without scores before Prefect is started; a warehouse may have what the inbox has no more."""
    if not context.settings.open_warehouse().exists():
        find_sources(context.settings.inbox, days[0], context.feeds)
