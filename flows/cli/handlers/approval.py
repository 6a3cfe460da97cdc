"""`ballast approve` and `ballast decline`: decide on a run that waits for a person."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from flows.cli.handlers.run_results import give_fates
from flows.publish_proposal import PublishConfig, publish_proposal
from flows.server.flow_runner import run_watched
from flows.terminal.console import HELD, PROBLEMS, STOPPED, err, os_user, require_words, say, tell
from flows.terminal.output import is_for_program, sentences_of
from flows.terminal.parameters import Form
from tasks.config.settings import Settings
from tasks.reports.run_reporting import HELD as HELD_STATE


def decide(  # noqa: PLR0913 - what a decision says
    run_id: str,
    decision: Literal["approve", "decline"],
    approver: str | None,
    note: str,
    paths: Mapping[str, Path],
    *,
    form: Form,
) -> int:
    """Approve or decline the run; without an approver it is who runs the command."""
    console, began = err(), datetime.now(UTC)
    try:
        results = sentences_of(form)
        who = require_words(approver=os_user() if approver is None else approver, note=note)
        config = PublishConfig(run_id=run_id, decision=decision, **who, settings=Settings().writing_at(paths))
        state = run_watched(console, publish_proposal, config)
        say(state.message, results, console)
        if is_for_program(form):
            give_fates(config.settings, form, began, (date.min, date.max))
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] it is decided or it is not; run the same command again to see")
        return STOPPED
    return HELD if state.name == HELD_STATE else 0
