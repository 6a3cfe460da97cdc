"""The frame that the sizing stages work on: one row per selected asset, limits and keys beside it.

Rows are ordered by portfolio, bucket and rank, whatever order they came in, so that every sum adds up in the same
order and the result has the same bytes. What does not belong here: any weight that a stage decides, pinned
weights excepted, which are decided before the first stage (docs/sizing.md 4).
"""

import polars as pl

from sizing.errors import ContractError
from sizing.frames.integer_keys import code, code_among, packed
from sizing.frames.limit_columns import LimitColumns, LimitsByPortfolio, check_limits, limit_columns
from sizing.frames.plans import run_plan
from sizing.frames.schema import SelectedAssets, validate
from sizing.frames.sorted_groups import position_in_run
from sizing.frames.weight_units import UNITS, as_fraction

_OPTIONAL = {
    "pinned_weight": pl.lit(None, pl.Float64),
    "is_immovable": pl.lit(value=False),
    "is_locked": pl.lit(value=False),
    "is_rounded_down": pl.lit(value=False),
    "starts_term": pl.lit(value=False),
    "volatility": pl.lit(None, pl.Float64),
    "risk_multiplier": pl.lit(1.0),
    "reference_volatility": pl.lit(None, pl.Float64),
    "n_unknown_correlations": pl.lit(None, pl.Int32),
}
"""What a frame may leave out. `is_locked`: its place cannot be lost; `is_rounded_down`: it gets no unit that is left
over; `starts_term`: it is judged like a new name, without incumbent_bias; `volatility`: a year's, for
max_position_risk; `risk_multiplier`: what its size is multiplied by; the last two: reported of its portfolio."""

ONLY_FOR_SIZING = (
    *("is_immovable", "is_locked", "is_rounded_down", "starts_term"),
    *("risk_multiplier", "reference_volatility", "n_unknown_correlations"),
)
"""What the audit does not keep."""

_GIVEN_COLUMNS = ("bucket", "score", "is_held", *_OPTIONAL)
_RANKED_COLUMNS = ("input_row", "output_row", "portfolio_key", "bucket_key", "score_rank", *_GIVEN_COLUMNS)


def build_working_frame(selected: pl.DataFrame, limits: LimitsByPortfolio) -> tuple[pl.DataFrame, LimitColumns]:
    """Return the rows in working order, with limits, keys and pinned weights joined.

    *Requires* what `check_selected` returns.
    *Adds* `input_row, output_row, score_rank, portfolio_key, bucket_key, is_pinned, pinned, bucket_limit, free_total,
    free_bucket_limit`, the sizing limits by their names, `risk_cap` (1 without max_position_risk), and `cap`, the
    largest weight of a row that is not pinned.
    *Raises* `ContractError`.
    """
    columns = limit_columns(check_limits(limits), selected["portfolio_id"])
    return join_limits(_ranked(selected, columns), columns), columns


