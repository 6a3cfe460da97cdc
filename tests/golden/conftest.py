"""Every worked example is asked of both sizers: the product's, and the reference that proves it."""

from collections.abc import Callable

import pytest

from sizing import RebalancingLimits
from tests.sizing.cases import Case, size_all, size_by_reference
from tests.sizing.reference.portfolio import Line

Sizer = Callable[[list[Line], RebalancingLimits], Case]


def size_by_product(lines: list[Line], limits: RebalancingLimits) -> Case:
    return size_all([(lines, limits)])[0]


@pytest.fixture(params=[size_by_reference, size_by_product], ids=["reference", "product"])
def size(request: pytest.FixtureRequest) -> Sizer:
    return request.param
