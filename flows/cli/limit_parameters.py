"""Every limit as a flag of a command, straight from `RebalancingLimits`: its name, meaning, bounds and section.

What does not belong here: a list of limits, or what a flag does to them (tasks/config/limit_overrides.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypedDict, Union, get_args, get_origin

from cyclopts import Group, Parameter, Token
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sizing.limits.model import RebalancingLimits
from tasks.config.field_descriptions import words_for
from tasks.config.limit_overrides import flag
from tasks.config.yaml_nodes import is_number

_SAYS_MORE = {"number", "integer", "object"}
"""Types of JSON schema for which a flag's own type and choices do not show what is allowed."""

_NONE = {"none", "null"}


def _flags() -> Iterator[tuple[str, Any]]:
    schema = RebalancingLimits.model_json_schema()["properties"]
    sections = list(dict.fromkeys(one["section"] for one in schema.values()))
    text = "The default of each is as configured."
    groups = {one: Group(one, help=text, sort_key=sections.index(one)) for one in sections}
    for name, field in RebalancingLimits.model_fields.items():
        negative = "" if "minItems" in schema[name] else None  # None: as cyclopts makes it, --no-... or --empty-...
        words = _help(name, field, schema[name])
        group = groups[schema[name]["section"]]
        described = Parameter(help=words, group=group, consume_multiple=True, negative=negative)
        yield name, Annotated[_typed(field.annotation), described]


def _help(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    allowed = words_for(schema) if _SAYS_MORE & {one.get("type") for one in [schema, *schema.get("anyOf", [])]} else ""
    models = [one for one in get_args(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    words = (
        field.description,
        f"{allowed[:1].upper()}{allowed[1:]}." if allowed else "",
        f"One at a time: `{flag(name)}.NAME`; the others stay. None: `{flag(name)} '{{}}'`."
        if get_origin(field.annotation) is dict
        else "",
        *(f"Each is {', '.join(one.model_fields)}." for one in models),
    )
    return " ".join(filter(None, words))


def _typed(hint: Any) -> Any:  # noqa: ANN401 - the types of Python have none
    """Return the type of a limit as a command line has it: a model is a row of its fields; bounds are checked later.

    Whether a value is within its bounds is known when it stands among the others.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint in {int, float}:
        return Annotated[hint, Parameter(converter=_read_number)]
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return tuple[tuple(_typed(field.annotation) for field in hint.model_fields.values())]  # type: ignore[misc]
    if origin is Annotated:
        return _typed(args[0])
    if origin in {tuple, dict}:
        return origin[tuple(_typed(arg) for arg in args)]
    if origin in {Union, UnionType}:
        return Annotated[hint, Parameter(converter=_read_number_or_none)]
    return hint


def _read_number(hint: type[int] | type[float], tokens: Sequence[Token]) -> int | float:
    """Read a decimal number as the config does: 10.0 and 1e1 are whole ones.

    *Raises* `ValueError` for what only looks like a number, such as 0x10.
    """
    written = tokens[0].value.strip()
    if hint is float or not is_number(written, "int"):
        if not is_number(written, "float") or (hint is int and not float(written).is_integer()):
            msg = f"{written!a} is no {'whole ' if hint is int else ''}decimal number"
            raise ValueError(msg)
        return hint(float(written))
    return int(written)


def _read_number_or_none(hint: type[int] | type[float], tokens: Sequence[Token]) -> int | float | None:
    return None if tokens[0].value.strip().lower() in _NONE else _read_number(hint, tokens)


if TYPE_CHECKING:
    LimitFlags: TypeAlias = Mapping[str, Any]
else:
    LimitFlags = Annotated[TypedDict("LimitFlags", dict(_flags()), total=False), Parameter(name="*")]
"""The values of the command line, by the names of the limits."""

LIMITS_AS_CONFIGURED: LimitFlags = {}
"""No limit is given on the command line."""
