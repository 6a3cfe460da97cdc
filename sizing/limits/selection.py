"""Who may be held: thresholds of the score, numbers of positions, replacement, the universe."""

from pydantic import Field
from pydantic.config import JsonDict

from sizing.limits.fields import MOST_POSITIONS, POSITIONS_UNIT, SCORE_UNIT, Share, StrictModel
from sizing.names import Name

_SECTION: JsonDict = {"section": "Selection"}


class SelectionLimits(StrictModel):
    """Limits of the selection, with the rules of docs/selection.md."""

    min_score_threshold: Share = Field(
        default=0.60,
        description="A holding below this score is closed.",
        json_schema_extra=_SECTION | {"unit": SCORE_UNIT},
    )
    min_score_new_position: Share = Field(
        default=0.65,
        description="A new name below this score is not opened.",
        json_schema_extra=_SECTION | {"unit": SCORE_UNIT},
    )
    max_new_positions: int = Field(
        default=3,
        ge=0,
        le=MOST_POSITIONS,
        description="Most new names a day.",
        json_schema_extra=_SECTION | {"unit": "positions a day"},
    )
    max_total_positions: int = Field(
        default=10,
        ge=1,
        le=MOST_POSITIONS,
        description="Most positions, holdings included.",
        json_schema_extra=_SECTION | {"unit": POSITIONS_UNIT},
    )
    replacement_margin: Share | None = Field(
        default=None,
        description="Score lead with which a new name replaces the weakest holding it may meet; null: never.",
        json_schema_extra=_SECTION | {"unit": SCORE_UNIT},
    )
    include_buckets: tuple[Name, ...] = Field(
        default=(),
        description="Where this or include_assets is given: only these buckets, besides those assets.",
        json_schema_extra=_SECTION,
    )
    include_assets: tuple[Name, ...] = Field(
        default=(),
        description="Where this or include_buckets is given: only these assets, besides those buckets.",
        json_schema_extra=_SECTION,
    )
    exclude_buckets: tuple[Name, ...] = Field(
        default=(), description="Buckets that the portfolio never holds.", json_schema_extra=_SECTION
    )
    exclude_assets: tuple[Name, ...] = Field(
        default=(), description="Assets that the portfolio never holds.", json_schema_extra=_SECTION
    )
    allow_unclassified: bool = Field(
        default=False,
        description="True: a new name may enter though the asset list does not know its bucket.",
        json_schema_extra=_SECTION,
    )
