"""From files to decisions: restrictions, unlisted assets, models, and whose universe is what, in a small market."""

import asyncio
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State

from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.errors import SourceError
from tasks.settings import RebalanceConfig, Settings

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.server, pytest.mark.usefixtures("connected")]

FIRST, SECOND = date(2025, 6, 2), date(2025, 6, 3)
BUCKETS = {"OIL": "Energy", "GAS": "Energy", "CARE": "Health Care", "DRUG": "Health Care", "BANK": "Financials"}
SCORES = {"OIL": 0.9, "GAS": 0.8, "CARE": 0.7, "DRUG": 0.72, "BANK": 0.75}
LIMITS = RebalancingLimits(max_new_positions=9, min_buckets_represented=0)


class Market:
    """A folder of daily files that a test writes, and the installation that reads them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.settings = settings.at({"inbox": folder})
        self.write("assets.csv", "asset,bucket", BUCKETS.items())

    def write(self, name: str, header: str, rows: Iterable[Iterable[object]]) -> None:
        lines = [header, *(",".join(str(cell) for cell in row) for row in rows)]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def score(self, day: date, scores: dict[str, float], model: str = "default") -> None:
        rows = [(day, model, asset, score) for asset, score in scores.items()]
        self.write(f"scores_{day}.csv", "date,model,asset,score", rows)

    def hold(self, day: date, portfolio: str, weights: dict[str, float]) -> None:
        rows = [(day, portfolio, asset, weight) for asset, weight in weights.items()]
        self.write(f"positions_{day}.csv", "date,portfolio_id,asset,current_weight", rows)

    def restrict(self, *rows: tuple[str, ...]) -> None:
        self.write("restrictions.csv", "portfolio_id,asset,restriction,reason,valid_from,valid_until", rows)

    def run(self, day: date, **limits: RebalancingLimits) -> State[object]:
        config = RebalanceConfig(as_of_date=day, portfolios=limits or {"p": LIMITS}, settings=self.settings)
        return asyncio.run(daily_rebalance(config, return_state=True))

    def ask(self, query: str) -> list[tuple[object, ...]]:
        return self.settings.open_warehouse().ask_snapshot(query).rows()

    def gates(self, portfolio: str = "p") -> dict[object, object]:
        return dict(self.ask(f"SELECT asset, gate FROM decisions_today WHERE portfolio_id = '{portfolio}'"))

    def targets(self, portfolio: str = "p") -> dict[object, object]:
        return dict(
            self.ask(f"SELECT asset, action FROM current_targets WHERE portfolio_id = '{portfolio}' AND NOT is_cash")
        )


@pytest.fixture
def market(settings: Settings, tmp_path: Path) -> Market:
    made = Market(settings, tmp_path / "market")
    made.score(FIRST, SCORES)
    made.score(SECOND, SCORES)
    return made


def test_restrictions_of_the_file_reach_decisions_and_targets_on_the_days_they_hold(market: Market) -> None:
    market.score(FIRST, SCORES | {"GAS": 0.1})
    market.score(SECOND, SCORES | {"GAS": 0.1})
    market.hold(FIRST, "p", {"GAS": 0.1, "CARE": 0.1})
    market.restrict(
        ("", "OIL", "no_buy", "blackout", "", FIRST.isoformat()),
        ("p", "GAS", "no_trade", "in a dispute", FIRST.isoformat(), SECOND.isoformat()),
        ("p", "CARE", "must_sell", "client", SECOND.isoformat(), ""),
        ("q", "BANK", "no_buy", "of another portfolio", "", ""),
    )
    market.run(FIRST, p=LIMITS, q=LIMITS)
    assert market.gates("p") == {"OIL": "no_buy", "GAS": None, "CARE": None, "DRUG": None, "BANK": None}
    assert market.gates("q")["BANK"] == market.gates("q")["OIL"] == "no_buy"
    assert "OIL" not in market.targets("p")
    assert market.ask(
        "SELECT is_pinned, action, target_weight = current_weight FROM current_targets WHERE asset = 'GAS'"
    ) == [(True, "hold", True)]
    market.run(SECOND, p=LIMITS, q=LIMITS)
    assert market.gates("p") == {"OIL": None, "GAS": None, "CARE": "must_sell", "DRUG": None, "BANK": None}
    assert market.targets("p")["CARE"] == "close"
    assert market.targets("p")["OIL"] == "open"


@pytest.mark.parametrize("is_dynamic", [True, False])
def test_a_holding_that_may_not_be_bought_does_not_grow(market: Market, is_dynamic: bool) -> None:  # noqa: FBT001 - a case
    market.hold(FIRST, "p", {"OIL": 0.03, "BANK": 0.03})
    market.restrict(("", "OIL", "no_buy", "blackout", "", ""))
    market.run(FIRST, p=LIMITS.model_copy(update={"enable_dynamic_sizing": is_dynamic}))
    held = market.ask(
        "SELECT asset, action, target_weight > current_weight FROM current_targets WHERE current_weight > 0"
    )
    assert sorted(held) == [("BANK", "increase", True), ("OIL", "hold", False)]


def test_a_day_with_a_restriction_that_cannot_be_read_publishes_nothing(market: Market) -> None:
    market.restrict(("", "OIL", "no_byu", "", "", ""), ("", "GAS", "no_buy", "", "", ""))
    with pytest.raises(SourceError, match="1 of its 2 rows"):
        asyncio.run(market.run(FIRST).aresult())
    assert market.settings.open_warehouse().query("restrictions_for_day", as_of_date=FIRST).is_empty()
    market.restrict(("", "OIL", "no_buy", "", "", ""), ("", "GAS", "no_buy", "", "", ""))
    assert market.run(FIRST).name == "Published"
    assert (market.gates()["OIL"], market.gates()["GAS"]) == ("no_buy", "no_buy")


def test_a_list_of_restrictions_counts_until_another_comes_and_an_empty_one_lifts_them_all(market: Market) -> None:
    market.restrict(("", "OIL", "no_buy", "", "", ""))
    market.run(FIRST)
    (market.folder / "restrictions.csv").unlink()
    market.run(SECOND)
    assert market.gates()["OIL"] == "no_buy"
    market.restrict()
    market.run(SECOND)
    assert market.gates()["OIL"] is None


def test_an_asset_without_a_bucket_waits_for_one_unless_the_portfolio_allows_it(market: Market) -> None:
    market.write("assets.csv", "asset,bucket", (BUCKETS | {"OIL": ""}).items())
    market.score(FIRST, SCORES | {"NEWCO": 0.95})
    market.run(FIRST, strict=LIMITS, open=LIMITS.model_copy(update={"allow_unclassified": True}))
    assert market.ask("SELECT kind, rule, reason FROM rejected_rows") == [
        ("assets", "bucket|nullability", "bucket is missing")
    ]
    assert {asset for asset, gate in market.gates("strict").items() if gate == "no_bucket"} == {"OIL", "NEWCO"}
    assert {"OIL", "NEWCO"}.isdisjoint(market.targets("strict"))
    assert {"OIL", "NEWCO"} <= market.targets("open").keys()
    assert market.ask(
        "SELECT DISTINCT bucket FROM current_targets WHERE portfolio_id = 'open' AND asset IN ('OIL', 'NEWCO')"
    ) == [("unclassified",)]


def test_each_portfolio_follows_the_model_that_it_names(market: Market) -> None:
    rows = [(FIRST, "value", asset, score) for asset, score in {"OIL": 0.9, "GAS": 0.1}.items()]
    rows += [(FIRST, "growth", asset, score) for asset, score in {"OIL": 0.2, "GAS": 0.8, "BANK": 0.7}.items()]
    market.write(f"scores_{FIRST}.csv", "date,model,asset,score", rows)
    follows = {name: LIMITS.model_copy(update={"model": name}) for name in ("value", "growth")}
    assert market.run(FIRST, **follows).name == "Published"
    assert market.targets("value").keys() == {"OIL"}
    assert market.targets("growth").keys() == {"GAS", "BANK"}
    assert market.gates("value") == {"OIL": None, "GAS": "below_min_score_new_position"}


def test_a_model_that_nobody_scores_holds_the_day_and_the_targets_of_all_stay(market: Market) -> None:
    market.run(FIRST)
    before = market.settings.open_warehouse().query("current_targets")
    state = market.run(SECOND, p=LIMITS, q=LIMITS.model_copy(update={"model": "growht"}))
    assert state.name == "Held"
    assert "q: its model growht has no score at all today" in str(state.message)
    assert market.settings.open_warehouse().query("current_targets").equals(before)
    assert market.ask("SELECT DISTINCT as_of_date FROM current_targets") == [(FIRST,)]


def test_a_holding_outside_of_the_portfolios_own_universe_is_closed(market: Market) -> None:
    market.hold(FIRST, "p", {"OIL": 0.1, "BANK": 0.1})
    own = LIMITS.model_copy(update={"include_buckets": ("Health Care",), "include_assets": ("BANK",)})
    market.run(FIRST, p=own)
    assert market.gates() == {"OIL": "excluded", "GAS": "excluded", "BANK": None, "CARE": None, "DRUG": None}
    assert market.targets()["OIL"] == "close"


def test_a_single_bucket_has_its_own_number_of_places(market: Market) -> None:
    market.run(FIRST, p=LIMITS.model_copy(update={"max_positions_by_bucket": {"Energy": 1}}))
    [told] = market.ask("SELECT gate, gate_limit, entry_score, rival FROM decisions_today WHERE asset = 'GAS'")
    assert told == ("max_positions_per_bucket", 1.0, 0.9, "OIL")


def test_a_minimum_of_buckets_that_cannot_be_reached_is_published_with_its_reason(market: Market) -> None:
    assert market.run(FIRST, p=LIMITS.model_copy(update={"min_buckets_represented": 5})).name == "Published"
    [(value, limit, is_ok, reason)] = market.ask(
        "SELECT value, limit_value, is_ok, reason FROM constraint_checks "
        "WHERE constraint_name = 'min_buckets_represented'"
    )
    assert (value, limit, is_ok) == (3.0, 5.0, True)
    assert reason


def test_a_typing_error_in_a_limit_is_told_with_the_result(market: Market) -> None:
    state = market.run(FIRST, p=LIMITS.model_copy(update={"exclude_buckets": ("Enregy",)}))
    assert str(state.message).endswith("; warning: exclude_buckets: bucket Enregy is unknown; did you mean Energy?")
