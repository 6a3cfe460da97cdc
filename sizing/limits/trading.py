"""Which changes are traded."""

from functools import partial

from sizing.limits.fields import Share, StrictModel, limit

_limit = partial(limit, "Trading")


class TradingLimits(StrictModel):
    """Limits of the trades."""

    rebalance_band: Share = _limit(
        0.05, "A change of at most this fraction of the current weight is not traded.", "fraction of the current weight"
    )
    min_order_value: float = _limit(
        0.0,
        "An order of less money is dropped; closing and sales that a limit needs excepted.",
        "currency of the portfolio",
        ge=0,
        le=1e15,
        allow_inf_nan=False,
    )
