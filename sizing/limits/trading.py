"""Which changes are traded, how much of them on one day, and what happens to the book between days."""

from functools import partial

from sizing.limits.fields import WEIGHT_UNIT, Share, StrictModel, Weight, limit

_limit = partial(limit, "Trading")


class TradingLimits(StrictModel):
    """Limits of the trades, and of the book between days."""

    rebalance_band: Share = _limit(
        0.05, "A change of at most this fraction of the current weight is held back.", "fraction of the current weight"
    )
    min_trade_weight: Weight = _limit(
        0.0, "A smaller change is held back; opening and closing excepted.", WEIGHT_UNIT, ge=0, le=1
    )
    max_turnover: Weight | None = _limit(
        None, "Most one-way turnover of a day, half of all that is traded; null: no limit.", WEIGHT_UNIT, gt=0, le=1
    )
    mark_to_market: bool = _limit(
        default=False,
        description="True: between days without positions, the book moves with the returns of its assets.",
    )
    min_order_value: float = _limit(
        0.0,
        "An order of less money is dropped; closing and sales that a limit needs excepted.",
        "currency of the portfolio",
        ge=0,
        le=1e15,
        allow_inf_nan=False,
    )
