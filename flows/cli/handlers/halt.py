"""`ballast halt` and `ballast resume`: set or lift the kill switch, without Prefect: it must not depend on a server."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.terminal.console import PROBLEMS, STOPPED, err, hear_warehouse, os_user, require_words, say, tell
from flows.terminal.output import give, is_for_program, sentences_of
from flows.terminal.parameters import Form
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.runs import halts


def switch(  # noqa: PLR0913 - what a halt is asked
    action: halts.Action,
    portfolio_ids: Sequence[str],
    *,
    all_portfolios: bool,
    by: str | None,
    reason: str,
    paths: Mapping[str, Path],
    form: Form,
) -> int:
    """Halt or resume the portfolios, or all of them; without `by` it is who runs the command.

    A program gets the halts that are then in force.
    """
    console = err()
    hear_warehouse()
    try:
        results = sentences_of(form)
        if all_portfolios == bool(portfolio_ids):
            msg = f"give portfolios, as in `ballast {action} core`, or --all; got {' '.join(portfolio_ids) or 'none'}"
            raise UsageError(msg)
        who = require_words(by=os_user() if by is None else by, reason=reason)
        settings = Settings().writing_at(paths)
        say(halts.switch(settings, action, None if all_portfolios else tuple(portfolio_ids), **who), results, console)
        if is_for_program(form):
            give(settings.open_warehouse().query("halts_in_force"), form)
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print('[yellow]stopped:[/] ask `ballast sql "FROM halts_in_force"` what is halted')
        return STOPPED
    return 0
