"""Two stages from raw weights to weights under every cap (docs/sizing.md 3).

Stage 1 caps: w1 = min(max(theta r, m), c), theta <= 1 per bucket. Stage 2 normalises what is left, once:
w2 = min(f_b w1, c), f_b <= f per bucket. Stage 2 raises and never takes back.
"""

from dataclasses import dataclass

import polars as pl

from sizing.errors import ContractError
from sizing.frames.limit_columns import LimitsByPortfolio
from sizing.frames.plans import run_plan
from sizing.limits.fields import WEIGHT_TOLERANCE
from sizing.weights.raw_weights import RAW_COLUMNS
from sizing.weights.residual import add_residual
from sizing.weights.water_fill import solve_level
from sizing.weights.working_frame import append_columns, build_working_frame, check_selected

STAGE_COLUMNS = (
    *("stage1_weight", "stage1_cap", "stage2_weight", "stage2_cap"),
    *("residual_weight", "residual_limit"),
)

_BUCKET = pl.lit("bucket")


@dataclass(frozen=True)
class TwoStagePositionSizer:
    """Turn raw weights into capped, normalised weights, and place the residual.

    *Requires* what `DynamicPositionSizer.size` returns.
    *Adds* `stage1_weight, stage1_cap, stage2_weight, stage2_cap, residual_weight, residual_limit`; weights are
    fractions of the portfolio's value. As many rows, by portfolio and rank.
    *Raises* `ContractError` for a frame that breaks the contract.

    >>> from sizing import DynamicPositionSizer, RebalancingLimits
    >>> selected = pl.DataFrame({
    ...     "portfolio_id": "growth", "asset": ["KO", "LLY", "V"], "bucket": ["Staples", "Health Care", "Financials"],
    ...     "score": [0.66, 0.95, 0.83], "is_held": [True, False, False],
    ... })
    >>> limits = RebalancingLimits(max_single_position=0.35)
    >>> sized = TwoStagePositionSizer(limits).size(DynamicPositionSizer(limits).size(selected))
    >>> sized.select("asset", pl.col("stage1_weight", "stage2_weight").round(4), "stage1_cap").rows()
    [('LLY', 0.35, 0.35, 'position'), ('V', 0.3242, 0.35, None), ('KO', 0.2205, 0.2429, None)]
    """

    limits: LimitsByPortfolio

    def size(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Return `raw` with the weights of both stages and the residual."""
        given = check_selected(raw)
        missing = [name for name in RAW_COLUMNS[1:] if name not in given.columns]
        if missing:
            fix = "give it what DynamicPositionSizer.size gives"
            msg = f"TwoStagePositionSizer: the frame has no {', '.join(missing)}: {fix}"
            raise ContractError(msg)
        working, _ = build_working_frame(given, self.limits)
        added = given.select(RAW_COLUMNS[1:])[working["input_row"]].with_columns(
            is_sized=pl.col("drop_reason").is_null() & (pl.col("size_category") != "pinned")
        )
        return append_columns(add_stages(working.hstack(added)), given, STAGE_COLUMNS)


def add_stages(working: pl.DataFrame) -> pl.DataFrame:
    """Add both stages and the residual to a working frame with raw weights."""
    return working.pipe(_cap).pipe(_normalise).pipe(add_residual)


def _name_of_cap() -> pl.Expr:
    """Name what a position is capped by: max_single_position, or the tighter max_position_risk."""
    is_risk = pl.col("cap") < pl.col("max_single_position")
    return pl.when(is_risk).then(pl.lit("risk")).otherwise(pl.lit("position"))


def _cap(working: pl.DataFrame) -> pl.DataFrame:
    """Stage 1: w1 = min(max(theta r, m), c), with theta the largest number <= 1 that keeps the bucket <= B."""
    cap, raw = pl.col("cap"), pl.col("raw_weight")
    is_over = pl.min_horizontal(raw, cap).sum().over("bucket_key") > pl.col("free_bucket_limit") + WEIGHT_TOLERANCE
    over = (
        working.lazy()
        .select("is_sized", "bucket_key", "raw_weight", "min_position_size", "cap", "free_bucket_limit")
        .filter("is_sized")
        .filter(is_over)
        .pipe(run_plan)
    )
    theta = solve_level(
        over,
        "bucket_key",
        slope="raw_weight",
        lower="min_position_size",
        upper="cap",
        total="free_bucket_limit",
        level="theta",
    )
    is_at_cap = pl.col("stage1_weight") >= cap - WEIGHT_TOLERANCE
    return (
        working.lazy()
        .join(theta.lazy(), on="bucket_key", how="left", maintain_order="left")
        .with_columns(
            stage1_weight=pl.when("is_sized")
            .then(pl.min_horizontal(pl.max_horizontal(pl.col("theta").fill_null(1.0) * raw, "min_position_size"), cap))
            .otherwise(raw)
        )
        .with_columns(
            stage1_cap=pl.when("is_sized").then(
                pl.when(is_at_cap & (raw > cap + WEIGHT_TOLERANCE))
                .then(_name_of_cap())
                .when(pl.col("theta") < 1)
                .then(_BUCKET)
            )
        )
        .drop("theta")
        .pipe(run_plan)
    )


def _normalise(working: pl.DataFrame) -> pl.DataFrame:
    """Stage 2: spread T less the capped over the others in proportion to w1, under c and B, in one pass.

    w2 = min(f_b w1, c), written as level x share: share = w1 / sum of the open w1, and f_b = level / that sum.
    """
    is_open = pl.col("is_sized") & pl.col("stage1_cap").is_null()
    shut = pl.col("stage1_weight") * (pl.col("is_sized") & ~is_open)
    open_total = (pl.col("stage1_weight") * is_open).sum().over("portfolio_key")
    cap, w1 = pl.col("cap"), pl.col("stage1_weight")
    spread = working.with_columns(
        is_open=is_open,
        share=pl.when(is_open & (open_total > 0)).then(w1 / open_total).otherwise(0.0),
        left=pl.col("free_total") - shut.sum().over("portfolio_key"),
        bucket_room=pl.col("free_bucket_limit") - shut.sum().over("bucket_key"),
    ).lazy()
    needed = ("is_open", "bucket_key", "stage1_weight", "share", "left", "cap", "bucket_room")
    is_over = pl.col("raised").sum().over("bucket_key") > pl.col("bucket_room") + WEIGHT_TOLERANCE
    over = (
        spread.select(needed)
        .filter("is_open")
        .with_columns(raised=pl.max_horizontal(pl.min_horizontal(pl.col("left") * pl.col("share"), cap), w1))
        .filter(is_over)
        .pipe(run_plan)
    )
    bucket_level = solve_level(
        over, "bucket_key", slope="share", upper="cap", total="bucket_room", level="bucket_level"
    )
    grown = pl.coalesce("bucket_level", "left") * pl.col("share")
    return (
        spread.join(bucket_level.lazy(), on="bucket_key", how="left", maintain_order="left")
        .with_columns(
            stage2_weight=pl.when("is_open").then(pl.max_horizontal(pl.min_horizontal(grown, cap), w1)).otherwise(w1),
            stage2_cap=pl.when("is_open").then(
                pl.when(grown > cap + WEIGHT_TOLERANCE)
                .then(_name_of_cap())
                .when(pl.col("bucket_level") < pl.col("left"))
                .then(_BUCKET)
            ),
        )
        .drop("is_open", "share", "left", "bucket_room", "bucket_level")
        .pipe(run_plan)
    )
