"""From files to decisions: restrictions, unlisted assets, models, and whose universe is what, in a small market."""

import asyncio
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State

from flows.daily_rebalance import daily_rebalance
from sizing import RebalancingLimits
from tasks.config.settings import RebalanceConfig, Settings
from tasks.errors import ConfigError, SourceError
from tests.helpers.command_line import exit_code
from tests.helpers.effective_times import rows_of
from tests.helpers.installation import with_limits

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
        config = RebalanceConfig(as_of_date=day, settings=with_limits(self.settings, limits or {"p": LIMITS}))
        return asyncio.run(daily_rebalance(config, return_state=True))

    def publish(self, day: date, **limits: RebalancingLimits) -> None:
        assert self.run(day, **limits).name == "Published"

    def ask(self, query: str) -> list[tuple[object, ...]]:
        return self.settings.open_warehouse().query_snapshot(query).rows()

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


@pytest.mark.slow
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
    market.publish(FIRST, p=LIMITS, q=LIMITS)
    assert market.gates("p") == {"OIL": "no_buy", "GAS": None, "CARE": None, "DRUG": None, "BANK": None}
    assert market.gates("q")["BANK"] == market.gates("q")["OIL"] == "no_buy"
    assert "OIL" not in market.targets("p")
    assert market.ask(
        "SELECT is_pinned, action, target_weight = current_weight FROM current_targets WHERE asset = 'GAS'"
    ) == [(True, "hold", True)]
    market.publish(SECOND, p=LIMITS, q=LIMITS)
    assert market.gates("p") == {"OIL": None, "GAS": None, "CARE": "must_sell", "DRUG": None, "BANK": None}
    assert market.targets("p")["CARE"] == "close"
    assert market.targets("p")["OIL"] == "open"


@pytest.mark.slow
@pytest.mark.parametrize("is_dynamic", [True, False])
def test_a_holding_that_may_not_be_bought_does_not_grow(market: Market, is_dynamic: bool) -> None:  # noqa: FBT001 - a case
    market.hold(FIRST, "p", {"OIL": 0.03, "BANK": 0.03})
    market.restrict(("", "OIL", "no_buy", "blackout", "", ""))
    market.publish(FIRST, p=LIMITS.model_copy(update={"enable_dynamic_sizing": is_dynamic}))
    held = market.ask(
        "SELECT asset, action, target_weight > current_weight FROM current_targets "
        "WHERE current_weight > 0 AND NOT is_cash"
    )
    assert sorted(held) == [("BANK", "increase", True), ("OIL", "hold", False)]


@pytest.mark.slow
def test_a_day_with_a_restriction_that_cannot_be_read_publishes_nothing(market: Market) -> None:
    market.restrict(("", "OIL", "no_byu", "", "", ""), ("", "GAS", "no_buy", "", "", ""))
    with pytest.raises(SourceError, match="1 of its 2 rows"):
        asyncio.run(market.run(FIRST).aresult())
    assert rows_of(market.settings.open_warehouse(), "restrictions", FIRST).is_empty()
    market.restrict(("", "OIL", "no_buy", "", "", ""), ("", "GAS", "no_buy", "", "", ""))
    assert market.run(FIRST).name == "Published"
    assert (market.gates()["OIL"], market.gates()["GAS"]) == ("no_buy", "no_buy")


@pytest.mark.slow
def test_a_list_of_restrictions_counts_until_another_comes_and_an_empty_one_lifts_them_all(market: Market) -> None:
    market.restrict(("", "OIL", "no_buy", "", "", ""))
    market.publish(FIRST)
    (market.folder / "restrictions.csv").unlink()
    market.publish(SECOND)
    assert market.gates()["OIL"] == "no_buy"
    market.restrict()
    market.publish(SECOND)
    assert market.gates()["OIL"] is None


@pytest.mark.slow
def test_an_asset_without_a_bucket_waits_for_one_unless_the_portfolio_allows_it(market: Market) -> None:
    market.settings = market.settings.model_copy(update={"max_reject_share": 0.2})  # one bad row of five
    market.write("assets.csv", "asset,bucket", (BUCKETS | {"OIL": ""}).items())
    market.score(FIRST, SCORES | {"NEWCO": 0.95})
    market.publish(FIRST, strict=LIMITS, open=LIMITS.model_copy(update={"allow_unclassified": True}))
    assert market.ask("SELECT kind, rule, reason FROM rejected_rows") == [
        ("assets", "bucket|nullability", "bucket is missing")
    ]
    assert {asset for asset, gate in market.gates("strict").items() if gate == "no_bucket"} == {"OIL", "NEWCO"}
    assert {"OIL", "NEWCO"}.isdisjoint(market.targets("strict"))
    assert {"OIL", "NEWCO"} <= market.targets("open").keys()
    assert market.ask(
        "SELECT DISTINCT bucket FROM current_targets WHERE portfolio_id = 'open' AND asset IN ('OIL', 'NEWCO')"
    ) == [("unclassified",)]


