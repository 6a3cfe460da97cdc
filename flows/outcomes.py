"""What became of a run, told where people and programs look: artifacts, an event, and the message of the flow run."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from prefect.logging import get_run_logger

from sql.errors import WarehouseError
from tasks import events
from tasks.approval import NOBODY_ASKED, Asked
from tasks.errors import SourceError
from tasks.ingest import Ingested
from tasks.ledger import OpenRun
from tasks.report import (
    report,
    report_failure,
    report_proposal,
    report_refusal,
    warn_of_later_days,
    warn_of_replaced_holdings,
    with_warnings,
)
from tasks.settings import Settings

HELD, PROPOSED, PUBLISHED, UNCHANGED, CLOSED = "Held", "Proposed", "Published", "Unchanged", "Closed"
"""The names of the states in which a day can complete."""

PRECEDENCE = (HELD, PROPOSED, PUBLISHED, UNCHANGED)
"""A flow run of several runs ends in the first of these that one of them is in."""

_COUNTS = ("n_positions", "n_open", "n_close", "n_increase", "n_decrease")
_WEIGHTS = ("cash_weight", "turnover")


@dataclass(frozen=True)
class Outcome:
    """One run and the state that it ended in. `is_new`: it came into it just now.

    `reason` and `mend`: why it is held, and what mends it. `asked`: why it waits.
    """

    run: OpenRun
    state: str
    reason: str = ""
    mend: str = ""
    asked: Asked = NOBODY_ASKED
    is_new: bool = True

    @property
    def run_id(self) -> str:
        """Give the name of the run."""
        return self.run.run_id


def tell(settings: Settings, day: date, outcome: Outcome, ingested: tuple[Ingested, ...]) -> str:
    """Store the artifacts of a run, send its event, and give it in one sentence, each warning on a line below it."""
    warnings = outcome.run.warnings
    if outcome.state == PUBLISHED:
        with settings.open_warehouse().kept_open() as kept:
            resting = warn_of_replaced_holdings(kept, outcome.run_id)
            told = (*warnings, *resting, *warn_of_later_days(kept, outcome.run_id))
        sentence = report(settings, day, replace(outcome.run, warnings=told), ingested)
        send(settings, events.PUBLISHED, day, outcome.run_id, outcome.run.inputs.limits, summary=sentence)
        return with_warnings(sentence, *told)
    if outcome.state == UNCHANGED:
        resting = warn_of_replaced_holdings(settings.open_warehouse(), outcome.run_id)
        return with_warnings(f"{outcome.run_id} is published already: nothing changed", *warnings, *resting)
    if outcome.state == PROPOSED:
        return with_warnings(_tell_proposal(settings, day, outcome), *warnings)
    report_failure(settings, day, outcome.run_id, outcome.reason)
    send(settings, events.HELD, day, outcome.run_id, outcome.run.inputs.limits, reason=outcome.reason)
    return f"{outcome.run_id} is held, the published targets stay: {outcome.reason}; {outcome.mend}"


def tell_rejected(settings: Settings, day: date, run: OpenRun, reason: str) -> None:
    """Store why checks refused the run, and send its event."""
    report_failure(settings, day, run.run_id, reason)
    send(settings, events.REJECTED, day, run.run_id, run.inputs.limits, reason=reason)


@contextmanager
def telling_refusals(settings: Settings, days: Sequence[date], key: str, again: str) -> Iterator[None]:
    """Show readers what an ingest of the days refused and recorded; the error goes on.

    *Requires* the key of the flow's artifact, and the command that reads the days `again`.
    """
    try:
        yield
    except SourceError as refused:
        try:
            if report_refusal(settings, days, str(refused), key, again):
                settings.open_warehouse().snapshot(days[-1])
        except (WarehouseError, OSError) as unseen:
            get_run_logger().error("readers do not see yet what was refused: %s", unseen)
        raise


def send(settings: Settings, event: str, day: date, run_id: str, portfolio_ids: Collection[str], **words: str) -> None:
    """Send the event of a run, with what the run does to each portfolio, where it has rows."""
    rows = settings.open_warehouse().query("day_summary", run_id=run_id).rows(named=True)
    portfolios: list[dict[str, Any]] = [
        {"portfolio_id": row["portfolio_id"]}
        | {name: row[name] for name in _COUNTS}
        | {name: float(row[name]) for name in _WEIGHTS}
        for row in rows
    ] or [{"portfolio_id": portfolio_id} for portfolio_id in sorted(portfolio_ids)]
    payload = {"as_of_date": day.isoformat(), "run_id": run_id, "portfolios": portfolios, **words}
    events.emit(event, f"ballast.run.{run_id}", payload)


def join(messages: Sequence[str], *notes: str) -> str:
    """Make one message of several: a sentence, and the warnings of all on lines below it."""
    parts = [message.split("\n") for message in messages]
    warnings = dict.fromkeys(line for _, *lines in parts for line in lines)
    return "\n".join(["; ".join([*(sentence for sentence, *_ in parts), *notes]), *warnings])


def _tell_proposal(settings: Settings, day: date, outcome: Outcome) -> str:
    how = (
        f"`ballast approve {outcome.run_id} --approver NAME --note WHY` or a run of the deployment publish with this "
        "run_id makes it visible"
    )
    if not outcome.is_new:
        return f"{outcome.run_id} waits for approval already: nothing changed; {how}"
    sentence = report_proposal(settings, day, outcome.run, outcome.asked.reasons)
    send(settings, events.PROPOSED, day, outcome.run_id, outcome.run.inputs.limits, reason=str(outcome.asked))
    return f"{outcome.run_id} waits for approval, nothing of it is visible: {outcome.asked}; {how}; {sentence}"
