"""How positions are distributed over buckets: most in one, fewest buckets represented."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from sizing.limits.fields import MOST_POSITIONS, POSITIONS_UNIT, StrictModel
from sizing.names import Name

_SECTION: JsonDict = {"section": "Diversification"}


class DiversificationLimits(StrictModel):
    """Limits on counts of positions and buckets. Weight limits of buckets are `SizingLimits`."""

    max_positions_per_bucket: int = Field(
        default=4,
        ge=1,
        le=MOST_POSITIONS,
        description="Most positions in one bucket.",
        json_schema_extra=_SECTION | {"unit": POSITIONS_UNIT},
    )
    max_positions_by_bucket: dict[Name, Annotated[int, Field(ge=1, le=MOST_POSITIONS)]] = Field(
        default={},
        description="Most positions in single buckets, instead of max_positions_per_bucket.",
        json_schema_extra=_SECTION | {"unit": POSITIONS_UNIT},
    )
    allow_bucket_overflow: bool = Field(
        default=False,
        description="True: holdings above the positions of their bucket are kept.",
        json_schema_extra=_SECTION,
    )
    min_buckets_represented: int = Field(
        default=2,
        ge=0,
        le=MOST_POSITIONS,
        description="Buckets that should hold a position; the best name of each has its place reserved.",
        json_schema_extra=_SECTION | {"unit": "buckets"},
    )
