"""The result of the days of a backfill, in words: one sentence, and an artifact."""

from datetime import date
from typing import NamedTuple

from sizing.text import first_of, grouped
from tasks.artifacts import show_markdown
from tasks.run_state import RunState
from tasks.runs.ingest import Ingested, summarise_rejects
from tasks.stages import stage
from tasks.text import with_warnings


class DayDone(NamedTuple):
    """The result of a day: published, unchanged or held, why it is held, and whether an earlier run was visible."""

    day: date
    state: RunState
    run_id: str
    reason: str
    warnings: tuple[str, ...]
    was_visible: bool = False


@stage("report")
def report_backfill(done: tuple[DayDone, ...], ingested: tuple[Ingested, ...]) -> str:
    """Store the result of the days as an artifact, and return it in one sentence, each warning on a line below it."""
    sentence = "; ".join([summarise(done), *summarise_rejects(ingested)])
    held = [f"- Held: {one}" for one in _held(done)]
    warnings = first_of(list(dict.fromkeys(warning for one in done for warning in one.warnings)))
    warned = [f"- Warning: {one}" for one in warnings]
    show_markdown("\n".join([f"# Backfill: {sentence}", "", *held, *warned]), key="backfill")
    return with_warnings(sentence, *warnings)


def summarise(done: tuple[DayDone, ...]) -> str:
    """Return how many days became what, of how many an earlier run is superseded, and which are held."""
    states = [one.state for one in done]
    n_instead = sum(one.state == RunState.PUBLISHED and one.was_visible for one in done)
    more = {RunState.PUBLISHED: f" ({n_instead} of them instead of an earlier run)"} if n_instead else {}
    counts = ", ".join(
        f"{states.count(state)} {state}{more.get(state, '')}"
        for state in (RunState.PUBLISHED, RunState.UNCHANGED, RunState.HELD)
        if states.count(state)
    )
    days = [one.day for one in done]
    return "; ".join([f"{min(days)} to {max(days)}: {counts}", *_held(done)])


def _held(done: tuple[DayDone, ...]) -> list[str]:
    """Return which days are held and why, the same of many days once."""
    held = ((str(one.day), one.reason) for one in done if one.state == RunState.HELD)
    return first_of([f"{days}: {reason}" for days, reason in grouped(held)])
