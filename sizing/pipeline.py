"""The order of the stages. The only file that knows it.

A day: candidates -> qualify -> diversify -> size, again where no_buy holds back -> targets -> checks. Sizing:
multipliers of risk -> pinned -> raw weights -> cap -> normalise -> residual -> risk scale -> rounding -> audit.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import polars as pl

from sizing.checks.constraints import check_constraints
from sizing.frames.day_inputs import DayInputs
from sizing.frames.limit_columns import LimitColumns, LimitsByPortfolio, check_limits
from sizing.frames.plans import run_plan
from sizing.lifecycle.kept_holdings import DATA_MISSING
from sizing.lifecycle.transition import advance_states
from sizing.limits.model import RebalancingLimits
from sizing.risk.multipliers import add_multipliers
from sizing.risk.scale import NO_PORTFOLIO_RETURNS, PortfolioReturns
from sizing.risk.volatility import ESTIMATE_COLUMNS, estimate_volatilities
from sizing.selection.decisions import FOR_SIZING, explain_decisions
from sizing.selection.diversification import diversify, fill_day_slots
from sizing.selection.eligibility import qualify
from sizing.selection.gates import is_immovable
from sizing.selection.universe import candidates
from sizing.trading.targets import book_rows, build_targets
from sizing.weights.audit import POSITION_COLUMNS, add_sizing_reason, summarise
from sizing.weights.batches import Batch, batches
from sizing.weights.locked import find_dropped_locked, pin_locked
from sizing.weights.no_buy import MAX_SIZINGS, explain_no_buy, pin_no_buy, replace_portfolios
from sizing.weights.raw_weights import add_raw_weights
from sizing.weights.risk_scale import add_risk_scale, add_risk_shares
from sizing.weights.rounding import add_target_weight
from sizing.weights.two_stage import add_stages
from sizing.weights.working_frame import (
    ONLY_FOR_SIZING,
    append_columns,
    build_working_frame,
    check_selected,
)


class SizedPortfolios(NamedTuple):
    """What sizing returns: `positions` by portfolio and rank, `portfolios` by portfolio (docs/sizing.md 7)."""

    positions: pl.DataFrame
    portfolios: pl.DataFrame


class Rebalance(NamedTuple):
    """A day's result, each frame as its table keeps it."""

    decisions: pl.DataFrame
    sizing_audit: pl.DataFrame
    sizing_summary: pl.DataFrame
    targets: pl.DataFrame
    trade_summary: pl.DataFrame
    constraint_checks: pl.DataFrame
    lifecycle: pl.DataFrame
    risk_estimates: pl.DataFrame


class TradeRows(NamedTuple):
    """What is decided on every candidate, and what `trade_book` needs of those that are held or have a target."""

    decisions: pl.DataFrame
    rows: pl.DataFrame


Resize = Callable[[pl.DataFrame, LimitsByPortfolio], SizedPortfolios]
Size = Callable[[pl.DataFrame, LimitsByPortfolio, PortfolioReturns], SizedPortfolios]
"""How selected assets are sized: as `size_portfolios` does, or without what a reader wants to know of it."""


def size_portfolios(
    selected: pl.DataFrame, limits: LimitsByPortfolio, returns: PortfolioReturns = NO_PORTFOLIO_RETURNS
) -> SizedPortfolios:
    """Size every portfolio of the frame at once, each under its own limits.

    *Requires* `portfolio_id, asset, bucket` (strings), `score` (in [0, 1]), `is_held`, optional `pinned_weight`
    (null: free), `volatility`, `risk_multiplier`; more columns are kept. `limits`: one for all, or one per portfolio.
    `returns`: of the portfolios with a target_volatility.
    *Returns* `positions`, one row per selected asset, dropped ones too, and `portfolios`, one row per portfolio;
    in each portfolio the target weights and the cash weight add up to target_total_allocation exactly.
    *Raises* `ContractError`. Source: sizing.md.

    >>> from sizing import RebalancingLimits
    >>> selected = pl.DataFrame({
    ...     "portfolio_id": "growth", "asset": ["KO", "LLY", "V"], "bucket": ["Staples", "Health Care", "Financials"],
    ...     "score": [0.66, 0.95, 0.83], "is_held": [True, False, False],
    ... })
    >>> sized = size_portfolios(selected, RebalancingLimits(max_single_position=0.35))
    >>> [(asset, str(weight)) for asset, weight in sized.positions.select("asset", "target_weight").rows()]
    [('LLY', '0.35000000'), ('V', '0.35000000'), ('KO', '0.25000000')]
    >>> str(sized.portfolios["cash_weight"].item())
    '0E-8'
    """
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        parts = list(
            pool.map(partial(_size_batch, returns=returns), batches(check_selected(selected), check_limits(limits)))
        )
    return SizedPortfolios(
        pl.concat([part.positions for part in parts]), pl.concat([part.portfolios for part in parts])
    )


