"""The examples in the docstrings of tasks/ give what they show."""

import doctest
from types import ModuleType

import pytest

from tasks import file_contracts, renames, text, trading_calendar
from tasks.config import feeds, limit_layers
from tasks.values import date_formats, values

MODULES = [date_formats, feeds, file_contracts, limit_layers, renames, text, trading_calendar, values]


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