@pytest.mark.slow
def test_each_portfolio_follows_the_model_that_it_names(market: Market) -> None:
    rows = [(FIRST, "value", asset, score) for asset, score in {"OIL": 0.9, "GAS": 0.1}.items()]
    rows += [(FIRST, "growth", asset, score) for asset, score in {"OIL": 0.2, "GAS": 0.8, "BANK": 0.7}.items()]
    market.write(f"scores_{FIRST}.csv", "date,model,asset,score", rows)
    follows = {name: LIMITS.model_copy(update={"model": name}) for name in ("value", "growth")}
    market.publish(FIRST, **follows)
    assert market.targets("value").keys() == {"OIL"}
    assert market.targets("growth").keys() == {"GAS", "BANK"}
    assert market.gates("value") == {"OIL": None, "GAS": "below_min_score_new_position"}


@pytest.mark.slow
def test_a_model_that_nobody_scores_holds_the_day_and_the_targets_of_all_stay(market: Market) -> None:
    market.run(FIRST)
    before = market.settings.open_warehouse().query("current_targets")
    state = market.run(SECOND, p=LIMITS, q=LIMITS.model_copy(update={"model": "growht"}))
    assert state.name == "Held"
    assert "q: its model growht has no score at all today" in str(state.message)
    assert market.settings.open_warehouse().query("current_targets").equals(before)
    assert market.ask("SELECT DISTINCT as_of_date FROM current_targets") == [(FIRST,)]


@pytest.mark.slow
def test_a_holding_outside_of_the_portfolios_own_universe_is_closed(market: Market) -> None:
    market.hold(FIRST, "p", {"OIL": 0.1, "BANK": 0.1})
    own = LIMITS.model_copy(update={"include_buckets": ("Health Care",), "include_assets": ("BANK",)})
    market.publish(FIRST, p=own)
    assert market.gates() == {"OIL": "excluded", "GAS": "excluded", "BANK": None, "CARE": None, "DRUG": None}
    assert market.targets()["OIL"] == "close"


@pytest.mark.slow
def test_a_single_bucket_has_its_own_number_of_places(market: Market) -> None:
    market.publish(FIRST, p=LIMITS.model_copy(update={"max_positions_by_bucket": {"Energy": 1}}))
    [told] = market.ask("SELECT gate, gate_limit, entry_score, rival FROM decisions_today WHERE asset = 'GAS'")
    assert told == ("max_positions_per_bucket", 1.0, 0.9, "OIL")


@pytest.mark.slow
def test_a_minimum_of_buckets_that_cannot_be_reached_is_published_with_its_reason(market: Market) -> None:
    market.publish(FIRST, p=LIMITS.model_copy(update={"min_buckets_represented": 5}))
    [(value, limit, is_ok, reason)] = market.ask(
        "SELECT value, limit_value, is_ok, reason FROM constraint_checks "
        "WHERE constraint_name = 'min_buckets_represented'"
    )
    assert (value, limit, is_ok) == (3.0, 5.0, True)
    assert reason


@pytest.mark.slow
def test_a_typing_error_in_a_limit_is_told_with_the_result(market: Market) -> None:
    state = market.run(FIRST, p=LIMITS.model_copy(update={"exclude_buckets": ("Enregy",)}))
    _, *warnings = str(state.message).splitlines()
    assert warnings == ["warning: exclude_buckets: bucket Enregy is unknown; did you mean Energy?"]


STRAY = "warning: restrictions: portfolio cores is not in this run; did you mean core?"


@pytest.mark.slow
def test_a_restriction_of_a_misspelt_portfolio_stays_with_the_run_and_is_told_again(market: Market) -> None:
    market.restrict(("cores", "OIL", "no_buy", "", "", ""), ("", "OLI", "no_buy", "", "", ""))
    unknown = "warning: restrictions: asset OLI is unknown"
    for name in ("Published", "Unchanged"):
        state = market.run(FIRST, core=LIMITS)
        assert state.name == name
        assert str(state.message).splitlines()[1:] == [STRAY, unknown]
    assert market.ask("SELECT state, reason FROM run_events ORDER BY event_id") == [
        ("started", "first start"),
        ("published", f"every check passed; {STRAY}; {unknown}"),
        ("unchanged", f"published already; {STRAY}; {unknown}"),
    ]
    assert market.ask("SELECT state, reason FROM latest_runs") == [
        ("published", f"every check passed; {STRAY}; {unknown}")
    ]


