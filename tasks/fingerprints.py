"""What makes two runs the same: the same inputs, the same limits, the same code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Self

import polars as pl

import sizing
from sizing import RebalancingLimits
from sizing.inputs import DayFrames

_RUN_ID_DIGITS = 12


def limits_as_json(limits: Mapping[str, RebalancingLimits]) -> dict[str, Any]:
    """Give the limits as the run record keeps them: every field of every portfolio."""
    return {"portfolios": {name: one.model_dump(mode="json") for name, one in sorted(limits.items())}}


def config_fingerprint(limits: Mapping[str, RebalancingLimits]) -> str:
    """Hash every limit of every portfolio."""
    return _digest(json.dumps(limits_as_json(limits), sort_keys=True).encode())


def input_fingerprint(inputs: DayFrames) -> str:
    """Hash the day and the content of its frames; the order of their rows does not matter."""
    parts = [inputs.as_of_date.isoformat().encode()]
    for frame in (inputs.scores, inputs.assets, inputs.holdings, inputs.restrictions):
        columns = sorted(frame.columns)
        parts.append(frame.select(columns).sort(columns, nulls_last=True).write_csv().encode())
    return _digest(*parts)


@cache
def code_fingerprint() -> str:
    """Hash the rules' source and the version of Polars, whose arithmetic they are."""
    sources = sorted(
        (entry for entry in resources.files(sizing).iterdir() if entry.name.endswith(".py")),
        key=lambda entry: entry.name,
    )
    return _digest(pl.__version__.encode(), *(entry.name.encode() + b"\0" + entry.read_bytes() for entry in sources))


@dataclass(frozen=True)
class Fingerprints:
    """What decides a result: two runs with the same three are the same run."""

    inputs: str
    config: str
    code: str

    @classmethod
    def of(cls, inputs: DayFrames) -> Self:
        """Take the fingerprints of a day's inputs and limits, and of the code that is installed."""
        return cls(input_fingerprint(inputs), config_fingerprint(inputs.limits), code_fingerprint())


def run_id(as_of_date: date, fingerprints: Fingerprints) -> str:
    """Name a computation by what it computes, so that repeating it is the same run."""
    digest = _digest(*(part.encode() for part in (fingerprints.inputs, fingerprints.config, fingerprints.code)))
    return f"{as_of_date.isoformat()}-{digest[:_RUN_ID_DIGITS]}"


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
