"""`make test` spreads files, not tests, over its workers: what a module or the session shares is made once."""

import os

import pytest


def test_a_file_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("without workers there is nothing to spread")
    assert request.node.nodeid.endswith(f"@{request.path}")
