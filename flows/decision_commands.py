"""What a person decides: `ballast approve`, `ballast decline`, `ballast halt`, `ballast resume`.

Heavy imports wait until a command needs them.
"""

from typing import Annotated

from cyclopts import Parameter

from flows.flags import AS_CONFIGURED, AS_CONFIGURED_WITH_INBOX, Places, PlacesWithInbox, prepare


def approve(
    run_id: str,
    /,
    *,
    note: str,
    approver: str | None = None,
    places: PlacesWithInbox = AS_CONFIGURED_WITH_INBOX,
    verbose: bool = False,
) -> int:
    """Make the targets of a run visible that waits for approval.

    It is refused when its inputs have changed since. Example:
    `ballast approve 2025-06-02-0123456789ab --note "turnover as expected"`

    Exit codes: 0 published; 1 an error, said in one sentence; 2 wrong usage; 3 publication is halted; 4 rejected;
    130 stopped.

    Parameters
    ----------
    run_id
        The run, as `open_proposals` names it.
    note
        Why.
    approver
        Who approves. Default: the user of this machine.
    places
        Where this installation keeps its things.
    verbose
        Show what Prefect logs.

    """
    prepare(verbose=verbose)
    from flows.approval_command import decide  # noqa: PLC0415 - Prefect and Polars take a second to import

    return decide(run_id, "approve", approver, note, places.given())


def decline(
    run_id: str,
    /,
    *,
    note: str,
    approver: str | None = None,
    places: Places = AS_CONFIGURED,
    verbose: bool = False,
) -> int:
    """Let the published targets stay, instead of those of a run that waits for approval.

    Example: `ballast decline 2025-06-02-0123456789ab --note "too much turnover"`

    Exit codes: 0 declined; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    Parameters
    ----------
    run_id
        The run, as `open_proposals` names it.
    note
        Why.
    approver
        Who declines. Default: the user of this machine.
    places
        Where this installation keeps its things.
    verbose
        Show what Prefect logs.

    """
    prepare(verbose=verbose)
    from flows.approval_command import decide  # noqa: PLC0415 - Prefect and Polars take a second to import

    return decide(run_id, "decline", approver, note, places.given())


def halt(
    *portfolio_ids: str,
    all_portfolios: Annotated[bool, Parameter(name="--all", negative="")] = False,
    reason: str,
    by: str | None = None,
    places: Places = AS_CONFIGURED,
    verbose: bool = False,
) -> int:
    """Halt publication: nothing of the portfolios becomes visible, by whatever flow or command, until they are resumed.

    Example: `ballast halt core --reason "the scores look wrong"`

    Exit codes: 0 halted; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    Parameters
    ----------
    portfolio_ids
        The portfolios.
    all_portfolios
        All portfolios.
    reason
        Why.
    by
        Who halts. Default: the user of this machine.
    places
        Where this installation keeps its things.
    verbose
        Show what Prefect logs.

    """
    prepare(verbose=verbose)
    from flows.halt_command import switch  # noqa: PLC0415 - Prefect and Polars take a second to import

    return switch("halt", portfolio_ids, all_portfolios=all_portfolios, by=by, reason=reason, paths=places.given())


def resume(
    *portfolio_ids: str,
    all_portfolios: Annotated[bool, Parameter(name="--all", negative="")] = False,
    reason: str,
    by: str | None = None,
    places: Places = AS_CONFIGURED,
    verbose: bool = False,
) -> int:
    """Lift a halt: of the portfolios, or with --all the one of all. Held days are published when they are run again.

    Example: `ballast resume core --reason "the scores are corrected"`

    Exit codes: 0 resumed; 1 an error, said in one sentence; 2 wrong usage; 130 stopped.

    Parameters
    ----------
    portfolio_ids
        The portfolios.
    all_portfolios
        Lift the halt of all portfolios; halts of single ones stay.
    reason
        Why.
    by
        Who resumes. Default: the user of this machine.
    places
        Where this installation keeps its things.
    verbose
        Show what Prefect logs.

    """
    prepare(verbose=verbose)
    from flows.halt_command import switch  # noqa: PLC0415 - Prefect and Polars take a second to import

    return switch("resume", portfolio_ids, all_portfolios=all_portfolios, by=by, reason=reason, paths=places.given())
