"""What stops a publication counts sessions as its run counted them: 10 days before a Monday are 5 of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sql.errors import PublishRejectedError
from sql.warehouse import Warehouse
from tests.sql.checks.warehouse_broken_lifecycles import change, days, stopped
from tests.sql.checks.warehouse_broken_runs import Frames
from tests.sql.warehouse_samples import make_frames, make_run

SESSIONS_SINCE = {"2026-02-20": 5, "2026-02-02": 20}
"""Recorded sessions to 2026-03-02: the last ones of a cooldown of 5 and of a window of 20."""


def _failures(warehouse: Warehouse, frames: Frames, **limits: object) -> list[str]:
    run = make_run("r1", **limits)
    warehouse.start_run(replace(run, inputs=run.inputs | {"sessions_since": SESSIONS_SINCE}), "test")
    try:
        warehouse.publish("r1", frames, "test")
    except PublishRejectedError as rejected:
        return [name for name, _, _ in rejected.failures]
    return []


@pytest.mark.parametrize(
    ("limits", "closed", "is_refused"),
    [
        ({}, (10,), True),
        ({"reentry_cooldown_days": 4}, (10,), False),
        ({"reentry_score": 0.8}, (10,), False),
        ({"max_round_trips": 1}, (28,), True),
        ({"max_round_trips": 1, "round_trip_window_days": 19}, (28,), False),
        ({"max_round_trips": 2}, (28,), False),
    ],
)
def test_an_opening_on_the_last_day_over_weekends_is_refused(
    warehouse: Warehouse, limits: dict[str, object], closed: tuple[int, ...], *, is_refused: bool
) -> None:
    frames = change("lifecycle", "AAA", closed_on=days(*closed))(make_frames())
    assert _failures(warehouse, frames, **limits) == ["nothing_comes_back_too_soon"] * is_refused


@pytest.mark.parametrize(
    ("stop", "is_refused"),
    [
        (stopped("reentry_cooldown_days", 1, 10), False),
        (stopped("reentry_cooldown_days", 2, 10), True),
        (stopped("max_round_trips", 1, 10, 28), False),
        (stopped("max_round_trips", 2, 10, 28), True),
    ],
)
def test_the_days_left_are_exactly_those_that_were_counted(
    warehouse: Warehouse, stop: Callable[[Frames], Frames], *, is_refused: bool
) -> None:
    failures = _failures(warehouse, stop(make_frames()))
    assert ("nothing_comes_back_too_soon" in failures) == is_refused
