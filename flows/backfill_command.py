"""`ballast backfill`: the days of a range, many a second, with progress."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.backfill import HELD_STATE, BackfillConfig, backfill
from flows.engine import run_watched
from flows.run_command import warn
from flows.show import HELD, PROBLEMS, STOPPED, err, out, tell
from tasks.errors import UsageError
from tasks.portfolios import load_portfolios
from tasks.settings import Settings


def backfill_days(first: date, last: date, paths: Mapping[str, Path], *, keep_going: bool) -> int:
    """Publish the trading days of the range in order; stop at the first that is held, unless it is to keep going."""
    console = err()
    try:
        if last < first:
            msg = f"a range needs --from and --to in order, got {first} and {last}"
            raise UsageError(msg)
        settings = Settings().at(paths)
        limits = load_portfolios(settings.config)
        warn(console, limits)
        config = BackfillConfig(first=first, last=last, keep_going=keep_going, portfolios=limits, settings=settings)
        state = run_watched(console, lambda: backfill(config, return_state=True))
        _tell(console, state.message or "")
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] what is published is whole; run the same command again to go on")
        return STOPPED
    return HELD if state.name == HELD_STATE else 0


def _tell(console: Console, message: str) -> None:
    sentence, *warnings = message.split("\n")
    out().print(escape(sentence))
    for warning in warnings:
        console.print(f"[yellow]{escape(warning)}[/]")
