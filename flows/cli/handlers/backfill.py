"""`ballast backfill`: the days of a range, many a second, with progress."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from flows.backfill import BackfillConfig, backfill, backfill_range
from flows.cli.handlers.run_request import warn_of_limits
from flows.cli.handlers.run_results import give_fates
from flows.server.flow_runner import run_watched
from flows.terminal.console import HELD, PROBLEMS, STOPPED, err, os_user, say, tell
from flows.terminal.output import is_for_program, sentences_of
from flows.terminal.parameters import AS_TABLE, Form
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.inputs.portfolio_groups import days_of_groups
from tasks.inputs.run_context import RunContext, read_context
from tasks.reports.run_reporting import HELD as HELD_STATE
from tasks.sources.discovery import find_sources


def backfill_days(  # noqa: PLR0913 - what a backfill is asked
    first: date,
    last: date,
    paths: Mapping[str, Path],
    *,
    keep_going: bool,
    approver: str = "",
    note: str = "",
    form: Form = AS_TABLE,
) -> int:
    """Publish the trading days of the range in order; stop at the first that is held, unless it is to keep going.

    Days that ask for approval are approved by `approver`, with the note.
    """
    console, began = err(), datetime.now(UTC)
    try:
        results = sentences_of(form)
        if last < first:
            msg = f"a range needs --from and --to in order, got {first} and {last}"
            raise UsageError(msg)
        settings = Settings().writing_at(paths)
        context = read_context(settings)
        warn_of_limits(console, context.limits)
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
        state = run_watched(console, backfill, config, partial(backfill_range, config, context))
        say(state.message, results, console)
        if is_for_program(form):
            give_fates(settings, form, began, (first, last))
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] what is published is whole; run the same command again to go on")
        return STOPPED
    return HELD if state.name == HELD_STATE else 0


def _require_scores(context: RunContext, days: Sequence[date]) -> None:
    """Refuse a range without scores before Prefect is started; a warehouse may have what the inbox has no more."""
    if not context.settings.warehouse.exists():
        find_sources(context.settings.inbox, days[0], context.feeds)
