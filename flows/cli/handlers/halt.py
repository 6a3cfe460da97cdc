"""`ballast halt` and `ballast resume`: set or lift the kill switch, without Prefect: it must not depend on a server."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from flows.terminal.console import err, os_user, print_message, require_words, show_warehouse_warnings
from flows.terminal.output import message_console, write_rows
from flows.terminal.parameters import AS_CONFIGURED, AS_TABLE, NAME, OutputFormat, PathOptions, Verbose, prepare
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.runs import halts

_Portfolio = Annotated[str, NAME, Parameter(help="The portfolios.")]
_AllPortfolios = Annotated[
    bool, Parameter(name="--all", negative="", help="All portfolios at once; halts of single ones are apart.")
]
_Reason = Annotated[str, Parameter(help="Why: it stands beside the halt for good.")]
_By = Annotated[str | None, Parameter(help="Who does it. Default: the user of this machine.")]


def halt(  # noqa: PLR0913 - the flags
    *portfolio_ids: _Portfolio,
    all_portfolios: _AllPortfolios = False,
    reason: _Reason,
    by: _By = None,
    paths: PathOptions = AS_CONFIGURED,
    form: OutputFormat = AS_TABLE,
    verbose: Verbose = False,
) -> None:
    """Halt the publication of portfolios."""
    prepare(verbose=verbose)
    _switch("halt", portfolio_ids, all_portfolios, by, reason, paths, form)


def resume(  # noqa: PLR0913 - the flags
    *portfolio_ids: _Portfolio,
    all_portfolios: _AllPortfolios = False,
    reason: _Reason,
    by: _By = None,
    paths: PathOptions = AS_CONFIGURED,
    form: OutputFormat = AS_TABLE,
    verbose: Verbose = False,
) -> None:
    """Lift a halt."""
    prepare(verbose=verbose)
    _switch("resume", portfolio_ids, all_portfolios, by, reason, paths, form)


def _switch(  # noqa: PLR0913, PLR0917 - the flags
    action: halts.Action,
    portfolio_ids: tuple[str, ...],
    all_portfolios: bool,  # noqa: FBT001 - the flag
    by: str | None,
    reason: str,
    paths: PathOptions,
    form: OutputFormat,
) -> None:
    """Halt or resume the portfolios. A program gets the halts that are then in force."""
    show_warehouse_warnings()
    if all_portfolios == bool(portfolio_ids):
        msg = f"give portfolios, as in `ballast {action} core`, or --all; got {' '.join(portfolio_ids) or 'none'}"
        raise UsageError(msg)
    who = require_words(by=os_user() if by is None else by, reason=reason)
    settings = Settings().writing_at(asdict(paths))
    print_message(
        halts.switch(settings, action, None if all_portfolios else portfolio_ids, **who), message_console(form), err()
    )
    if form.is_for_program:
        write_rows(settings.open_warehouse().query("halts_in_force"), form)
