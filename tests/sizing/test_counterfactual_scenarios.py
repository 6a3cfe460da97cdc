"""How the counterfactual is computed makes no difference: how many wait in the narrow pools, how many fit a batch."""

from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import decide, select_candidates
from sizing.selection import entry_score, rivals, scenarios
from tests.properties.selection_days import make_day
from tests.sizing.days import a_day, decisions, limits


def decided(day: DayInputs) -> pl.DataFrame:
    return decide(select_candidates(day), day)


@pytest.fixture(params=range(2))
def day(request: pytest.FixtureRequest) -> DayInputs:
    return make_day(Random(request.param), 60).day()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count who was asked about again, because the last of a bucket in the narrow pool came in."""
    counts: list[int] = []

    def counted(frame: pl.DataFrame) -> pl.DataFrame:
        found = scenarios.find_unsure(frame)
        counts.append(found.height)
        return found

    monkeypatch.setattr(entry_score, "find_unsure", counted)
    monkeypatch.setattr(rivals, "find_unsure", counted)
    return counts


@pytest.mark.parametrize("waiting", [1, 1_000])
def test_it_does_not_matter_how_many_who_wait_are_asked_about_at_first(
    day: DayInputs, waiting: int, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = decided(day)
    asked.clear()
    monkeypatch.setattr(entry_score, "FIRST_WAITING", waiting)
    monkeypatch.setattr(rivals, "FIRST_WAITING", waiting)
    assert_frame_equal(decided(day), before, check_exact=True)
    assert (sum(asked) > 0) == (waiting == 1)  # with one of each bucket, many had to be asked again


@pytest.mark.slow
@pytest.mark.parametrize("rows", [300, 5_000])
def test_it_does_not_matter_how_many_pools_fit_a_batch(
    day: DayInputs, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = decided(day)
    monkeypatch.setattr(scenarios, "_BATCH_ROWS", rows)
    assert_frame_equal(decided(day), before, check_exact=True)


def test_a_bucket_with_many_who_wait_gives_each_the_same_rival() -> None:
    # one place in t, held by the best of thirty: every other would take it just above, in its place
    scores = {f"t{number:02}": round(0.9 - number / 1000, 3) for number in range(30)}
    rows = decisions(a_day(limits(max_positions_per_bucket=1, min_buckets_represented=0), scores=scores))
    waiting = {asset: row for asset, row in rows.items() if not row["is_selected"]}
    assert len(waiting) == 29
    assert {(row["entry_score"], row["rival"]) for row in waiting.values()} == {(0.900000000001, "t00")}
