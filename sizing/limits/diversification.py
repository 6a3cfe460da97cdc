"""How positions are distributed over buckets: most in one, fewest buckets represented."""

from functools import partial
from typing import Annotated

from pydantic import Field

from sizing.limits.fields import MOST_POSITIONS, POSITIONS_UNIT, StrictModel, limit
from sizing.names import Name

_limit = partial(limit, "Diversification")


class DiversificationLimits(StrictModel):
    """Limits on counts of positions and buckets. Weight limits of buckets are `SizingLimits`."""

    max_positions_per_bucket: int = _limit(4, "Most positions in one bucket.", POSITIONS_UNIT, ge=1, le=MOST_POSITIONS)
    max_positions_by_bucket: dict[Name, Annotated[int, Field(ge=1, le=MOST_POSITIONS)]] = _limit(
        {}, "Most positions in single buckets, instead of max_positions_per_bucket.", POSITIONS_UNIT
    )
    allow_bucket_overflow: bool = _limit(
        default=False, description="True: holdings above the positions of their bucket are kept."
    )
    min_buckets_represented: int = _limit(
        2,
        "Buckets that should hold a position; the best name of each has its place reserved.",
        "buckets",
        ge=0,
        le=MOST_POSITIONS,
    )
