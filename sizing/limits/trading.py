"""Which changes are traded."""

from functools import partial

from sizing.limits.fields import Share, StrictModel, limit

_limit = partial(limit, "Trading")


class TradingLimits(StrictModel):
    """Limits of the trades."""

    rebalance_band: Share = _limit(
        0.05, "A change of at most this fraction of the current weight is not traded.", "fraction of the current weight"
    )
