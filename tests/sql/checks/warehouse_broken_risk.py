"""Runs that must be rejected for what they say of risk: what is wrong, the check, and in which words."""

from collections.abc import Callable
from typing import Any

import polars as pl

from tests.sql.checks.warehouse_broken_lifecycles import NOTHING, TRUE, change, holding
from tests.sql.checks.warehouse_broken_runs import ASSET, Frames, lock, set_weight
from tests.sql.warehouse_samples import DAY, ESTIMATE, make_frames

SETTINGS = {
    "volatility_half_life_days": 40,
    "volatility_window_days": 252,
    "min_observations": 60,
    "max_plausible_return": 0.4,
}
RISK_LIMITS: dict[str, Any] = SETTINGS | {
    "volatility_mode": "inverse",
    "volatility_source": "prices",
    "correlation_mode": "none",
    "max_position_risk": 0.15,
    "target_volatility": 0.25,
}
"""Limits with which the volatility of everything is read."""

VOLATILITIES = {"AAA": 0.3, "BBB": 0.2, "CCC": 0.25}
_OF_RISK = {
    "volatility": VOLATILITIES,
    "position_cap": {"AAA": 0.5, "BBB": 0.5},
    "risk_share": {"AAA": 0.7, "BBB": 0.3},
}


def measured(frames: Frames | None = None) -> Frames:
    """Return the frames of a run whose limits read volatility, as they pass every check."""
    frames = frames or make_frames()
    audit, summary = frames["sizing_audit"], frames["sizing_summary"]
    numbers = [
        ASSET.replace_strict(values, default=None, return_dtype=pl.Float64).cast(audit.schema[name]).alias(name)
        for name, values in _OF_RISK.items()
    ]
    scaled = {"risk_scale": 0.9, "portfolio_volatility": 0.25, "unscaled_volatility": 0.28}
    estimates = pl.DataFrame(
        [
            (DAY, "prices", None, *SETTINGS.values(), asset, one, 252, DAY, None, None)
            for asset, one in VOLATILITIES.items()
        ],
        ESTIMATE,
        orient="row",
    )
    return frames | {
        "sizing_audit": audit.with_columns(*numbers, n_returns=pl.lit(252, pl.Int32)),
        "sizing_summary": summary.with_columns(n_sessions=pl.lit(252, pl.Int32), **scaled),
        "risk_estimates": estimates,
    }


def _missing(frames: Frames, asset: str) -> Frames:
    """Let an asset have no volatility."""
    nothing = {"volatility": NOTHING, "risk_share": NOTHING, "n_returns": pl.lit(3, pl.Int32)}
    estimate = {"volatility": NOTHING, "n_returns": pl.lit(3, pl.Int32), "missing_reason": pl.lit("too_few_returns")}
    return change("risk_estimates", asset, **estimate)(change("sizing_audit", asset, **nothing)(frames))


def without_volatility() -> Frames:
    """Hold AAA, which has no volatility, as every check lets it; BBB has all of the risk."""
    missing = _missing(measured(lock(holding(), "AAA", "volatility_missing")), "AAA")
    pinned = change("sizing_audit", "AAA", pinned_weight=pl.lit(0.5), position_cap=NOTHING)(missing)
    return change("sizing_audit", "BBB", risk_share=pl.lit(1.0))(pinned)


def _summarise(**columns: float | None) -> Callable[[Frames], Frames]:
    return lambda frames: frames | {"sizing_summary": frames["sizing_summary"].with_columns(**columns)}


def _audit(asset: str, **columns: pl.Expr) -> Callable[[Frames], Frames]:
    return change("sizing_audit", asset, **columns)


def _decide(asset: str, **columns: pl.Expr) -> Callable[[Frames], Frames]:
    return change("decisions", asset, **columns)


def _pin_at(weight: float) -> Callable[[Frames], Frames]:
    return _audit("AAA", pinned_weight=pl.lit(weight), position_cap=NOTHING)


def scaled_at(weight: str) -> Frames:
    """Return what a portfolio of AAA and so much of BBB has, 0.9 of what it would be."""
    return measured(make_frames({"p1": {"AAA": "0.5", "BBB": weight, "CCC": "0"}}))


_SHARES = "risk_shares_add_up"
_CAP = "no_position_above_its_risk"
_TARGET = "no_volatility_above_its_target"
_ESTIMATE = "volatility_is_as_estimated"

