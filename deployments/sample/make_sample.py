# ruff: noqa: INP001 - a script that stands alone, not a module of a package
"""Make the sample inbox: six trading days of invented scores on real tickers, and invented prices of one of them.

    score part = squash(SPREAD x quality), quality an AR(1) a day with a common part in each sector

The scores are invented and mean nothing about the companies. The same seed writes the same bytes on every
Python >= 3.11 and every machine: only `Random.random` is drawn (the one method whose sequence Python
promises), sums are exact, and no function is used that a C library may round differently.

The gaps, bad rows and restrictions are laid by hand where `DEFAULT_SEED` makes them instructive. What does
not belong here: limits, they are in `deployments/portfolios.yaml`.
"""

import argparse
import csv
import logging
import math
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

log = logging.getLogger("make_sample")

DEFAULT_SEED = 4007
"""Picked out of 25,000: something is opened and closed nearly every day. Most seeds are quieter."""
DEFAULT_OUT = Path(__file__).parent / "inbox"

DAYS = (
    date(2025, 6, 2),
    date(2025, 6, 3),
    date(2025, 6, 4),
    date(2025, 6, 5),
    date(2025, 6, 6),
    date(2025, 6, 9),
)
"""Consecutive trading days of the NYSE, a weekend inside."""

UNIVERSE = {
    "Communication Services": {"GOOGL": 0.34, "META": 0.42, "NFLX": 0.36, "TMUS": 0.27, "VZ": 0.22},
    "Consumer Discretionary": {"AMZN": 0.38, "HD": 0.27, "LOW": 0.28, "MCD": 0.19, "NKE": 0.45, "TSLA": 0.72},
    "Consumer Staples": {"COST": 0.25, "KO": 0.17, "PG": 0.19, "PM": 0.23, "WMT": 0.26},
    "Energy": {"COP": 0.36, "CVX": 0.29, "SLB": 0.40, "XOM": 0.27},
    "Financials": {"AXP": 0.37, "BAC": 0.33, "BLK": 0.31, "GS": 0.37, "JPM": 0.30, "MA": 0.25, "V": 0.24},
    "Health Care": {
        "ABBV": 0.30,
        "ISRG": 0.38,
        "JNJ": 0.21,
        "LLY": 0.42,
        "MRK": 0.31,
        "TMO": 0.32,
        "UNH": 0.52,
    },
    "Industrials": {"CAT": 0.34, "DE": 0.32, "GE": 0.35, "HON": 0.26, "RTX": 0.27, "UNP": 0.26},
    "Information Technology": {
        "AAPL": 0.40,
        "ADBE": 0.36,
        "AVGO": 0.58,
        "CRM": 0.38,
        "IBM": 0.30,
        "MSFT": 0.28,
        "NVDA": 0.55,
        "ORCL": 0.45,
    },
    "Materials": {"FCX": 0.50, "LIN": 0.21, "NEM": 0.40, "SHW": 0.27},
    "Real Estate": {"AMT": 0.27, "EQIX": 0.30, "PLD": 0.35, "WELL": 0.24},
    "Utilities": {"CEG": 0.58, "DUK": 0.18, "NEE": 0.27, "SO": 0.18},
}
"""Ticker and its usual annualised volatility, by GICS sector."""

PERSISTENCE = 0.97
"""Share of an asset's quality that is left the next day."""
SECTOR_SHARE = 0.15
"""Share of an asset's variance that its sector explains."""
FUNDAMENTAL_OWN_SHARE = 0.35
"""Share of the fundamental variance that the technical part does not see."""
TECHNICAL_NOISE = 0.08
VOLATILITY_NOISE = 0.01
SPREAD = 0.72
"""How far apart the scores lie: about a quarter of them at 0.65 and above."""