@pytest.mark.slow
def test_a_run_in_which_every_name_is_known_has_no_warning(market: Market) -> None:
    market.restrict(("core", "OIL", "no_buy", "", "", ""))
    for _ in range(2):
        assert len(str(market.run(FIRST, core=LIMITS).message).splitlines()) == 1
    assert market.ask("SELECT reason FROM run_events WHERE state <> 'started' ORDER BY event_id") == [
        ("every check passed",),
        ("published already",),
    ]


@pytest.mark.slow
def test_an_included_bucket_that_no_asset_has_stops_the_day_and_the_targets_stay(market: Market) -> None:
    market.run(FIRST)
    before = market.settings.open_warehouse().query("current_targets")
    state = market.run(SECOND, p=LIMITS, q=LIMITS.model_copy(update={"include_buckets": ("Enrgy", "Financials")}))
    with pytest.raises(ConfigError) as stopped:
        asyncio.run(state.aresult())
    assert str(stopped.value) == (
        "portfolio q: include_buckets names Enrgy, which no asset of the asset list has (did you mean Energy?). "
        "Nothing was decided: correct the portfolio config, or the asset list"
    )
    warehouse = market.settings.open_warehouse()
    assert warehouse.query("current_targets").equals(before)
    assert warehouse.query("latest_runs").select("as_of_date", "state").rows() == [(FIRST, "published")]
    mended = LIMITS.model_copy(update={"include_buckets": ("Energy", "Financials")})
    assert market.run(SECOND, p=LIMITS, q=mended).name == "Published"
    assert market.targets("q").keys() == {"OIL", "GAS", "BANK"}


@pytest.mark.slow
def test_a_portfolio_may_include_what_the_asset_list_does_not_know(market: Market) -> None:
    market.score(FIRST, SCORES | {"NEWCO": 0.95})
    own = LIMITS.model_copy(update={"include_buckets": ("unclassified",), "allow_unclassified": True})
    market.publish(FIRST, p=own)
    assert market.targets().keys() == {"NEWCO"}


def _in_the_terminal(market: Market, limits: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run the first day as the command does; gives its exit code and the lines on stderr that it wrote itself."""
    config = market.folder.parent / "portfolios.yaml"
    config.write_text(f"portfolios: {{core: {limits}}}\n")
    names = ("inbox", "warehouse", "snapshot", "export_folder")
    flags = [word for name in names for word in (f"--{name.replace('_', '-')}", getattr(market.settings, name))]
    code = exit_code("run", "--as-of", FIRST, *flags, "--config", config)
    lines = capsys.readouterr().err.splitlines()
    return code, [line for line in lines if line.startswith((f"{FIRST} ", "warning: ", "error: "))]


@pytest.mark.slow
def test_the_terminal_gives_each_warning_its_own_line_below_the_result(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.restrict(("cores", "OIL", "no_buy", "", "", ""))
    for name in ("published", "unchanged"):
        code, [result, *warnings] = _in_the_terminal(market, "{exclude_buckets: [Enregy]}", capsys)
        assert code == 0
        assert result.startswith(f"{FIRST} {name} ")
        assert "warning" not in result
        assert warnings == [STRAY, "warning: exclude_buckets: bucket Enregy is unknown; did you mean Energy?"]


def test_an_included_bucket_that_no_asset_has_is_one_error_in_the_terminal(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = _in_the_terminal(market, "{include_buckets: [Enrgy]}", capsys)
    [error] = [line for line in lines if not line.startswith("warning: portfolio core: ")]
    assert code == 1
    assert error.startswith("error: portfolio core: include_buckets names Enrgy, which no asset of the asset list has")


@pytest.mark.slow
def test_a_portfolio_all_in_cash_does_not_hold_again_what_an_older_positions_file_says(market: Market) -> None:
    market.hold(FIRST, "p", {"OIL": 0.5})
    market.restrict(*(("", asset, "must_sell", "out", "", FIRST.isoformat()) for asset in SCORES))
    market.publish(FIRST)
    assert market.targets() == {"OIL": "close"}
    market.publish(SECOND)
    assert market.ask("SELECT count(*) FROM decisions_today WHERE is_held") == [(0,)]
