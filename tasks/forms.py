"""What the form of Prefect's UI says of a limit: it shows descriptions and fills in defaults, but tells no bounds."""

from collections.abc import Mapping
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_BOUNDS = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}


class InWords:
    """Annotates a model in a form: the description of each of its fields ends with the field's default and bounds."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the words to the schema of the model. *Requires* that every field has a description and a default."""
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema)["properties"].values():
            field["description"] += f" {_in_words(field)}"
        return schema


def _in_words(field: Mapping[str, Any]) -> str:
    """Say the default of a field and its bounds. Bounds of a field that may be null are those of the number."""
    of = [field, *field.get("anyOf", [])]
    bounds = [f"{words} {one[key]:,}" for one in of for key, words in _BOUNDS.items() if key in one]
    return f"Default: {'; '.join(filter(None, [_default(field['default']), ', '.join(bounds)]))}."


def _default(value: object) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} entries" if value else "none"
    return {"True": "on", "False": "off", "None": "null"}.get(str(value), str(value))
