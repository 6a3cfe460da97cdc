"""The worked examples of docs/risk.md, through the real rules: its tables come from here."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sizing import Rebalance, RebalancingLimits, rebalance
from sizing.risk.return_window import SESSIONS_A_YEAR, decay, sum_sessions
from tests.sizing.risk.days import FREE, made_of, risk_day

_COLUMNS = {
    "volatility": "volatility",
    "x by volatility": "volatility_multiplier",
    "crowding": "crowding",
    "x by crowding": "crowding_multiplier",
    "cap": "position_cap",
    "target": "target_weight",
    "risk share": "risk_share",
}
_WIDE = {**FREE, "max_single_position": 1, "min_volatility_multiplier": 0.01, "max_volatility_multiplier": 10}


class Example(NamedTuple):
    """Limits, the volatility of each name, correlations that are not 0, and what is pinned."""

    limits: Mapping[str, Any]
    volatilities: Mapping[str, float]
    correlations: Mapping[tuple[str, str], float] = {}
    pinned: Mapping[str, str] = {}


EXAMPLES: Mapping[str, Example] = {
    "inverse": Example(
        {**FREE, "max_single_position": 0.5, "volatility_mode": "inverse"}, {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.8}
    ),
    "copies": Example(
        {**_WIDE, "target_total_allocation": 0.9, "correlation_mode": "crowding"},
        {"a": 0.2, "b": 0.2, "c": 0.2},
        {("a", "b"): 1.0},
    ),
    "equal_risk": Example(
        {**_WIDE, "target_total_allocation": 1, "volatility_mode": "inverse", "correlation_mode": "crowding"},
        {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4},
        {("a", "b"): 0.8, ("c", "d"): -0.5},
    ),
    "target": Example(
        {**FREE, "max_single_position": 0.5, "target_volatility": 0.15}, {"a": 0.2, "b": 0.3}, {("a", "b"): 0.5}
    ),
    "pinned": Example(
        {**FREE, "max_single_position": 0.6, "target_total_allocation": 0.8, "target_volatility": 0.12},
        {"f": 0.2, "p": 0.3},
        {("p", "f"): 0.5},
        {"p": "0.2"},
    ),
    "cap": Example({**FREE, "max_position_risk": 0.02}, {"a": 0.1, "b": 0.2, "c": 0.4}),
    "larger_root": Example(
        {**FREE, "max_single_position": 0.5, "target_total_allocation": 1, "target_volatility": 0.14},
        {"f": 0.08**0.5, "p": 0.3},
        {("p", "f"): -0.01 / (0.15 * 0.02**0.5)},
        {"p": "0.5"},
    ),
}


def three_returns() -> tuple[float, float]:
    """Return the variance of a day, and the volatility of a year, of three returns under a half-life of 2."""
    squares, weights = np.array([0.01, -0.02, 0.03])[:, np.newaxis] ** 2, decay(3, 2)
    variance = sum_sessions(squares, weights) / sum_sessions(np.ones_like(squares), weights)
    return float(variance[0]), float(np.sqrt(SESSIONS_A_YEAR * variance[0]))


def sized(name: str) -> Rebalance:
    """Return the day of an example. Every name has the same score; a pinned one is held, and has none."""
    example = EXAMPLES[name]
    series = made_of(example.volatilities, example.correlations)
    scores = {asset: 0.8 for asset in series if asset not in example.pinned}
    return rebalance(risk_day(RebalancingLimits(**example.limits), series, scores=scores, held=dict(example.pinned)))


def table(name: str) -> str:
    """Return an example as a Markdown table: a row a name, cash as the last one."""
    result = sized(name)
    audit = result.sizing_audit.sort("asset")
    columns = {words: column for words, column in _COLUMNS.items() if audit[column].count()}
    rows = [
        [row["asset"], *(_text(row[column], column) for column in columns.values())]
        for row in audit.iter_rows(named=True)
    ]
    cash = [
        "" if column != "target_weight" else f"{result.sizing_summary['cash_weight'][0]:.8f}"
        for column in columns.values()
    ]
    lines = [["asset", *columns], ["---"] * (len(columns) + 1), *rows, ["CASH", *cash]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  ", "| ")


def _text(value: Any, column: str) -> str:  # noqa: ANN401 - a number of any kind
    if value is None:
        return ""
    return f"{value:.8f}" if column == "target_weight" else f"{value:.4f}"
