"""The form of a custom run: every limit, empty for the portfolio's own. Prefect's UI shows descriptions, no bounds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sizing import RebalancingLimits
from tasks.config.field_descriptions import words_for

NONE = "none"
"""Means null in the form, where a limit may be null: an empty field is the portfolio's own."""

_PROPERTIES: Mapping[str, Mapping[str, Any]] = RebalancingLimits.model_json_schema()["properties"]
_MAY_BE_NULL = frozenset(name for name, one in _PROPERTIES.items() if {"type": "null"} in one.get("anyOf", []))


class AsLimitsForm:
    """Annotates changed limits: a form shows every limit, none of them filled in."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the form in the place of that of a mapping."""
        return handler(_FORM.__pydantic_core_schema__)


ChangedLimits = Annotated[dict[str, Any], AsLimitsForm()]


def given_limits(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits that were filled in, as the model takes them."""
    filled = {name: value for name, value in typed.items() if value is not None}
    return {name: None if name in _MAY_BE_NULL and value == NONE else value for name, value in filled.items()}


def _field(name: str) -> tuple[Any, Any]:
    """Return the field of a limit in the form: null when it is left empty."""
    field = RebalancingLimits.model_fields[name]
    annotation: Any = field.rebuild_annotation()
    if name in _MAY_BE_NULL:
        annotation = annotation | Literal["none"]
    schema = _PROPERTIES[name]
    allowed = words_for(schema).replace("null", NONE)
    empty = f"Empty: the portfolio's own, by default {_default(schema['default'])}"
    return annotation | None, Field(default=None, description=f"{field.description} {empty}; {allowed}.")


def _default(value: object) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} entries" if value else "nothing"
    return {"True": "on", "False": "off", "None": NONE}.get(str(value), str(value))


_FIELDS: dict[str, Any] = {name: _field(name) for name in RebalancingLimits.model_fields}
_FORM: type[BaseModel] = create_model("Limits", __config__=ConfigDict(extra="forbid"), **_FIELDS)