INCOME_WEIGHTS = {
    "AMZN": "0.1085",
    "FCX": "0.0620",
    "GE": "0.0710",
    "GOOGL": "0.0790",
    "HD": "0.0480",
    "IBM": "0.0455",
    "JPM": "0.0735",
    "LLY": "0.0840",
    "LOW": "0.0665",
    "MSFT": "0.0590",
    "NKE": "0.0615",
    "TMUS": "0.0780",
    "V": "0.0905",
}
"""Holdings of `income`, bought on older scores: AMZN has drifted over its cap, HD and IBM fall soon."""

GAPS = {
    DAYS[1]: ("DUK", "TMUS"),
    DAYS[2]: ("NFLX", "TMUS", "XOM"),
    DAYS[3]: ("JPM", "TMUS"),
    DAYS[4]: ("ORCL", "TMUS", "WELL"),
}
"""Assets that the day's file does not know. TMUS stays away for longer than a last score counts."""

WITHOUT_FUNDAMENTAL = {
    DAYS[1]: ("LIN", "UNH"),
    DAYS[2]: ("COST", "KO", "V"),
    DAYS[4]: ("AVGO", "CRM"),
    DAYS[5]: ("COST",),
}
"""Assets whose accounts are being renewed. AVGO qualifies by its technical part alone."""

BAD_TECHNICAL = {(DAYS[1], "LOW"): "1.7000", (DAYS[4], "RTX"): "NaN"}
"""Cells that no rule accepts. LOW is held by `income`: its last score counts."""

EXTRA_ROWS = {
    DAYS[2]: ("VZ", "0.3127", "0.5652", "0.2190"),
    DAYS[3]: ("CRCL", "", "0.4105", "0.9480"),
    DAYS[4]: ("CRCL", "", "0.4105", "0.9511"),
    DAYS[5]: ("CRCL", "", "0.4105", "0.9467"),
}
"""A second row for VZ, which no portfolio holds; and a new listing that has no bucket yet."""

RESTRICTIONS = (
    ("", "COP", "no_buy", "research blackout", "2025-06-02", "2025-06-04"),
    ("income", "LLY", "must_sell", "client instruction", "2025-06-05", ""),
)
"""COP would be bought on the first day; LLY is sold on the day the instruction begins, at a high score."""


ORDERS_DAY = DAYS[4]
"""The day with account values and prices, for orders in shares."""
ACCOUNTS = {"core": "250000", "income": "1200000", "opportunity": "80000"}
"""Portfolio values in dollars."""
PRICES_FROM, PRICES_UP_TO = 20, 620


class Score(NamedTuple):
    """One row of a score file, as numbers."""

    technical: float
    fundamental: float
    volatility: float


def gaussian(rng: Random) -> float:
    """Draw from N(0, 1), nearly: twelve uniform draws less six."""
    return math.fsum(rng.random() for _ in range(12)) - 6


def squash(z: float) -> float:
    """Map a real number into (0, 1): 1/2 + z / (2 sqrt(1 + z^2))."""
    return 0.5 + 0.5 * z / math.sqrt(1 + z * z)


def step(previous: float, rng: Random) -> float:
    """Move an AR(1) of variance 1 by one day."""
    return PERSISTENCE * previous + math.sqrt(1 - PERSISTENCE**2) * gaussian(rng)


def mix(own: float, other: float, other_share: float) -> float:
    """Blend two N(0, 1) numbers so that the result has variance 1."""
    return math.sqrt(1 - other_share) * own + math.sqrt(other_share) * other


def simulate(seed: int, n_days: int) -> list[dict[str, Score]]:
    """Draw the scores of consecutive days, every asset on every day, nothing wrong with any of them."""
    rng = Random(seed)  # noqa: S311 - a repeatable sequence is the point, not a secret one
    sectors = {bucket: gaussian(rng) for bucket in UNIVERSE}
    own = {asset: gaussian(rng) for assets in UNIVERSE.values() for asset in assets}
    accounts = {
        asset: mix(mix(own[asset], sectors[bucket], SECTOR_SHARE), gaussian(rng), FUNDAMENTAL_OWN_SHARE)
        for bucket, assets in UNIVERSE.items()
        for asset in assets
    }
    days = []
    for _ in range(n_days):
        sectors = {bucket: step(value, rng) for bucket, value in sectors.items()}
        own = {asset: step(value, rng) for asset, value in own.items()}
        day = {}
        for bucket, assets in UNIVERSE.items():
            for asset, usual_volatility in assets.items():
                quality = mix(own[asset], sectors[bucket], SECTOR_SHARE)
                day[asset] = Score(
                    technical=squash(SPREAD * (quality + TECHNICAL_NOISE * gaussian(rng))),
                    fundamental=squash(SPREAD * accounts[asset]),
                    volatility=usual_volatility * (1 + VOLATILITY_NOISE * gaussian(rng)),
                )
        days.append(day)
    return days


