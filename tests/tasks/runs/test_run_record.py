"""Whose word counts for what a portfolio holds, and what makes two runs the same."""

from datetime import date

import polars as pl
import pytest

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from sizing.frames.holding_states import STATE_COLUMNS, count_days
from tasks.inputs.day_sources import newest_holdings
from tasks.inputs.fingerprints import Fingerprints, LimitSets, run_id
from tasks.inputs.holding_states import sources_of_states

_SOURCES = {"day": pl.Date, "kind": pl.String, "portfolio_id": pl.String, "as_of_date": pl.Date}
_HOLDINGS = {"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8)}


def _newest(*held: tuple[str, str, int]) -> list[tuple[object, ...]]:
    rows = [(date(2025, 6, 3), kind, portfolio, date(2025, 6, day)) for kind, portfolio, day in held]
    newest = newest_holdings(pl.DataFrame(rows, schema=_SOURCES, orient="row"))
    return newest.select("portfolio_id", "kind").sort(pl.all()).rows()


def test_positions_of_the_day_precede_targets_of_yesterday() -> None:
    assert _newest(("positions", "p", 3), ("targets", "p", 2)) == [("p", "positions")]


def test_targets_precede_the_positions_they_were_made_from() -> None:
    assert _newest(("positions", "p", 2), ("targets", "p", 2)) == [("p", "targets")]


def test_each_portfolio_takes_its_own_newest_source() -> None:
    held = [("positions", "p", 3), ("positions", "q", 2), ("targets", "p", 2), ("targets", "q", 2), ("targets", "r", 2)]
    assert _newest(*held) == [("p", "positions"), ("q", "targets"), ("r", "targets")]


def _inputs(score: float, *, reverse: bool = False, limits: RebalancingLimits | None = None) -> DayFrames:
    scores = pl.DataFrame({"model": "default", "asset": ["AAA", "BBB"], "score": [score, 0.7]}).with_columns(
        score_date=pl.lit(date(2025, 6, 2)),
        score_age_days=pl.lit(0, pl.Int32),
        technical_score=pl.lit(None, pl.Float64),
        fundamental_score=pl.lit(None, pl.Float64),
    )
    return DayFrames(
        as_of_date=date(2025, 6, 2),
        limits={"p": limits or RebalancingLimits()},
        scores=scores.reverse() if reverse else scores,
        assets=pl.DataFrame({"asset": ["AAA", "BBB"], "bucket": ["x", "y"]}),
        holdings=pl.DataFrame(schema=_HOLDINGS),
        restrictions=pl.DataFrame(schema=dict.fromkeys(["portfolio_id", "asset", "restriction", "reason"], pl.String)),
    )


def _prints(inputs: DayFrames) -> Fingerprints:
    return Fingerprints.of(inputs, LimitSets.of(inputs.limits))


def test_the_order_of_rows_does_not_change_a_run() -> None:
    assert _prints(_inputs(0.8)) == _prints(_inputs(0.8, reverse=True))


def test_a_score_that_moves_in_its_last_bit_makes_another_run() -> None:
    assert _prints(_inputs(0.8)).inputs != _prints(_inputs(0.8000000000000002)).inputs


def test_a_changed_limit_makes_another_run() -> None:
    one, other = (
        _prints(_inputs(0.8)),
        _prints(_inputs(0.8, limits=RebalancingLimits(max_total_positions=9))),
    )
    assert one.inputs == other.inputs
    assert one.config != other.config
    assert run_id(date(2025, 6, 2), one) != run_id(date(2025, 6, 2), other)


def test_a_run_is_named_by_its_day() -> None:
    assert run_id(date(2025, 6, 2), _prints(_inputs(0.8))).startswith("2025-06-02-")


def _states(k: int) -> pl.DataFrame:
    held = {"portfolio_id": "p", "asset": ["AAA", "BBB"], "is_held": [True, False], "is_confirmed": True}
    dates = {"opened_on": date(2025, 5, 1), "term_started_on": date(2025, 5, 1), "grace_count": [k, None]}
    rows = pl.DataFrame(held | dates | {"closed_on": [[], [date(2025, 5, 20)]]}, strict=False)
    states = pl.concat([pl.DataFrame(schema=STATE_COLUMNS), rows.cast({"grace_count": pl.Int32})], how="diagonal")
    sessions = pl.date_range(date(2025, 4, 1), date(2025, 6, 30), eager=True)
    return count_days(states, date(2025, 6, 2), sessions)


def test_states_of_holdings_name_a_run_only_where_its_limits_read_them() -> None:
    off, on = RebalancingLimits(), RebalancingLimits(grace_period_days=2)
    bare = _inputs(0.8, limits=off)
    assert _prints(bare._replace(states=_states(1))) == _prints(bare)
    reading = _inputs(0.8, limits=on)
    first, other = (_prints(reading._replace(states=_states(k))).inputs for k in (1, 2))
    assert len({first, other, _prints(reading).inputs}) == 3
    again = reading._replace(states=_states(1).reverse())
    assert _prints(again).inputs == first
    of_another = _states(1).with_columns(portfolio_id=pl.lit("q"))
    assert _prints(reading._replace(states=of_another)) == _prints(reading)


def test_every_close_of_a_name_counts_in_a_fingerprint() -> None:
    reading = _inputs(0.8, limits=RebalancingLimits(reentry_cooldown_days=2))
    states = _states(1)
    closes = pl.Series("closed_on", [[date(2025, 5, 7)], [date(2025, 5, 20), date(2025, 5, 6)]])
    more = states.with_columns(closes)
    assert _prints(reading._replace(states=states)) != _prints(reading._replace(states=more))


@pytest.mark.parametrize("kind", ["positions", "targets"])
def test_states_come_from_the_last_run_whatever_the_source_of_holdings(kind: str) -> None:
    day, last = date(2025, 6, 3), date(2025, 6, 2)
    rows = [(day, "targets", "p", last), (day, "positions", "p", day if kind == "positions" else last)]
    found = pl.DataFrame(rows, schema=_SOURCES, orient="row")
    assert newest_holdings(found)["kind"].to_list() == [kind]
    assert sources_of_states(found).rows() == [(day, "lifecycle", "p", last)]
