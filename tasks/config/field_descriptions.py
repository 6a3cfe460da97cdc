"""What a field of a model may be, in words: for messages about a wrong value, and for pages made from the model."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from tasks.text import nearest, unknown
from tasks.text import shown as quoted

_LONGEST = 60
_KEY_ITSELF = "[key]"
"""What pydantic puts behind a key of a mapping that is no name."""
_NO_DEFAULT = object()


class Field(NamedTuple):
    """One field: what it means, what it may be, and its default as YAML writes it (empty: it has none).

    A limit has a section too, and a unit where it is a number.
    """

    name: str
    description: str
    allowed: str
    default: str
    section: str = ""
    unit: str = ""


def fields_of(model: type[BaseModel]) -> tuple[Field, ...]:
    """Return every field that the model's JSON schema shows, in order."""
    schema = model.model_json_schema()
    return tuple(
        Field(
            name,
            one.get("description", ""),
            words_for(one),
            _default_of(one),
            *(one.get(key, "") for key in ("section", "unit")),
        )
        for name, one in schema["properties"].items()
    )


def words_for(schema: Mapping[str, Any]) -> str:
    """Return what a JSON schema allows: `a number above 0 and at most 1`."""
    if "anyOf" in schema:
        return ", or ".join(words_for(one) for one in schema["anyOf"])
    if "enum" in schema:
        return either([one if one.isidentifier() else repr(one) for one in schema["enum"]])
    return _WORDS[schema.get("type", "object")](schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    above, most = schema.get("exclusiveMinimum", schema.get("gt")), schema.get("maximum", schema.get("le"))
    least = schema.get("minimum", schema.get("ge"))
    if above is not None:
        return f"above {above}" + (f" and at most {most}" if most is not None else "")
    if least is None:
        return ""
    return f"from {least} to {most}" if most is not None else f"of at least {least}"


def _mapping(schema: Mapping[str, Any]) -> str:
    inner = schema.get("additionalProperties")
    return f"a mapping from a name to {words_for(inner)}" if inner else "a mapping"


_LISTS = {"date": " of days", "string": " of texts"}
_TEXTS = {"date": "a day like 2024-12-02", "path": "a path"}
_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "number": lambda schema: f"a number {_bounds(schema)}".strip(),
    "integer": lambda schema: f"a whole number {_bounds(schema)}".strip(),
    "array": lambda schema: f"a list{_LISTS.get(schema['items'].get('format', schema['items'].get('type')), '')}",
    "object": _mapping,
    "string": lambda schema: _TEXTS.get(schema.get("format", ""), "a text"),
    "boolean": lambda _: "true or false",
    "null": lambda _: "null",
}
"""What a type of JSON schema is called."""


def _default_of(schema: Mapping[str, Any]) -> str:
    default = schema.get("default", _NO_DEFAULT)
    return "" if default is _NO_DEFAULT else as_yaml(default)


def as_yaml(value: object) -> str:
    """Write a value on one line, as it would stand in a YAML file; a list of records as a list of lists."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        value = [list(one.values()) for one in value]
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def either(names: Sequence[str]) -> str:
    """Join alternatives: `a, b or c`."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def explain(error: Any, model: type[BaseModel], *, is_secret: bool = False) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """Put one of pydantic's errors into a sentence: what was expected, what was given, and the default.

    `is_secret`: what was given is left out.
    """
    keys, given = tuple(key for key in error["loc"] if key != _KEY_ITSELF), error["input"]
    place = ".".join(quoted(str(key)) for key in keys)
    if not keys:
        return str(error["msg"]).removeprefix("Value error, ")
    found = _find(_schema(model), keys)
    if error["type"] == "extra_forbidden":
        return unknown(place, keys[-1], found.get("properties", {}))
    got = "" if is_secret else f", got {shown(given)}"
    if error["type"] == "missing":
        return f"{place} is missing: expected {words_for(found)}"
    if error["type"] == "value_error" or not found:
        return f"{place}: {str(error['msg']).removeprefix('Value error, ')}{got}"
    default = _default_of(found) if len(keys) == 1 else ""
    hint = _hint(found, given)
    return (
        f"{place}: expected {words_for(found)}{got}" + hint + (f"; default {default}" if default and not hint else "")
    )


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def shown(value: object) -> str:
    """Write a value as it stands in YAML, texts in quotes; cut where it is long."""
    written = repr(value) if isinstance(value, str) else as_yaml(value) if _is_plain(value) else repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | date | list | dict)


def _find(schema: Mapping[str, Any], keys: Sequence[Any]) -> Mapping[str, Any]:
    """Return the schema of what the keys lead to; of the record that does not have it, for a name that is unknown."""
    found: Mapping[str, Any] = schema
    for key in keys:
        inner = found.get("properties", {}).get(key) or found.get("items") or found.get("additionalProperties")
        if not isinstance(inner, dict):
            break
        found = schema["$defs"][inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
    return found


def _hint(schema: Mapping[str, Any], given: object) -> str:
    """Guess the cause: a typing error in a choice, one name where a list is meant, a text that YAML takes for more."""
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    choices = [one for part in (schema, *schema.get("anyOf", ())) for one in part.get("enum", ())]
    if choices:
        return "".join(f"; {hint}" for hint in [nearest(given, choices)] if hint)
    if "array" in kinds and isinstance(given, str):
        return f"; write [{given}]"
    if "string" in kinds and not isinstance(given, str | list | dict):
        return "; put it into quotes"
    return ""