BROKEN_RISKS: dict[str, tuple[str, Callable[[Frames], Frames], str]] = {
    "shares of more than 1": (_SHARES, _audit("AAA", risk_share=pl.lit(0.7 + 2e-9)), "add up to 1.000000002"),
    "a share forgotten": (
        _SHARES,
        lambda frames: _audit("AAA", risk_share=pl.lit(1.0))(_audit("BBB", risk_share=NOTHING)(frames)),
        "1 of 2 positions with a volatility have one",
    ),
    "all shares forgotten": (
        _SHARES,
        lambda frames: _audit("AAA", risk_share=NOTHING)(_audit("BBB", risk_share=NOTHING)(frames)),
        "0 of 2 positions with a volatility have one",
    ),
    "a share without a volatility": (
        _SHARES,
        lambda _: _audit("AAA", risk_share=pl.lit(0.0))(without_volatility()),
        "risk shares of 2 positions add up to 1; 1 of 1 positions",
    ),
    "a position a unit above its cap": (
        _CAP,
        _audit("AAA", position_cap=set_weight("0.49999999")),
        "AAA has 0.50000000 x 0.3 a year, max_position_risk is 0.15000000, its cap is 0.49999999",
    ),
    "a cap that is too wide by a unit of risk": (
        _CAP,
        lambda frames: _both(frames, 0.30000001),
        "AAA has 0.50000000 x 0.30000001 a year",
    ),
    "a cap above max_single_position": (_CAP, _audit("BBB", position_cap=set_weight("0.50000001")), "is 0.50000001"),
    "no cap": (_CAP, _audit("BBB", position_cap=NOTHING), "its cap is null"),
    "a volatility above its target": (
        _TARGET,
        _summarise(portfolio_volatility=0.25 + 2e-7),
        "target_volatility is 0.25, risk_scale 0.9, 0 pinned positions",
    ),
    "pinned above its target, and not scaled": (
        _TARGET,
        lambda frames: _summarise(portfolio_volatility=0.3, risk_scale=1.0)(_pin_at(0.5)(frames)),
        "risk_scale 1.0, 1 pinned positions",
    ),
    "leverage": (_TARGET, _summarise(risk_scale=1.00000001), "risk_scale 1.00000001"),
    "a negative scale": (_TARGET, _summarise(risk_scale=-0.1), "risk_scale -0.1"),
    "no scale": (_TARGET, _summarise(risk_scale=None), "risk_scale null"),
    "a scaled minimum a unit too small": (
        "no_weight_below_min_position_size",
        lambda _: scaled_at("0.01799999"),
        "BBB has 0.01799999, min_position_size is 0.02000000 x 0.9",
    ),
    "bought beyond its cap": (
        "no_book_above_its_limits",
        _audit("AAA", position_cap=set_weight("0.49999999")),
        "AAA is bought up to 0.50000000, max_position_risk caps it at 0.49999999",
    ),
    "another volatility than estimated": (
        _ESTIMATE,
        _audit("AAA", volatility=pl.lit(0.30000001)),
        "AAA has volatility 0.30000001 of 252 returns, estimated is 0.3 of 252",
    ),
    "another number of returns": (_ESTIMATE, _audit("AAA", n_returns=pl.lit(251, pl.Int32)), "of 251 returns"),
    "no estimate": (
        _ESTIMATE,
        lambda frames: frames | {"risk_estimates": frames["risk_estimates"].filter(ASSET != "AAA")},
        "AAA has volatility 0.3 of 252 returns, estimated is null of null",
    ),
    "an estimate of other parameters": (
        _ESTIMATE,
        change("risk_estimates", "AAA", half_life_days=pl.lit(41, pl.Int32)),
        "AAA has volatility 0.3 of 252 returns, estimated is null of null",
    ),
    "opened without a volatility": (
        _ESTIMATE,
        lambda frames: _missing(frames, "AAA"),
        "AAA has volatility null of 3 returns, estimated is null of 3; is_selected true, is_held false",
    ),
    "stopped though there is a volatility": (
        _ESTIMATE,
        _decide("CCC", gate=pl.lit("no_volatility"), is_held=pl.lit(value=False)),
        "estimated is 0.25 of 252; is_selected false, is_held false, gate no_volatility",
    ),
    "a holding that a gate of new names stops": (
        _ESTIMATE,
        lambda frames: _decide("CCC", gate=pl.lit("no_volatility"))(_missing(frames, "CCC")),
        "estimated is null of 3; is_selected false, is_held true, gate no_volatility",
    ),
    "kept though there is a volatility": (
        _ESTIMATE,
        lambda _: measured(lock(holding(), "AAA", "volatility_missing")),
        "estimated is 0.3 of 252; is_selected true, is_held true, gate null, kept_by volatility_missing",
    ),
    "closed though it has no volatility": (
        "locked_holdings_stay",
        lambda frames: _decide("CCC", is_locked=TRUE, kept_by=pl.lit("volatility_missing"))(_missing(frames, "CCC")),
        "kept_by volatility_missing, is_selected false",
    ),
    "an estimate twice": (
        "rows_are_unique",
        lambda frames: frames | {"risk_estimates": pl.concat([frames["risk_estimates"]] * 2)},
        "AAA of prices of 40 of 252 of 60 of 0.4 has 2 rows in risk_estimates",
    ),
    "an estimate of another day": (
        "rows_belong_to_the_run",
        change("risk_estimates", "AAA", as_of_date=pl.lit(DAY.replace(day=1))),
        "the estimate of AAA is of 2026-03-01, the run is of 2026-03-02",
    ),
}


def _both(frames: Frames, volatility: float) -> Frames:
    """Let AAA have another volatility, estimated so too."""
    value = pl.lit(volatility)
    return change("risk_estimates", "AAA", volatility=value)(_audit("AAA", volatility=value)(frames))
