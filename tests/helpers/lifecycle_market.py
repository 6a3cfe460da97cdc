"""A market of sixteen sessions that meets every limit on the past: a missed day, a held one, a rename, positions."""

import random
from datetime import date
from math import sin
from pathlib import Path

from sizing import RebalancingLimits
from sizing.limits.lifecycle import CoreAsset

SESSIONS = tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 20, 23, 24))
MISSED, HELD, RENAMED = SESSIONS[4], SESSIONS[7], SESSIONS[9]
"""A session that nobody ran, a day whose scores are missing, and the day from which A1 is called A1.NEW."""

DAYS = tuple(day for day in SESSIONS if day != MISSED)
ASSETS = tuple(f"A{number}" for number in range(9))
BASE = RebalancingLimits(min_buckets_represented=1, max_total_positions=5, max_missing_score_share=0.5)
LIMITS = {
    "off": BASE,
    "grace": BASE.model_copy(update={"grace_period_days": 2, "min_holding_days": 3, "reentry_cooldown_days": 2}),
    "term": BASE.model_copy(update={"max_holding_days": 3, "max_round_trips": 1, "max_turnover": 0.15}),
    "core": BASE.model_copy(
        update={
            "reentry_cooldown_days": 4,
            "core_assets": {"A1": CoreAsset(until=SESSIONS[11], reason="an index")},
            "mark_to_market": True,
        }
    ),
}
POSITIONS = {
    SESSIONS[3]: {"grace": {"A2": "0.2", "A3": "0.1", "A8": "0.00005"}, "off": {"A1": "0.3", "A4": "0.1"}},
    MISSED: {"core": {"A1": "0.2", "A5": "0.1", "A6": "0.1"}},
    SESSIONS[10]: {"grace": {"A1.NEW": "0.15", "A2": "0.2", "A7": "0.1"}, "term": {"A0": "0.3"}},
}


def _scores(day: date) -> str:
    """Return scores that rise and fall, each at its own pace and in its own time."""
    place = SESSIONS.index(day)
    waves = (0.66 + 0.14 * sin(place / (1 + number / 5) + 2 * number) for number in range(len(ASSETS)))
    rows = [
        f"{day},{'A1.NEW' if name == 'A1' and day >= RENAMED else name},{round(score, 4)}"
        for name, score in zip(ASSETS, waves, strict=True)
    ]
    return "\n".join(["date,asset,score", *rows[: 2 if day == HELD else None], ""])


def _prices() -> str:
    drawn = random.Random(1)
    rows = (f"{day},{name},{drawn.randint(90, 110)}" for day in SESSIONS for name in ASSETS)
    return "\n".join(["date,asset,close", *rows, ""])


def write_market(inbox: Path) -> None:
    """Write the files of all days."""
    inbox.mkdir()
    listed = [f"{name},b{number % 3}" for number, name in enumerate(ASSETS)]
    (inbox / "assets.csv").write_text("\n".join(["asset,bucket", *listed, "A1.NEW,b1", ""]))
    (inbox / "renames.csv").write_text(f"old,new,valid_from\nA1,A1.NEW,{RENAMED}\n")
    (inbox / "prices.csv").write_text(_prices())
    for day, held in POSITIONS.items():
        rows = (f"{day},{name},{asset},{weight}" for name, own in held.items() for asset, weight in own.items())
        text = "\n".join(["date,portfolio_id,asset,current_weight", *rows, ""])
        (inbox / f"positions_{day}.csv").write_text(text)
    for day in DAYS:
        (inbox / f"scores_{day}.csv").write_text(_scores(day))
