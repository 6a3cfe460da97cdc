"""What the sections of the limits share: types of fields, their units and tolerances, and the strict base model."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

WEIGHT_DECIMALS = 8
"""Decimals of a stored weight, DECIMAL(10, 8)."""

MOST_POSITIONS = 2**31 - 1
"""Highest count that a limit can be set to: what an INTEGER column holds."""

WEIGHT_TOLERANCE = 1e-12
"""Two weights closer than this are the same weight: float noise, ten thousand times below a stored unit."""

VOLATILITY_TOLERANCE = 1e-7
"""A volatility of targets so little above its limit is within it: stored weights are rounded."""

COUNT_TOLERANCE = 1e-9
"""Added before a ratio is rounded down to a count: 0.4 / 0.02 is twenty, 29 of 50 is not more than 0.58."""

SHOWN_DECIMALS = 4
SHOWN_STEPS: int = 10**SHOWN_DECIMALS
"""Weights in text and forms have four decimals: steps of 1e-4."""

WEIGHT_UNIT, SCORE_UNIT, POSITIONS_UNIT = "fraction of the portfolio's value", "score", "positions"


def _at_most_eight_decimals(value: float) -> float:
    stored = round(value, WEIGHT_DECIMALS)
    if abs(value - stored) > WEIGHT_TOLERANCE:
        decimals = len(f"{Decimal(repr(value)).normalize():f}".partition(".")[2])
        msg = f"has {decimals} decimals, at most {WEIGHT_DECIMALS} can be stored: round it to {stored:.8f}"
        raise ValueError(msg)
    return stored


Weight = Annotated[float, AfterValidator(_at_most_eight_decimals)]
Share = Annotated[float, Field(ge=0, le=1)]


def limit(section: str, default: object, description: str, unit: str = "", **bounds: Any) -> Any:  # noqa: ANN401 - as Field
    """Return the field of a limit. `bounds`: those of pydantic's `Field`; `unit`: empty for what is no number."""
    extra: JsonDict = {"section": section, "unit": unit}
    return Field(default=default, description=description, json_schema_extra=extra, **bounds)


class StrictModel(BaseModel):
    """A frozen model without unknown fields, in which true is no number and no name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _reject_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Reject true, which pydantic takes for 1, also among the values of a mapping."""
        values = value.values() if isinstance(value, dict) else [value]
        if cls.model_fields[str(info.field_name)].annotation is not bool and any(isinstance(x, bool) for x in values):
            kind, msg = "true_or_false", "true and false are no numbers and no names"
            raise PydanticCustomError(kind, msg)
        return value
