"""Survivors that are explained: no test can kill them, or none is worth it, and why."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant

PLACE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True)
class Explanation:
    """Why a changed line may survive. It is found by its text, so that it outlives shifted lines."""

    file: str
    function: str
    old: str
    new: str
    why: str

    def is_of(self, mutant: Mutant) -> bool:
        """Whether it speaks of this mutant."""
        asked = (mutant.file, mutant.function, mutant.old, mutant.new)
        return asked == (self.file, self.function, self.old, self.new)


def read_explanations(place: Path = PLACE) -> list[Explanation]:
    """Read them; an unknown or missing field is a TypeError."""
    entries = tomllib.loads(place.read_text(encoding="utf-8")).get("survivor", [])
    return [Explanation(**entry) for entry in entries]


def unmatched(explanations: Iterable[Explanation], mutants: Iterable[Mutant]) -> list[Explanation]:
    """Return those of the mutated files that speak of none of the mutants."""
    asked = list(mutants)
    files = {mutant.file for mutant in asked}
    return [one for one in explanations if one.file in files and not any(one.is_of(mutant) for mutant in asked)]
