"""`ballast replay`: compute published runs again, with progress, and show every value that differs."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from flows.replay import IDENTICAL, ReplayConfig, replay
from flows.server.flow_runner import run_watched
from flows.terminal.console import DIFFERENT, PROBLEMS, STOPPED, err, out, say, show, tell
from flows.terminal.output import give, is_for_program, sentences_of
from flows.terminal.parameters import AS_TABLE, Form
from tasks.config.settings import Settings
from tasks.errors import UsageError

_SHOWN = 50


def replay_runs(  # noqa: PLR0913, PLR0917 - the flags
    run_id: str | None,
    as_of: date | None,
    first: date | None,
    last: date | None,
    paths: Mapping[str, Path],
    form: Form = AS_TABLE,
) -> int:
    """Replay a run, the runs of a day, or those of a range."""
    console, began = err(), datetime.now(UTC)
    try:
        results = sentences_of(form)
        config = _config(run_id, as_of, first, last, Settings().writing_at(paths))
        state = run_watched(console, replay, config)
        say(state.message, results, console)
        if is_for_program(form):
            give(config.settings.open_warehouse().query("replays_since", since=began), form)
        elif state.name != IDENTICAL:
            _show_differences(config.settings, began)
    except PROBLEMS as problem:
        return tell(problem)
    except KeyboardInterrupt:
        console.print("[yellow]stopped:[/] what is replayed is recorded; run the same command again to replay all")
        return STOPPED
    return 0 if state.name == IDENTICAL else DIFFERENT


def _config(
    run_id: str | None, as_of: date | None, first: date | None, last: date | None, settings: Settings
) -> ReplayConfig:
    if as_of and (first or last):
        msg = "--as-of asks for one day, --from and --to for a range: give the one or the other"
        raise UsageError(msg)
    first, last = as_of or first, as_of or last
    has_range = bool(first and last and first <= last)
    if has_range == bool(run_id) or bool(run_id and (first or last)):
        msg = (
            "give a run, as in `ballast replay RUN_ID`, or --as-of, or --from and --to in order; got "
            f"{run_id or 'no run'}, {first or 'no first day'}, {last or 'no last day'}"
        )
        raise UsageError(msg)
    return ReplayConfig(run_id=run_id, first=first, last=last, settings=settings)


def _show_differences(settings: Settings, since: datetime) -> None:
    differences = settings.open_warehouse().query("differences_since", since=since, n_rows=_SHOWN + 1)
    show(out(), differences.head(_SHOWN), title="Differences")
    if differences.height > _SHOWN:
        out().print("and more, in replay_differences")
