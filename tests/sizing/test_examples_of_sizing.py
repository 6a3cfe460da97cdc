"""The examples in the docstrings of the public API of sizing/ return what they show."""

import doctest
import sys
from types import ModuleType

import pytest

import sizing

# The module itself, where a function of the package has its name.
MODULES = {sys.modules[getattr(sizing, name).__module__] for name in sizing.__all__ if name != "PRESETS"}
WITH_EXAMPLES = ("checks.feasibility", "limits.model", "limits.presets", "pipeline")
WITH_EXAMPLES += ("weights.raw_weights", "weights.two_stage")


@pytest.mark.parametrize("module", sorted(MODULES, key=lambda one: one.__name__), ids=lambda one: one.__name__)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.failed == 0
    assert (result.attempted > 0) == (module.__name__.removeprefix("sizing.") in WITH_EXAMPLES)
