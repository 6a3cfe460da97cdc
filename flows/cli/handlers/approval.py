"""`ballast approve` and `ballast decline`: decide on a run that waits for approval."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from flows.cli.handlers.run_results import write_run_results
from flows.terminal.console import err, os_user, print_message, require_words
from flows.terminal.exit_codes import code_of_flow
from flows.terminal.output import message_console
from flows.terminal.parameters import (
    AS_CONFIGURED,
    AS_CONFIGURED_WITH_INBOX,
    AS_TABLE,
    AsFlowRun,
    OutputFormat,
    PathOptions,
    PathOptionsWithInbox,
    Verbose,
    prepare,
)
from tasks.config.settings import Settings

RunId = Annotated[str, Parameter(help="The run, as `open_proposals` names it.")]
Note = Annotated[str, Parameter(help="Why: it stands beside the run for good.")]
Approver = Annotated[str | None, Parameter(help="Who decides. Default: the user of this machine.")]


def approve(  # noqa: PLR0913 - the flags
    run_id: RunId,
    /,
    *,
    note: Note,
    approver: Approver = None,
    paths: PathOptionsWithInbox = AS_CONFIGURED_WITH_INBOX,
    form: OutputFormat = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Publish a run that waits for approval."""
    prepare(verbose=verbose, prefect=prefect)
    return _decide(run_id, "approve", approver, note, paths, form)


def decline(  # noqa: PLR0913 - the flags
    run_id: RunId,
    /,
    *,
    note: Note,
    approver: Approver = None,
    paths: PathOptions = AS_CONFIGURED,
    form: OutputFormat = AS_TABLE,
    prefect: AsFlowRun = False,
    verbose: Verbose = False,
) -> int:
    """Decline a run that waits for approval."""
    prepare(verbose=verbose, prefect=prefect)
    return _decide(run_id, "decline", approver, note, paths, form)


def _decide(  # noqa: PLR0913, PLR0917 - the flags
    run_id: str,
    decision: Literal["approve", "decline"],
    approver: str | None,
    note: str,
    paths: PathOptions,
    form: OutputFormat,
) -> int:
    # As it is imported, Prefect reads what `prepare` sets.
    from flows.publish_proposal import PublishConfig, publish_proposal  # noqa: PLC0415
    from flows.server.flow_runner import run_watched  # noqa: PLC0415

    began = datetime.now(UTC)
    who = require_words(approver=os_user() if approver is None else approver, note=note)
    config = PublishConfig(run_id=run_id, decision=decision, **who, settings=Settings().writing_at(asdict(paths)))
    state = run_watched(err(), publish_proposal, config)
    print_message(state.message, message_console(form), err())
    if form.is_for_program:
        write_run_results(config.settings, form, began, (date.min, date.max))
    return code_of_flow(state.name)
