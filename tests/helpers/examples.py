"""How many examples are drawn: some in `make test`, all of them in `make test-all`, which runs these tests again."""

import os

ALL_EXAMPLES = os.environ.get("BALLAST_ALL_EXAMPLES") == "1"
_ONE_IN = 10


def examples(of_all: int, least: int = 3) -> int:
    """Return how many of the examples of `make test-all` are drawn in this run."""
    return of_all if ALL_EXAMPLES else min(of_all, max(least, of_all // _ONE_IN))
