"""Lines of cash among positions: they are no position, and a day that waits for their scores would wait for good."""

from pathlib import Path

import pytest

from tasks.runs.ingest import ingest_range
from tasks.validation.cash_lines import looks_like_cash
from tests.tasks.runs.test_ingest import DAY, Installation

POSITIONS = "date,portfolio_id,asset,current_weight\n"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "USD",
            "usd",
            "EUR",
            "$USD",
            "-USD-",
            "$CASH",
            "Cash",
            "cash",
            "CASH_USD",
            "USD CASH",
            "CASHUSD",
            "Cash (EUR)",
        ),
        *("Cash & equivalents", "Cash and Cash Equivalents", "Cash and/or Derivatives", "US DOLLAR CASH", "Net cash"),
        *("CASH COLLATERAL", "Uninvested cash", "CASH-USD", "$", "€"),
    ],
)
def test_a_currency_and_words_for_cash_look_like_cash(name: str) -> None:
    assert looks_like_cash(name)


@pytest.mark.parametrize(
    "name",
    [
        *("CASH", "AAA", "USDX", "EURN", "CASHEW CORP", "FIRST CASH FINANCIAL", "Pathward", "MONEY", "DEPOSIT", "ALL"),
        *("US91282CJL62", "USD2", "USDJPY", "EUR/USD FORWARD", "DOLLAR GENERAL", "", " ", "-", "912828", "Cashmere"),
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert not looks_like_cash(name)


@pytest.fixture
def installation(tmp_path: Path, migrated: Path) -> Installation:
    """An inbox with scores of a day, and a warehouse."""
    made = Installation(tmp_path, migrated)
    made.put("scores_2025-06-02.csv", "date,asset,score\n2025-06-02,AAA,0.7\n")
    return made


class TestPositions:
    def test_they_are_rejected_with_the_key_that_leaves_them_out(self, installation: Installation) -> None:
        rows = "2025-06-02,core,AAA,0.2\n2025-06-02,core,USD,0.7\n2025-06-02,core,$CASH,0.1\n"
        path = installation.put("positions_2025-06-02.csv", POSITIONS + rows)
        refusal = installation.refusal()
        assert "2 names that no asset list has and that look like cash: $CASH, USD" in refusal
        installation.feeds(positions={"path": str(path), "leave_out": {"asset": ["$CASH", "USD"]}})
        installation.take()
        assert installation.ask("SELECT asset FROM positions") == [("AAA",)]

    def test_what_an_asset_list_has_or_had_is_an_asset(self, installation: Installation) -> None:
        installation.put("assets.csv", "asset,bucket\nAAA,Energy\nNOK,Telecom\n")
        installation.put("positions_2025-06-02.csv", f"{POSITIONS}2025-06-02,core,NOK,0.2\n")
        installation.take()
        installation.put("assets.csv", "asset,bucket\nAAA,Energy\n")
        installation.put("positions_2025-06-02.csv", f"{POSITIONS}2025-06-02,core,NOK,0.3\n")
        ingest_range(installation.settings, (DAY,), {})
        assert installation.ask("SELECT count(*) FROM ingests WHERE kind = 'positions' AND refusal IS NULL") == [(2,)]

    def test_a_portfolio_that_holds_nothing_still_says_so(self, installation: Installation) -> None:
        installation.put("positions_2025-06-02.csv", f"{POSITIONS}2025-06-02,core,CASH,1\n")
        installation.take()
        assert installation.ask("SELECT asset FROM positions") == [("CASH",)]
