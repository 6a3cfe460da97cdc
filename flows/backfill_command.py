"""`ballast backfill`: the days of a range, many a second, with progress."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from flows.backfill import BackfillConfig, backfill
from flows.engine import os_user, run_watched
from flows.outcomes import HELD as HELD_STATE
from flows.run_command import warn
from flows.show import HELD, PROBLEMS, STOPPED, err, out, say, tell
from tasks.errors import UsageError
from tasks.portfolios import load_portfolios
from tasks.settings import Settings


def backfill_days(  # noqa: PLR0913 - what a backfill is asked
    first: date,
    last: date,
    paths: Mapping[str, Path],
    *,
    keep_going: bool,
    approver: str = "",
    note: str = "",
) -> int:
    """Publish the trading days of the range in order; stop at the first that is held, unless it is to keep going.

    Days that ask for approval are approved by `approver`, with the note.
    """
    console = err()
    try:
        if last < first:
            msg = f"a range needs --from and --to in order, got {first} and {last}"
            raise UsageError(msg)
        settings = Settings().at(paths)
        limits = load_portfolios(settings.config)
        warn(console, limits)
        config = BackfillConfig(
            first=first,
            last=last,
            keep_going=keep_going,
            portfolios=limits,
            requested_by=os_user(),
            approver=approver,
            note=note,
            settings=settings,
        )
        state = run_watched(console, lambda: backfill(config, return_state=True))
        say(state.message, out(), console)
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] what is published is whole; run the same command again to go on")
        return STOPPED
    return HELD if state.name == HELD_STATE else 0
