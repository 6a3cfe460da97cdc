"""The examples in the docstrings of tasks/ give what they show."""

import doctest
from types import ModuleType

import pytest

from tasks import text, trading_calendar


@pytest.mark.parametrize("module", [text, trading_calendar], ids=lambda one: one.__name__)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
