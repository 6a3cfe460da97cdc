"""What was killed before, so that a run that was interrupted, or follows a new test, goes on instead of anew."""

import json
from hashlib import sha256
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.trial import Outcome

PLACE = Path(".mutation/killed.jsonl")


class Journal:
    """The mutants that a test killed, by the whole of their changed source. Tests only get stronger; `--fresh` forgets.

    One that survived is not kept: the next run tries it again.
    """

    def __init__(self, place: Path = PLACE) -> None:
        self._place = place
        lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
        self._killed = {entry["key"]: entry["outcome"] for entry in map(json.loads, lines)}

    def outcome(self, mutant: Mutant) -> Outcome | None:
        """Report how it was killed, None when it is not known to be."""
        return self._killed.get(_key(mutant))

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Keep it for the next run, at once: this one may be interrupted."""
        self._place.parent.mkdir(exist_ok=True)
        with self._place.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"key": _key(mutant), "outcome": outcome}) + "\n")

    def forget(self) -> None:
        """Start again."""
        self._place.unlink(missing_ok=True)
        self._killed.clear()


def _key(mutant: Mutant) -> str:
    return sha256(f"{mutant.file}\0{mutant.source}".encode()).hexdigest()
