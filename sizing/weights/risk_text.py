"""What volatility and correlation did to a size, in words. It reads columns and decides nothing."""

import polars as pl

from sizing.limits.fields import SHOWN_DECIMALS

_TOLD = ("volatility_multiplier", "crowding", "crowding_multiplier", "moves_with")


def add_risk_reason(working: pl.DataFrame, selected: pl.DataFrame) -> pl.DataFrame:
    """Add to `sizing_reason` a sentence for each risk limit that had a say in the size.

    *Requires* the audit columns of the sizing, and `selected` with what `add_multipliers` adds, or without.
    """
    if working["volatility"].null_count() == working.height:
        return working
    told = _TOLD if set(_TOLD) <= set(selected.columns) else ()
    rows = working.hstack(selected[working["input_row"]].select(told))
    sentences = [*(_multipliers() if told else []), _cap(), _scale()]
    is_sized = ~pl.col("is_pinned")
    words = pl.concat_str(
        "sizing_reason",
        *(pl.when(is_sized).then(sentence) for sentence in sentences),
        separator=" ",
        ignore_nulls=True,
    )
    return working.with_columns(rows.select(sizing_reason=words).to_series())


def _shown(column: str | pl.Expr) -> pl.Expr:
    value = pl.col(column) if isinstance(column, str) else column
    return value.cast(pl.Float64).round(SHOWN_DECIMALS)


def _multipliers() -> list[pl.Expr]:
    by_volatility = pl.format(
        "Volatility {} a year, the reference is {}: {} of the size.",
        *map(_shown, ("volatility", "reference_volatility", "volatility_multiplier")),
    )
    others = pl.coalesce(pl.format(" ({})", "moves_with"), pl.lit(""))
    by_crowding = pl.format(
        "Moves with {} other names{}: {} names' worth, {} of the size.",
        *(_shown(pl.col("crowding") - 1), others, _shown("crowding"), _shown("crowding_multiplier")),
    )
    return [by_volatility, by_crowding]


def _cap() -> pl.Expr:
    words = pl.format(
        "Its cap is {}: max_position_risk {} / volatility {}.",
        *(_shown("risk_cap"), "max_position_risk", _shown("volatility")),
    )
    return pl.when(pl.col("risk_cap") < pl.col("max_single_position")).then(words)


def _scale() -> pl.Expr:
    is_scaled = pl.col("drop_reason").is_null() | (pl.col("drop_reason") == "target_volatility")
    return pl.when((pl.col("risk_scale") < 1) & is_scaled).then(
        pl.format("Times {} for target_volatility {}.", _shown("risk_scale"), "target_volatility")
    )
