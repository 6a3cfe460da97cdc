"""What a run of thousands of portfolios says: every message is short, for Prefect as for people."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl
import pytest

from flows.outcomes import send
from sizing.wording import MOST_NAMED
from tasks import events
from tasks.approval import Asked

DAY = date(2025, 6, 2)
NAMES = [f"fund_{number:04}" for number in range(3_000)]
LONG = 4_000
"""Characters that a message of any number of portfolios has room for."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    payloads: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "emit", lambda _event, _resource, payload: payloads.append(payload))
    return payloads


def _summary(names: list[str]) -> pl.DataFrame:
    counts = dict.fromkeys(("n_positions", "n_open", "n_close", "n_increase", "n_decrease", "n_missed"), 1)
    row = counts | {"cash_weight": 0.1, "turnover": 0.2, "is_cash_forced": False}
    return pl.DataFrame([{"portfolio_id": name} | row for name in names])


def test_an_event_of_many_portfolios_has_the_first_and_how_many_there_are(sent: list[dict[str, Any]]) -> None:
    send(events.PUBLISHED, DAY, "r1", NAMES, _summary(NAMES))
    send(events.REJECTED, DAY, "r1", NAMES, _summary(NAMES).clear())
    for payload in sent:
        assert payload["n_portfolios"] == len(NAMES)
        assert [one["portfolio_id"] for one in payload["portfolios"]] == NAMES[:MOST_NAMED]
        assert len(str(payload)) < LONG


def test_an_event_of_few_portfolios_has_each(sent: list[dict[str, Any]]) -> None:
    send(events.PUBLISHED, DAY, "r1", NAMES[:2], _summary(NAMES[:2]))
    assert (sent[0]["n_portfolios"], [one["portfolio_id"] for one in sent[0]["portfolios"]]) == (2, NAMES[:2])


def test_the_reasons_of_many_that_ask_for_approval_are_short() -> None:
    same = str(Asked(dict.fromkeys(NAMES, "every day waits"), ()))
    assert same.endswith(f"{NAMES[MOST_NAMED - 1]} and 2990 more: every day waits")
    other = str(Asked({name: f"turnover 0.{number} is above" for number, name in enumerate(NAMES)}, ()))
    assert other.endswith("; and 2990 more")
    assert max(len(same), len(other)) < LONG
