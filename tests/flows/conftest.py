"""Tests of flows look at the tables: drawing pictures would take a third of their time."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_pictures() -> Iterator[None]:
    """Leave the page of pictures empty; tests/e2e/test_ui.py has them drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.report.pictures_page", lambda *_: "# Not drawn in these tests")
        yield