def clean_row(day: date, asset: str, score: Score) -> tuple[str, ...]:
    """Write one score as cells, with four decimals; a part that is not known is empty."""
    is_partial = asset in WITHOUT_FUNDAMENTAL.get(day, ())
    technical = BAD_TECHNICAL.get((day, asset), f"{score.technical:.4f}")
    fundamental = "" if is_partial else f"{score.fundamental:.4f}"
    return (day.isoformat(), asset, technical, fundamental, f"{score.volatility:.4f}")


def score_rows(day: date, scores: dict[str, Score]) -> list[tuple[str, ...]]:
    """Write the file of one day, sorted by asset: with its gaps, its empty parts and its bad rows."""
    rows = [clean_row(day, asset, score) for asset, score in scores.items() if asset not in GAPS.get(day, ())]
    if day in EXTRA_ROWS:
        rows.append((day.isoformat(), *EXTRA_ROWS[day]))
    return sorted(rows, key=lambda row: row[1])


def price_rows(seed: int) -> list[tuple[str, str, str]]:
    """Invent a price for each asset, between 20 and 620 dollars."""
    rng = Random(seed + 1)  # noqa: S311 - as above; a sequence of its own, so that the scores stay
    assets = sorted(asset for assets in UNIVERSE.values() for asset in assets)
    width = PRICES_UP_TO - PRICES_FROM
    return [(str(ORDERS_DAY), asset, f"{PRICES_FROM + width * rng.random():.2f}") for asset in assets]


def write_csv(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    """Write rows under a comma separated header, lines ending in a newline everywhere."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def write_sample(out: Path, seed: int = DEFAULT_SEED) -> None:
    """Write the whole inbox into `out`; files of the same name are replaced, others are left alone."""
    out.mkdir(parents=True, exist_ok=True)
    buckets = sorted((asset, bucket) for bucket, assets in UNIVERSE.items() for asset in assets)
    write_csv(out / "assets.csv", "asset,bucket", buckets)
    _bought_on, *days = simulate(seed, 1 + len(DAYS))
    for day, scores in zip(DAYS, days, strict=True):
        header = "date,asset,technical_score,fundamental_score,volatility"
        write_csv(out / f"scores_{day}.csv", header, score_rows(day, scores))
    holdings = [(str(DAYS[0]), "income", asset, weight) for asset, weight in INCOME_WEIGHTS.items()]
    write_csv(out / f"positions_{DAYS[0]}.csv", "date,portfolio_id,asset,current_weight", holdings)
    accounts = [(str(ORDERS_DAY), *account) for account in ACCOUNTS.items()]
    write_csv(out / f"accounts_{ORDERS_DAY}.csv", "date,portfolio_id,portfolio_value", accounts)
    write_csv(out / f"prices_{ORDERS_DAY}.csv", "date,asset,close", price_rows(seed))
    header = "portfolio_id,asset,restriction,reason,valid_from,valid_until"
    write_csv(out / "restrictions.csv", header, RESTRICTIONS)


def main() -> None:
    """Write the sample from the command line."""
    parser = argparse.ArgumentParser(description="Write the sample inbox of Ballast.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed invents other scores")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder to write into")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    write_sample(arguments.out, arguments.seed)
    log.info("Wrote the scores of %d days to %s", len(DAYS), arguments.out)


if __name__ == "__main__":
    main()
