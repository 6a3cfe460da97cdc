"""Who may be held: thresholds of the score, numbers of positions, replacement, the universe."""

from functools import partial

from sizing.limits.fields import MOST_POSITIONS, POSITIONS_UNIT, SCORE_UNIT, Share, StrictModel, limit
from sizing.names import Name

_limit = partial(limit, "Selection")


class SelectionLimits(StrictModel):
    """Limits of the selection, with the rules of docs/selection.md."""

    min_score_threshold: Share = _limit(0.60, "A holding below this score is closed.", SCORE_UNIT)
    min_score_new_position: Share = _limit(0.65, "A new name below this score is not opened.", SCORE_UNIT)
    max_new_positions: int = _limit(3, "Most new names a day.", "positions a day", ge=0, le=MOST_POSITIONS)
    max_total_positions: int = _limit(10, "Most positions, holdings included.", POSITIONS_UNIT, ge=1, le=MOST_POSITIONS)
    replacement_margin: Share | None = _limit(
        None, "Score lead with which a new name replaces the weakest holding it may meet; null: never.", SCORE_UNIT
    )
    include_buckets: tuple[Name, ...] = _limit(
        (), "Where this or include_assets is given: only these buckets, besides those assets."
    )
    include_assets: tuple[Name, ...] = _limit(
        (), "Where this or include_buckets is given: only these assets, besides those buckets."
    )
    exclude_buckets: tuple[Name, ...] = _limit((), "Buckets that the portfolio never holds.")
    exclude_assets: tuple[Name, ...] = _limit((), "Assets that the portfolio never holds.")
    allow_unclassified: bool = _limit(
        default=False, description="True: a new name may enter though the asset list does not know its bucket."
    )