def _ranked(selected: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Rank by score, then name, in each portfolio, and order by portfolio, bucket and rank."""
    ranked = (
        _codes(selected, columns)
        .lazy()
        .sort(packed("portfolio_key", "score_code", "asset_code"))
        .select("input_row", "portfolio_key", "bucket_code", score_rank=position_in_run("portfolio_key"))
        .with_row_index("output_row")
        .sort(packed("portfolio_key", "bucket_code", "score_rank"))
        .with_columns(pl.col("portfolio_key").set_sorted())
        .with_columns(bucket_key=packed("portfolio_key", "bucket_code").rle_id())
        .with_columns(pl.col("bucket_key").set_sorted())
        .drop("bucket_code")
        .pipe(run_plan)
    )
    return ranked.hstack(selected.select(_GIVEN_COLUMNS)[ranked["input_row"]])


def _codes(selected: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Return numbers for portfolios, buckets and assets by name, for scores from the highest, missing ones last."""
    falling = pl.col("score").unique().sort(descending=True, nulls_last=True)
    scores = selected.select(falling).with_row_index("score_code")
    return (
        selected.select(
            "score",
            portfolio_key=code_among(selected["portfolio_id"], columns.portfolios["portfolio_id"]),
            bucket_code=code(selected["bucket"]),
            asset_code=code(selected["asset"]),
        )
        .with_row_index("input_row")
        .join(scores, on="score", how="left", nulls_equal=True, maintain_order="left")
    )


def check_selected(selected: pl.DataFrame) -> pl.DataFrame:
    """Validate the selected assets, and return them with `pinned_weight`, null where it is missing.

    *Raises* `ContractError`.
    """
    if not isinstance(selected, pl.DataFrame):  # in a notebook, which no type checker reads
        kind = type(selected).__name__
        fix = "call collect() on it first" if kind == "LazyFrame" else "pl.DataFrame(...) makes one"
        msg = f"size_portfolios: expected the selected assets as a Polars DataFrame, got a {kind}: {fix}"
        raise ContractError(msg)
    given = selected.with_columns(
        value.alias(name) for name, value in _OPTIONAL.items() if name not in selected.columns
    )
    validate(SelectedAssets, given, "size_portfolios: the selected assets")
    return given


def append_columns(working: pl.DataFrame, selected: pl.DataFrame, added: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows of `selected` by portfolio and rank, its own columns first, with the `added` ones behind.

    *Raises* `ContractError` where `selected` already has an added column.
    """
    taken = sorted(set(added) & set(selected.columns))
    if taken:
        msg = f"the frame already has {', '.join(taken)}: a stage adds columns and never rewrites one; drop them"
        raise ContractError(msg)
    order = working["output_row"].arg_sort()
    return selected[working["input_row"].gather(order)].hstack(working.select(added)[order])


def join_limits(rows: pl.DataFrame, columns: LimitColumns) -> pl.DataFrame:
    """Join limits and pinned weights to ranked rows."""
    joined = run_plan(
        rows.lazy()
        .select(_RANKED_COLUMNS)
        .join(columns.portfolios.lazy(), on="portfolio_key", how="left", maintain_order="left")
        .join(columns.buckets.lazy(), on=["limits_key", "bucket"], how="left", maintain_order="left")
        .with_columns(bucket_limit=pl.coalesce("own_bucket_limit", "max_allocation_per_bucket"), risk_cap=_risk_cap())
        .with_columns(cap=pl.min_horizontal("max_single_position", "risk_cap"))
    )
    pinned = _pinned(joined.lazy().filter(pl.col("pinned_weight").is_not_null())).pipe(run_plan).lazy()
    in_portfolio, in_bucket = (
        pinned.group_by(group, maintain_order=True).agg(pl.col("pinned").sum().alias(total))
        for group, total in (("portfolio_key", "portfolio_pinned"), ("bucket_key", "bucket_pinned"))
    )
    return (
        joined.lazy()
        .join(pinned.select("input_row", "pinned"), on="input_row", how="left", maintain_order="left")
        .join(in_portfolio, on="portfolio_key", how="left", maintain_order="left")
        .join(in_bucket, on="bucket_key", how="left", maintain_order="left")
        .with_columns(
            pl.col("pinned").fill_null(0.0),
            is_pinned=pl.col("pinned_weight").is_not_null(),
            free_total=(pl.col("target_total_allocation") - pl.col("portfolio_pinned").fill_null(0.0)).clip(0),
            free_bucket_limit=(pl.col("bucket_limit") - pl.col("bucket_pinned").fill_null(0.0)).clip(0),
        )
        .drop("portfolio_pinned", "bucket_pinned")
        .pipe(run_plan)
    )


def _risk_cap() -> pl.Expr:
    """Return max_position_risk / volatility in whole units: such a weight times the volatility is within the limit.

    *Requires* volatilities with at most eight decimals. Where either is missing, or for more than 1: 1.
    """
    limit, volatility = (
        (pl.col(name) * UNITS).round().cast(pl.Int64).cast(pl.Int128) for name in ("max_position_risk", "volatility")
    )
    return as_fraction((limit * UNITS // volatility).clip(upper_bound=UNITS).fill_null(UNITS).cast(pl.Float64))


def _pinned(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add `pinned`, the weight that a pinned row gets (docs/sizing.md 4).

    Immovable rows keep their weight whatever the limits. Of the others limits win over freezing: the cap first,
    then what the immovable rows leave of the bucket, then of the total, scales them down together. A locked one keeps
    a unit.
    """
    capped = pl.min_horizontal("pinned_weight", "max_single_position")
    return (
        rows.with_columns(pinned=pl.when("is_immovable").then("pinned_weight").otherwise(capped))
        .with_columns(pinned=pl.col("pinned") * _scale("bucket_limit", "bucket_key"))
        .with_columns(pinned=pl.col("pinned") * _scale("target_total_allocation", "portfolio_key"))
        .with_columns(pinned=pl.when(_keeps_a_unit()).then(1 / UNITS).otherwise("pinned"))
    )


def _keeps_a_unit() -> pl.Expr:
    """Whether scaling left a locked holding less than a unit: it would be closed."""
    return (
        pl.col("is_locked") & ~pl.col("is_immovable") & (pl.col("pinned_weight") > 0) & (pl.col("pinned") < 1 / UNITS)
    )


def _scale(limit: str, group: str) -> pl.Expr:
    """Return what a pinned weight is multiplied by so that its group holds at most the limit, if that can be."""
    immovable = (pl.col("pinned") * pl.col("is_immovable")).sum().over(group)
    movable = (pl.col("pinned") * ~pl.col("is_immovable")).sum().over(group)
    left = (pl.col(limit) - immovable).clip(0)
    return pl.when(~pl.col("is_immovable") & (movable > left)).then(left / movable).otherwise(1.0)
