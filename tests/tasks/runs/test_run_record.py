"""Whose word counts for what a portfolio holds, and what makes two runs the same."""

from datetime import date

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.day_inputs import DayFrames
from tasks.inputs.day_sources import newest_holdings
from tasks.inputs.fingerprints import Fingerprints, run_id

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


def test_the_order_of_rows_does_not_change_a_run() -> None:
    assert Fingerprints.of(_inputs(0.8)) == Fingerprints.of(_inputs(0.8, reverse=True))


def test_a_score_that_moves_in_its_last_bit_makes_another_run() -> None:
    assert Fingerprints.of(_inputs(0.8)).inputs != Fingerprints.of(_inputs(0.8000000000000002)).inputs


def test_a_changed_limit_makes_another_run() -> None:
    one, other = (
        Fingerprints.of(_inputs(0.8)),
        Fingerprints.of(_inputs(0.8, limits=RebalancingLimits(max_total_positions=9))),
    )
    assert one.inputs == other.inputs
    assert one.config != other.config
    assert run_id(date(2025, 6, 2), one) != run_id(date(2025, 6, 2), other)


def test_a_run_is_named_by_its_day() -> None:
    assert run_id(date(2025, 6, 2), Fingerprints.of(_inputs(0.8))).startswith("2025-06-02-")