def _size_batch(batch: Batch, returns: PortfolioReturns) -> SizedPortfolios:
    selected = batch.selected()
    working, columns = _weigh(selected, batch.limits, returns)
    sized = add_risk_shares(working, selected, returns).pipe(add_sizing_reason, selected)
    return SizedPortfolios(append_columns(sized, selected, POSITION_COLUMNS), summarise(sized, columns))


def _weigh(
    selected: pl.DataFrame, limits: LimitsByPortfolio, returns: PortfolioReturns
) -> tuple[pl.DataFrame, LimitColumns]:
    working, columns = build_working_frame(selected, limits)
    staged = working.pipe(add_raw_weights, columns).pipe(add_stages)
    return add_risk_scale(staged, selected, returns).pipe(add_target_weight), columns


def _find_weights(selected: pl.DataFrame, limits: LimitsByPortfolio, returns: PortfolioReturns) -> SizedPortfolios:
    """Do as `size_portfolios`, without words, sums and checks: a day of few rows costs half as much."""
    positions = []
    for batch in batches(selected, limits):
        rows = batch.selected()
        working, _ = _weigh(rows, batch.limits, returns)
        unexplained = working.with_columns(sizing_reason=pl.lit(None, pl.String), risk_share=pl.lit(None, pl.Float64))
        positions.append(append_columns(unexplained, rows, POSITION_COLUMNS))
    return SizedPortfolios(pl.concat(positions), selected.select("portfolio_id").clear())


def select_candidates(inputs: DayInputs) -> pl.DataFrame:
    """Find the universe of every portfolio, and who of it qualifies."""
    return candidates(inputs).pipe(qualify, inputs)


def decide(qualified: pl.DataFrame, inputs: DayInputs) -> pl.DataFrame:
    """Fill the slots with qualified candidates, and decide on every candidate."""
    return diversify(qualified, inputs).pipe(explain_decisions, inputs)


def size_decisions(decisions: pl.DataFrame, inputs: DayInputs, size: Size = size_portfolios) -> SizedPortfolios:
    """Size the selected assets. A pinned holding keeps its current weight as far as the limits let it.

    Portfolios in which a holding under no_buy would grow are sized again with that holding held back.
    """
    chosen = (
        decisions.lazy()
        .filter("is_selected")
        .select(
            "portfolio_id",
            "asset",
            "bucket",
            "score",
            "is_held",
            pinned_weight=pl.when("is_pinned").then(pl.col("kept_weight").cast(pl.Float64).clip(upper_bound=1.0)),
            is_immovable=is_immovable(),
            is_locked="is_locked",
            is_rounded_down=pl.col("is_pinned") & ~pl.col("kept_by").is_in(DATA_MISSING),
            starts_term="starts_term",
            volatility="volatility",
            n_returns="n_returns",
        )
    )
    selected, returns = add_multipliers(run_plan(chosen), inputs), PortfolioReturns.of(inputs)

    def resize(rows: pl.DataFrame, limits: LimitsByPortfolio) -> SizedPortfolios:
        return size(rows, limits, returns)

    selected, as_scored = _keep_locked(selected, resize(selected, inputs.limits), decisions, inputs, resize)
    sized = as_scored
    for _ in range(1, MAX_SIZINGS):
        again = pin_no_buy(selected, sized.positions, decisions)
        if again.is_empty():
            break
        again, resized = _keep_locked(again, resize(again, _limits_of(again, inputs)), decisions, inputs, resize)
        sized = SizedPortfolios(*map(replace_portfolios, sized, resized))
    positions = sized.positions
    if sized is not as_scored:
        positions = explain_no_buy(positions, as_scored.positions, selected)
    return sized._replace(positions=positions.drop(ONLY_FOR_SIZING))


