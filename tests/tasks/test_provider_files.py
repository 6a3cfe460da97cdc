"""Files in the shapes in which fund providers publish their holdings: each is read with a feed that says its shape.

The names and numbers are invented.
"""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tasks.config.feeds import Feed
from tasks.file_contracts import CONTRACTS
from tasks.preflight.file_check import FileRows, read_file
from tasks.sources.discovery import Source
from tasks.sources.locations import local_place

DAY = date(2025, 6, 2)
Rows = list[tuple[object, ...]]


class Case(NamedTuple):
    """A file, the kind that it is read as, its feed, and the rows that must come of it."""

    kind: str
    content: bytes
    feed: dict[str, Any]
    rows: Rows


ISHARES = """\ufeffiShares Example ETF
Fund Holdings as of,"Jun 02, 2025"
Inception Date,"May 15, 2000"
Shares Outstanding,"1,142,350,000.00"
Stock,"-"
Bond,"-"
Cash,"-"
Other,"-"
\u00a0
Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Shares,Price
"AAA","ALPHA INC","Information Technology","Equity","38,345,678,901.23","6.53","38,345,678,901.23","190,123,456.00","7"
"BRKB","BETA INC CLASS B","Financials","Equity","9,876,543.21","1.70","9,876,543.21","19,601.00","503.88"
"XTSLA","CASH FUND","Cash and/or Derivatives","Money Market","1,234,567.00","0.22","1,234,567.00","1,234,567.00","1.00"
"ESM5","FUTURES JUN 25","Cash and/or Derivatives","Futures","0.00","0.00","1,000,000.00","16.00","5,946.50"
\u00a0
"The content contained herein is owned or licensed by the provider and/or its third-party information providers."
"""
SPDR = """Fund Name:,Example Trust
Ticker Symbol:,EXMP
Holdings:,As of 02-Jun-2025

Name,Ticker,Identifier,SEDOL,Weight,Sector,Shares Held,Local Currency
ALPHA INC,AAA,037833100,2046251,6.534712,-,172345678.000,USD
BETA INC,BBB,67066G104,2379504,1.201199,-,98765432.000,USD
US DOLLAR,-,CASH_USD,-,0.057731,Unassigned,345678.000,USD

Past performance is not a reliable indicator of future performance.
"""
VANGUARD = """Fund,Example Index Fund ETF Shares
Fund data as of,05/31/2025



,SEDOL,HOLDINGS,TICKER,% OF FUNDS*,SUB-INDUSTRY,COUNTRY,SECURITY DEPOSITORY RECEIPT TYPE,MARKET VALUE*,SHARES,
,="2046251",Alpha Inc.,AAA,6.54 %,Software,US,\u2014,"$91,234,567,890.12","456,789,012",
,="2379504",Beta Inc.,BBB,1.20 %,Banks,US,\u2014,"$12,345,678.00","98,765",
,\u2014,Cash,\u2014,0.10 %,\u2014,\u2014,\u2014,"$1,234.00",\u2014,

*Dividends, capital gains and returns of capital may change this list.
"""
ARK = """date,fund,company,ticker,cusip,shares,"market value ($)","weight (%)"
06/02/2025,CORE,"ALPHA INC",AAA,88160R101,"2,345,678","$812,345,678.90",9.98%
06/02/2025,CORE,"BETA INC",BBB,19260Q107,"1,234,567","$303,456,789.00",0.70%
06/02/2025,CORE,"CASH FUND",,X9USDGSFT,"1,234,567","$1,234,567.00",0.15%

"Investors should carefully consider the investment objectives and risks before investing."
"""
EXCEL = "sep=;\r\nDatum;Wert;Kurs;;\r\n02.06.2025 00:00:00;AAA;1.204,50;;\r\n02.06.2025 00:00:00;BBB;7;;\r\n"

CASES = {
    "iShares, as an asset list": Case(
        "assets",
        ISHARES.encode(),
        {
            "columns": {"asset": "Ticker", "bucket": "Sector"},
            "ignore_other_columns": True,
            "skip_rows": 9,
            "stop_at": "The content",
            "leave_out": {"Asset Class": ["Money Market", "Futures"]},
        },
        [("AAA", "Information Technology"), ("BRKB", "Financials")],
    ),
    "SPDR, as an asset list": Case(
        "assets",
        SPDR.encode(),
        {
            "columns": {"asset": "Ticker", "bucket": "Local Currency"},
            "ignore_other_columns": True,
            "skip_rows": 4,
            "stop_at": "",
            "leave_out": {"asset": ["-"]},
        },
        [("AAA", "USD"), ("BBB", "USD")],
    ),
    "Vanguard, as an asset list": Case(
        "assets",
        VANGUARD.encode(),
        {
            "columns": {"asset": "TICKER", "bucket": "SUB-INDUSTRY"},
            "ignore_other_columns": True,
            "skip_rows": 5,
            "stop_at": "",
            "leave_out": {"TICKER": ["\u2014"]},
        },
        [("AAA", "Software"), ("BBB", "Banks")],
    ),
    "ARK, as positions": Case(
        "positions",
        ARK.encode(),
        {
            "columns": {"portfolio_id": "fund", "asset": "ticker", "current_weight": "weight (%)"},
            "ignore_other_columns": True,
            "date_format": "%m/%d/%Y",
            "percent": ["current_weight"],
            "stop_at": "Investors should",
            "leave_out": {"company": ["CASH FUND"]},
        },
        [(DAY, "CORE", "AAA", 0.0998), (DAY, "CORE", "BBB", 0.007)],
    ),
    "German Excel, as prices": Case(
        "prices",
        EXCEL.encode("cp1252"),
        {
            "columns": {"date": "Datum", "asset": "Wert", "close": "Kurs"},
            "ignore_other_columns": True,
            "encoding": "cp1252",
            "separator": ";",
            "decimal": ",",
            "thousands": ".",
            "date_format": "%d.%m.%Y",
        },
        [(DAY, "AAA", 1204.5), (DAY, "BBB", 7.0)],
    ),
}


def _read(case: Case, folder: Path) -> FileRows:
    path = folder / "delivered.csv"
    path.write_bytes(case.content)
    contract = next(one for one in CONTRACTS if one.kind == case.kind)
    return read_file(Source(contract, Feed(path=str(path), **case.feed), local_place(path), DAY), DAY, 0)


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_this_shape_is_read_with_a_feed_that_says_it(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    read = _read(case, tmp_path)
    assert [finding.what for finding in read.findings] == []
    others = ("lot_size", "quantity", "adjustment_factor", "daily_return")  # which no such file has
    stored = read.accepted.drop("row_number", *others, strict=False)
    assert [tuple(map(_as_number, row)) for row in stored.rows()] == case.rows


def _as_number(value: object) -> object:
    return value if isinstance(value, str | date) else float(value)  # type: ignore[arg-type]  # a weight is a Decimal


SHAPES = [
    (name, key) for name, case in CASES.items() for key in ("skip_rows", "columns", "separator") if key in case.feed
]


@pytest.mark.parametrize(("name", "key"), SHAPES)
def test_a_file_whose_shape_is_not_declared_names_the_key(tmp_path: Path, name: str, key: str) -> None:
    case = CASES[name]
    read = _read(case._replace(feed={one: said for one, said in case.feed.items() if one != key}), tmp_path)
    assert not read.counts
    assert key in read.findings[0].what
