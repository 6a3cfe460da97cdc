"""The result of a run, reported where people and programs look: artifacts, an event, the message of the flow run."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from sizing.text import MOST_NAMED
from sql.errors import WarehouseError
from tasks import events
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.inputs.warnings.superseded_holdings import warn_of_later_days, warn_of_replaced_holdings
from tasks.reports.priority import first_portfolios
from tasks.reports.run_artifacts import report, report_failure, report_proposal, report_rejection
from tasks.run_state import RunState
from tasks.runs.approval import NO_REQUEST, ApprovalRequest
from tasks.runs.ingest import Ingested
from tasks.runs.run_record import OpenRun
from tasks.stages import run_logger

_COUNTS = ("n_positions", "n_open", "n_close", "n_increase", "n_decrease")
_WEIGHTS = ("cash_weight", "turnover")


@dataclass(frozen=True)
class Outcome:
    """One run and the state that it ended in. `is_new`: it came into it just now.

    `reason` and `fix`: why it is held, and what fixes it. `request`: why it waits.
    """

    run: OpenRun
    state: RunState
    reason: str = ""
    fix: str = ""
    request: ApprovalRequest = NO_REQUEST
    is_new: bool = True

    @property
    def run_id(self) -> str:
        """Return the name of the run."""
        return self.run.run_id


class Message(NamedTuple):
    """The result of a run in one sentence, and what to be warned of."""

    sentence: str
    warnings: tuple[str, ...] = ()


def report_outcome(settings: Settings, day: date, outcome: Outcome, ingested: tuple[Ingested, ...]) -> Message:
    """Store the artifacts of a run, send its event, and return the result of it."""
    warnings = outcome.run.warnings
    if outcome.state == RunState.PUBLISHED:
        with settings.open_warehouse().kept_open() as kept:
            resting = warn_of_replaced_holdings(kept, outcome.run_id)
            all_warnings = (*warnings, *resting, *warn_of_later_days(kept, outcome.run_id))
        sentence, rows = report(settings, day, outcome.run, ingested, all_warnings)
        send(events.PUBLISHED, day, outcome.run_id, outcome.run.inputs.limits, rows, summary=sentence)
        return Message(sentence, all_warnings)
    if outcome.state == RunState.UNCHANGED:
        resting = warn_of_replaced_holdings(settings.open_warehouse(), outcome.run_id)
        return Message(f"{outcome.run_id} is published already: nothing changed", (*warnings, *resting))
    if outcome.state == RunState.PROPOSED:
        return Message(_report_proposal(settings, day, outcome), warnings)
    report_failure(settings, day, outcome.run_id, outcome.reason)
    rows = read_summary(settings, outcome.run_id)
    send(events.HELD, day, outcome.run_id, outcome.run.inputs.limits, rows, reason=outcome.reason)
    return Message(f"{outcome.run_id} is held, the published targets stay: {outcome.reason}; {outcome.fix}")


def report_rejected(settings: Settings, day: date, run: OpenRun, reason: str) -> None:
    """Store why checks rejected the run, and send its event."""
    report_failure(settings, day, run.run_id, reason)
    send(events.REJECTED, day, run.run_id, run.inputs.limits, read_summary(settings, run.run_id), reason=reason)


@contextmanager
def reporting_rejections(settings: Settings, days: Sequence[date], key: str, again: str) -> Iterator[None]:
    """Show readers what an ingest of the days rejected and recorded; the error goes on.

    *Requires* the key of the flow's artifact, and the command that reads the days `again`.
    """
    try:
        yield
    except SourceError as rejected:
        try:
            if report_rejection(settings, days, str(rejected), key, again):
                settings.open_warehouse().snapshot(days[-1])
        except (WarehouseError, OSError) as unseen:
            run_logger().error("readers do not see yet what was rejected: %s", unseen)
        raise


def read_summary(settings: Settings, run_id: str) -> pl.DataFrame:
    """Return the rows of `day_summary` of a run; none of one that was not computed."""
    return settings.open_warehouse().query("day_summary", run_ids=[run_id])


def send(
    event: str, day: date, run_id: str, portfolio_ids: Collection[str], summary_rows: pl.DataFrame, **words: str
) -> None:
    """Send the event of a run, with what it does to each portfolio, where it has rows. *Requires* `day_summary`.

    Of many portfolios the first are sent, and how many there are: Prefect drops an event that is too large.
    """
    shown = first_portfolios(summary_rows)
    portfolios: list[dict[str, Any]] = [
        {"portfolio_id": row["portfolio_id"]}
        | {name: row[name] for name in _COUNTS}
        | {name: float(row[name]) for name in _WEIGHTS}
        for row in summary_rows.filter(pl.col("portfolio_id").is_in(shown)).rows(named=True)
    ] or [{"portfolio_id": portfolio_id} for portfolio_id in sorted(portfolio_ids)[:MOST_NAMED]]
    payload = {
        "as_of_date": day.isoformat(),
        "run_id": run_id,
        "n_portfolios": summary_rows.height or len(portfolio_ids),
        "portfolios": portfolios,
        **words,
    }
    events.emit(event, f"ballast.run.{run_id}", payload)


def join(messages: Sequence[Message], *notes: str) -> Message:
    """Make one message of one or several: their sentences and the notes on one line, and every warning once."""
    warnings = dict.fromkeys(warning for message in messages for warning in message.warnings)
    sentences = "; ".join([*(message.sentence for message in messages), *notes])
    return Message(" ".join(sentences.splitlines()), tuple(warnings))


def _report_proposal(settings: Settings, day: date, outcome: Outcome) -> str:
    how = (
        f"`ballast approve {outcome.run_id} --approver NAME --note WHY` or a run of the deployment publish with this "
        "run_id makes it visible"
    )
    if not outcome.is_new:
        return f"{outcome.run_id} waits for approval already: nothing changed; {how}"
    sentence, rows = report_proposal(settings, day, outcome.run, outcome.request.reasons)
    send(events.PROPOSED, day, outcome.run_id, outcome.run.inputs.limits, rows, reason=str(outcome.request))
    return f"{outcome.run_id} waits for approval, nothing of it is visible: {outcome.request}; {how}; {sentence}"
