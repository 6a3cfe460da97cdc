"""The limits as pages and files show them to a person: by section, each with its unit."""

from typing import NamedTuple

from sizing.limits.model import RebalancingLimits
from tasks.config.field_descriptions import Field, fields_of


class Limit(NamedTuple):
    """One limit, the section that it belongs to, and its unit; empty: it is no number."""

    section: str
    unit: str
    field: Field


def limits_by_section() -> tuple[Limit, ...]:
    """Return every limit in the order of the model."""
    described = RebalancingLimits.model_json_schema()["properties"]
    return tuple(
        Limit(described[field.name]["section"], described[field.name].get("unit", ""), field)
        for field in fields_of(RebalancingLimits)
    )
