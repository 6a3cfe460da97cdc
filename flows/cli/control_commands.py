"""What a person decides: `ballast approve`, `ballast decline`, `ballast halt`, `ballast resume`.

Heavy imports wait until a command needs them.
"""

from typing import Annotated

from cyclopts import Parameter

from flows.terminal.parameters import (
    AS_CONFIGURED,
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    NAME,
    AllPortfolios,
    Approver,
    AsFlowRun,
    By,
    Form,
    Note,
    Places,
    PlacesWithInbox,
    Reason,
    RunId,
    Verbose,
    prepare,
)


def approve(  # noqa: PLR0913 - the flags
    run_id: RunId,
    /,
    *,
    note: Note,
    approver: Approver = None,
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: Form = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Make the targets of a run visible that waits for approval.

    It is refused when its inputs have changed since. Example:
    `ballast approve 2025-06-02-0123456789ab --note "turnover as expected"`

    Exit codes: 0 published; 1 an error, said in one sentence; 2 wrong usage; 3 publication is halted; 4 rejected;
    130 stopped.

    """
    prepare(verbose=verbose, prefect=prefect)
    from flows.cli.handlers.approval import decide  # noqa: PLC0415 - Prefect and Polars take a second to import

    return decide(run_id, "approve", approver, note, places.given(), form=form)


def decline(  # noqa: PLR0913 - the flags
    run_id: RunId,
    /,
    *,
    note: Note,
    approver: Approver = None,
    places: Places = AS_CONFIGURED,
    form: Form = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Let the published targets stay, instead of those of a run that waits for approval.

    Example: `ballast decline 2025-06-02-0123456789ab --note "too much turnover"`

    Exit codes: 0 declined; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    """
    prepare(verbose=verbose, prefect=prefect)
    from flows.cli.handlers.approval import decide  # noqa: PLC0415 - Prefect and Polars take a second to import

    return decide(run_id, "decline", approver, note, places.given(), form=form)


def halt(  # noqa: PLR0913 - the flags
    *portfolio_ids: Annotated[str, NAME, Parameter(help="The portfolios.")],
    all_portfolios: AllPortfolios = False,
    reason: Reason,
    by: By = None,
    places: Places = AS_CONFIGURED,
    form: Form = AS_TABLE,
    verbose: Verbose = False,
) -> int:
    """Halt publication: nothing of the portfolios becomes visible, by whatever flow or command, until they are resumed.

    Example: `ballast halt core --reason "the scores look wrong"`

    Exit codes: 0 halted; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    """
    prepare(verbose=verbose)
    from flows.cli.handlers.halt import switch  # noqa: PLC0415 - Polars takes a while to import

    return switch(
        "halt", portfolio_ids, all_portfolios=all_portfolios, by=by, reason=reason, paths=places.given(), form=form
    )


def resume(  # noqa: PLR0913 - the flags
    *portfolio_ids: Annotated[str, NAME, Parameter(help="The portfolios.")],
    all_portfolios: AllPortfolios = False,
    reason: Reason,
    by: By = None,
    places: Places = AS_CONFIGURED,
    form: Form = AS_TABLE,
    verbose: Verbose = False,
) -> int:
    """Lift a halt: of the portfolios, or with --all the one of all. Held days are published when they are run again.

    Example: `ballast resume core --reason "the scores are corrected"`

    Exit codes: 0 resumed; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    """
    prepare(verbose=verbose)
    from flows.cli.handlers.halt import switch  # noqa: PLC0415 - Polars takes a while to import

    return switch(
        "resume", portfolio_ids, all_portfolios=all_portfolios, by=by, reason=reason, paths=places.given(), form=form
    )
