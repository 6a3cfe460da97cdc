"""Who of the scored and held assets has no volatility though a limit reads it: why, and what to deliver."""

from collections.abc import Mapping

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.risk.volatility import LARGEST_VOLATILITY, OLDEST_LAST_RETURN, estimate_volatilities
from sizing.text import counted, listed
from tasks.text import have

_SUSPECT = "suspect_return"
_WHY: Mapping[str, str] = {
    "no_returns": "no return in the window",
    "too_few_returns": "fewer returns than min_observations {}",
    "old_returns": f"no return in the last {OLDEST_LAST_RETURN + 1} sessions",
    "flat_prices": "prices that do not move",
}
"""What is missing where an estimate of prices is."""
_WHY_OF_SCORES: Mapping[str, str] = {
    "no_returns": "none came with its score",
    "flat_prices": "it came as 0",
    "implausible": f"it came as more than {LARGEST_VOLATILITY}: a fraction is 0.2 for 20 % a year",
}
"""What is missing where it comes with the scores."""


def describe_missing_volatilities(inputs: DayFrames, estimates: pl.DataFrame | None) -> tuple[str, ...]:
    """Return which scored or held assets have no volatility, and why: a sentence on suspect returns, one on the others.

    None where no limit reads volatility. `estimates`: those of the day, where they are known.
    """
    if not any(one.reads_volatility for one in inputs.limits.values()):
        return ()
    known = estimate_volatilities(DayInputs.unvalidated(inputs)) if estimates is None else estimates
    missing = known.filter(pl.col("volatility").is_null())
    is_suspect = pl.col("missing_reason") == _SUSPECT
    suspect = _describe_suspect(missing.filter(is_suspect).unique(["asset", "suspect_session"]), inputs.returns)
    other = _describe_others(missing.filter(~is_suspect).unique(["source", "asset"], maintain_order=True))
    return tuple(sentence for sentence in (suspect, other) if sentence)


def _describe_suspect(suspect: pl.DataFrame, returns: pl.DataFrame) -> str:
    if suspect.is_empty():
        return ""
    rows = suspect.join(returns, left_on=["asset", "suspect_session"], right_on=["asset", "session"]).sort("asset")
    moves = rows.select(pl.format("{} of {} by {}", "asset", "suspect_session", pl.col("session_return").round(4)))
    return (
        f"volatility: {counted(suspect['asset'].n_unique(), 'asset')} with a suspect return, beyond "
        f"max_plausible_return, {have(suspect['asset'].n_unique())} none: "
        f"{listed(moves.to_series().to_list())}. Deliver the prices of that session again, with the adjustment_factor "
        "of a split, or with the return as daily_return where it is right"
    )


def _describe_others(missing: pl.DataFrame) -> str:
    if missing.is_empty():
        return ""
    by_reason = missing.sort("asset").group_by("source", "missing_reason", "min_observations", maintain_order=True)
    parts = [
        f"{listed(names)} ({_describe_reason(source, reason, least)})"
        for source, reason, least, names in by_reason.agg("asset").sort("source", "missing_reason").iter_rows()
    ]
    n_assets = missing["asset"].n_unique()
    what = "volatility beside the scores" if set(missing["source"]) == {"scores"} else "prices (close, or daily_return)"
    return (
        f"volatility: {counted(n_assets, 'scored or held asset')} {have(n_assets)} none: "
        f"{'; '.join(parts)}. Such a name is neither opened nor closed: deliver its {what}"
    )


def _describe_reason(source: str, reason: str, min_observations: int | None) -> str:
    return (_WHY_OF_SCORES if source == "scores" else _WHY)[reason].format(min_observations)
