"""The limits of one portfolio or limit set, layer on layer; what stands in the way is reported where it is written.

The model's defaults, the preset of `defaults`, `defaults`, the portfolio's preset, the portfolio: what comes later
takes precedence. What a portfolio writes takes precedence over what all share, its preset included, and a limit over
the preset beside it.

>>> own = {PRESET: "conservative", "max_single_position": 0.06}
>>> layers = Layers({"max_total_positions": 30}, own, ("portfolios", "careful"), "portfolio careful")
>>> limits = layers.limits()
>>> limits.max_total_positions, limits.max_single_position, limits.rebalance_band
(20, 0.06, 0.1)
>>> [problem.keys for problem in layers.lifted()]
[('portfolios', 'careful', 'preset')]
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from sizing import RebalancingLimits
from sizing.limits.presets import PRESETS
from tasks.config.field_descriptions import either, explain, shown
from tasks.config.yaml_file import Problem
from tasks.text import unknown

PRESET = "preset"

Written = Mapping[Any, Any]
"""A section of the file, by its keys."""


class _Layer(NamedTuple):
    keys: tuple[object, ...]
    who: str
    values: Mapping[str, Any]


class Layers:
    """The limits of `who`, which are written under `keys`, or without `own` those of `defaults` alone."""

    def __init__(
        self, defaults: Written, own: Written | None = None, keys: tuple[object, ...] = (), who: str = ""
    ) -> None:
        layers = [*_layers(("defaults",), "defaults", defaults)]
        if own is not None:
            layers += _layers(keys, who, own)
        self._layers = layers
        self._merged = {field: value for layer in layers for field, value in layer.values.items()}

    def limits(self) -> RebalancingLimits:
        """Return the limits. *Raises* `pydantic.ValidationError`, which `problems` words."""
        return RebalancingLimits(**self._merged)

    def wrong_values(self) -> tuple[Problem, ...]:
        """Return which single limits cannot be what they are: contradictions of defaults a portfolio may resolve."""
        return tuple(self._explain(error) for error in _errors(self._merged) if error["loc"])

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with single limits, and whether the others contradict each other."""
        wrong = {error["loc"][0] for error in _errors(self._merged) if error["loc"]}
        rest = {name: value for name, value in self._merged.items() if name not in wrong}
        # A wrong one may be what is contradicted.
        contradictions = [error for error in _errors(rest) if not error["loc"] and not wrong & {*_limits_in(error)}]
        return (*self.wrong_values(), *(self._explain(error) for error in contradictions))

    def lifted(self) -> tuple[Problem, ...]:
        """Return which limits of `defaults` do not count here, since the preset of the portfolio takes precedence."""
        *_, defaults, preset, own = self._layers
        return tuple(
            Problem(
                preset.keys,
                f"{own.who}: its preset sets {field} {shown(preset.values[field])}, which takes precedence over "
                f"the {shown(value)} of defaults; write {field} here to say otherwise",
            )
            for field, value in defaults.values.items()
            if field in preset.values and field not in own.values and preset.values[field] != value
        )

    def _explain(self, error: Any) -> Problem:  # noqa: ANN401 - pydantic's ErrorDetails
        named = error["loc"][:1] or _limits_in(error)
        layer = next(
            one for one in (*reversed(self._layers), self._layers[-1]) if {*named} & {*one.values} or not named
        )
        keys = error["loc"] or [name for name in named if name in layer.values][:1]
        return Problem((*layer.keys, *keys), f"{layer.who}: {explain(error, RebalancingLimits)}")


def _layers(keys: tuple[object, ...], who: str, written: Written) -> list[_Layer]:
    named = written.get(PRESET)
    preset = PRESETS.get(named) if isinstance(named, str) else None
    own = {name: value for name, value in written.items() if name in RebalancingLimits.model_fields}
    return [_Layer((*keys, PRESET), who, preset.limits if preset else {}), _Layer(keys, who, own)]


def problems_of_preset(keys: tuple[object, ...], who: str, written: Written) -> tuple[Problem, ...]:
    """Return the mistake of a preset that does not exist."""
    if PRESET not in written:
        return ()
    named = written[PRESET]
    if isinstance(named, str) and named in PRESETS:
        return ()
    if isinstance(named, str):
        message = unknown(f"{PRESET} {named}", named, PRESETS)
    else:
        message = f"{PRESET}: expected {either(list(PRESETS))}, got {shown(named)}"
    return (Problem((*keys, PRESET), f"{who}: {message}"),)


def _errors(values: Mapping[str, Any]) -> list[Any]:
    try:
        RebalancingLimits(**values)
    except ValidationError as error:
        found: list[Any] = list(error.errors())
        # A list with a bad item is reported as too short, too.
        inner = {one["loc"][:n] for one in found for n in range(1, len(one["loc"]))}
        return [one for one in found if one["loc"] not in inner]
    return []


def _limits_in(error: Any) -> tuple[str, ...]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Name the limits that a sentence speaks of."""
    return tuple(name for name in re.findall(r"\w+", error["msg"]) if name in RebalancingLimits.model_fields)
