"""The examples of docs/sizing.md 8, sized by the real sizer: its tables and its pictures come from here."""

from typing import NamedTuple

import polars as pl

from sizing import RebalancingLimits, SizedPortfolios, size_portfolios

STAGES = {
    "raw": "raw_weight",
    "stage 1, cap": "stage1_weight",
    "stage 2, normalise": "stage2_weight",
    "stage 3, residual": "target_weight",
}
"""The columns of the audit, in the order in which a weight passes through them."""


class Example(NamedTuple):
    """One portfolio: bucket -> scores, and the limits that it is sized under."""

    scores: dict[str, tuple[float, ...]]
    limits: RebalancingLimits


_LIMITS = RebalancingLimits(residual_strategy="proportional")
_TOP_HEAVY = {"": (0.50, 0.14, 0.11, 0.05, 0.05, 0.04, 0.03, 0.03)}
_AS_SCORED = _LIMITS.model_copy(update={"sizing_mode": "score_weighted", "min_position_size": 0.0})
_PROJECTED = {
    "target_total_allocation": 1.0,
    "max_single_position": 0.5,
    "max_residual_per_asset": 1.0,
    "max_residual_multiple": None,
}

EXAMPLES = {
    "two_stage": Example(
        {
            "energy": (0.24,),
            "tech": (0.14, 0.13, 0.11, 0.10),
            "health": (0.095, 0.055),
            "banks": (0.045, 0.035),
        },
        _AS_SCORED.model_copy(update={"enable_bucket_diversification": True}),
    ),
    "cap": Example(_TOP_HEAVY, _AS_SCORED),
    "cap_top_slice": Example(_TOP_HEAVY, _AS_SCORED.model_copy(update={"residual_strategy": "safe_top_slice"})),
    "cap_cash": Example(_TOP_HEAVY, _AS_SCORED.model_copy(update={"residual_strategy": "cash_bucket"})),
    "buckets": Example(
        {"tech": (0.96, 0.91, 0.88, 0.84), "drugs": (0.79, 0.76), "industry": (0.72, 0.69), "chemistry": (0.66, 0.65)},
        _LIMITS.model_copy(update={"enable_bucket_diversification": True}),
    ),
    "cash": Example({"": (0.9, 0.8, 0.7)}, RebalancingLimits()),
    "projection": Example({"": (0.7, 0.2, 0.1)}, _AS_SCORED.model_copy(update=_PROJECTED)),
    "disabled": Example({"": (0.9, 0.7, 0.5, 0.0)}, RebalancingLimits(enable_dynamic_sizing=False)),
}


def sized(name: str) -> SizedPortfolios:
    """Size an example. Its assets are named a, b, c ... down the scores."""
    example = EXAMPLES[name]
    scored = [(bucket or "all", score) for bucket, scores in example.scores.items() for score in scores]
    selected = pl.DataFrame(scored, schema=["bucket", "score"], orient="row").with_columns(
        portfolio_id=pl.lit(name),
        asset=pl.Series([chr(ord("a") + number) for number in range(len(scored))]),
        is_held=pl.lit(value=False),
    )
    return size_portfolios(selected, example.limits)


def table(name: str) -> str:
    """Return the way of each weight through the stages as a Markdown table, cash as its last row."""
    positions, portfolios = sized(name)
    has_buckets = positions["bucket"].n_unique() > 1
    head = ["asset", *(["bucket"] if has_buckets else []), "score", *STAGES]
    rows = [_cells(row, has_buckets=has_buckets) for row in positions.iter_rows(named=True)]
    cash = f"{portfolios['cash_weight'][0]:.4f}"
    rows.append(["CASH", *[""] * (len(head) - 2), cash])
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  ", "| ")


def _cells(row: dict[str, object], *, has_buckets: bool) -> list[str]:
    marks = ("", row["stage1_cap"], row["stage2_cap"], "")
    weights = [
        f"{row[column]:.4f}" + (f" {mark}" if mark else "") for column, mark in zip(STAGES.values(), marks, strict=True)
    ]
    return [str(row["asset"]), *([str(row["bucket"])] if has_buckets else []), str(row["score"]), *weights]
