"""Which changes are traded."""

from pydantic import Field
from pydantic.config import JsonDict

from sizing.limits.fields import Share, StrictModel

_SECTION: JsonDict = {"section": "Trading"}


class TradingLimits(StrictModel):
    """Limits of the trades."""

    rebalance_band: Share = Field(
        default=0.05,
        description="A change of at most this fraction of the current weight is not traded.",
        json_schema_extra=_SECTION | {"unit": "fraction of the current weight"},
    )