def _keep_locked(
    selected: pl.DataFrame, sized: SizedPortfolios, decisions: pl.DataFrame, inputs: DayInputs, size: Resize
) -> tuple[pl.DataFrame, SizedPortfolios]:
    """Size the portfolios again in which a locked holding was dropped, with that holding pinned, until none is."""
    while not (pins := find_dropped_locked(sized.positions, decisions)).is_empty():
        selected = pin_locked(selected, pins)
        again = selected.join(pins, on="portfolio_id", how="semi", maintain_order="left")
        resized = size(again, _limits_of(again, inputs))
        sized = SizedPortfolios(*map(replace_portfolios, sized, resized))
    return selected, sized


def _limits_of(selected: pl.DataFrame, inputs: DayInputs) -> Mapping[str, RebalancingLimits]:
    return {name: inputs.limits[name] for name in selected["portfolio_id"].unique()}


def find_trade_rows(inputs: DayInputs) -> TradeRows:
    """Return the targets of a day, without words, counterfactuals and checks."""
    decisions = fill_day_slots(select_candidates(inputs), inputs).decided
    return TradeRows(decisions, book_rows(decisions, size_decisions(decisions, inputs, _find_weights).positions))


def settle(decisions: pl.DataFrame, sized: SizedPortfolios, inputs: DayInputs) -> Rebalance:
    """Turn sized positions into targets and trades, and compare both with every limit."""
    targets, trade_summary = build_targets(decisions, sized.positions, sized.portfolios, inputs)
    checks = check_constraints(targets, trade_summary, decisions, sized, inputs)
    lifecycle = advance_states(inputs.states, decisions, targets, inputs.limits, pl.lit(inputs.as_of_date))
    estimates = estimate_volatilities(inputs).select(ESTIMATE_COLUMNS)
    return Rebalance(
        *(decisions.drop(FOR_SIZING), sized.positions, sized.portfolios, targets, trade_summary, checks),
        *(lifecycle, estimates),
    )


def rebalance(inputs: DayInputs) -> Rebalance:
    """Run a whole day of rules, from inputs to checked targets.

    >>> from datetime import date
    >>> from decimal import Decimal
    >>> from sizing import DayInputs, RebalancingLimits
    >>> day, weight = date(2025, 6, 2), pl.Decimal(10, 8)
    >>> scores = pl.DataFrame({
    ...     "model": "default", "asset": ["KO", "LLY", "V"], "score_date": day,
    ...     "score_age_days": pl.Series([0, 0, 0], dtype=pl.Int32), "score": [0.66, 0.95, 0.83],
    ... }).with_columns(technical_score=pl.lit(None, pl.Float64), fundamental_score=pl.lit(None, pl.Float64))
    >>> text = dict.fromkeys(("portfolio_id", "asset", "restriction", "reason"), pl.String)
    >>> holdings = {"portfolio_id": ["growth"], "asset": ["KO"], "current_weight": [Decimal("0.3")]}
    >>> inputs = DayInputs(
    ...     as_of_date=day,
    ...     limits={"growth": RebalancingLimits(max_single_position=0.35)},
    ...     scores=scores,
    ...     assets=pl.DataFrame({"asset": ["KO", "LLY", "V"], "bucket": ["Staples", "Health Care", "Financials"]}),
    ...     holdings=pl.DataFrame(holdings, schema_overrides={"current_weight": weight}),
    ...     restrictions=pl.DataFrame(schema=text),
    ... )
    >>> targets = rebalance(inputs).targets
    >>> [(asset, str(weight)) for asset, weight in targets.select("asset", "target_weight").rows()]
    [('LLY', '0.35000000'), ('V', '0.35000000'), ('KO', '0.25000000'), ('CASH', '0E-8')]
    """
    decisions = decide(select_candidates(inputs), inputs)
    return settle(decisions, size_decisions(decisions, inputs), inputs)
