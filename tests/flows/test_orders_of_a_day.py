"""From account values and prices to orders: made with the day, once a portfolio, and told where they are missing."""

import asyncio
import csv
import io
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.daily_rebalance import daily_rebalance
from flows.publish_proposal import PublishConfig, publish_proposal
from tasks.config.settings import RebalanceConfig, Settings
from tasks.runs import orders
from tests.helpers.command_line import Ballast

DAY, NEXT_DAY = date(2025, 6, 2), date(2025, 6, 3)
PORTFOLIOS = ("core", "income", "opportunity")
VALUE = 1_000_000


@pytest.fixture
def inbox(sample: Path, tmp_path: Path) -> Path:
    """Return an inbox of the test's own, with two days of the sample."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in (
        "assets.csv",
        "restrictions.csv",
        f"positions_{DAY}.csv",
        f"scores_{DAY}.csv",
        f"scores_{NEXT_DAY}.csv",
    ):
        shutil.copy(sample / name, folder / name)
    return folder


@pytest.fixture
def own(settings: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BALLAST_INBOX", str(inbox))
    return settings.model_copy(update={"inbox": inbox})


def put_values(inbox: Path, portfolios: tuple[str, ...] = PORTFOLIOS, day: date = DAY) -> None:
    rows = "".join(f"{day},{name},{VALUE}\n" for name in portfolios)
    (inbox / f"accounts_{day}.csv").write_text(f"date,portfolio_id,portfolio_value\n{rows}")


def put_prices(inbox: Path, day: date = DAY, without: str = "") -> None:
    assets = pl.read_csv(inbox / "assets.csv")["asset"]
    rows = "".join(f"{day},{asset},{20 + place}.25\n" for place, asset in enumerate(assets) if asset != without)
    (inbox / f"prices_{day}.csv").write_text(f"date,asset,close\n{rows}")


def run_day(settings: Settings, day: date = DAY) -> tuple[str, str]:
    state = asyncio.run(daily_rebalance(RebalanceConfig(as_of_date=day, settings=settings), return_state=True))
    return str(state.name), str(state.message)


def ask(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    return settings.open_warehouse().query_snapshot(sql).rows()


def statuses(settings: Settings) -> dict[object, object]:
    return dict(ask(settings, "SELECT portfolio_id, status FROM current_order_status"))


@pytest.mark.slow
def test_every_trade_of_at_least_a_lot_is_ordered_and_financed(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    assert run_day(own)[0] == "Published"
    assert statuses(own) == dict.fromkeys(PORTFOLIOS, "ordered")
    apart = ask(
        own,
        """SELECT count(*) FILTER (abs(orders.weight_after - targets.post_trade_weight) * 1000000 > reference_price),
        count(*) FROM current_orders AS orders JOIN current_targets AS targets USING (portfolio_id, asset)""",
    )
    assert apart[0][0] == 0
    assert int(str(apart[0][1])) > 20
    assert ask(own, "SELECT min(cash_after) >= 0 FROM current_order_status") == [(True,)]


@pytest.mark.slow
def test_a_rerun_leaves_the_same_orders(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    before = ask(own, "FROM orders ORDER BY ALL")
    put_values(inbox, PORTFOLIOS[:1])
    assert run_day(own)[0] == "Unchanged"
    assert ask(own, "FROM orders ORDER BY ALL") == before
    assert ask(own, "SELECT DISTINCT order_id = run_id || '/' || portfolio_id || '/' || asset FROM orders") == [(True,)]


@pytest.mark.slow
def test_orders_of_many_portfolios_are_computed_in_parts(
    own: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    warehouse = own.open_warehouse()
    [(run_id,)] = ask(own, "SELECT run_id FROM runs")
    at_once = orders.order_again(warehouse, str(run_id))
    monkeypatch.setattr(orders, "_AT_ONCE", 2)
    in_parts = orders.order_again(warehouse, str(run_id))
    assert at_once["portfolio_id"].n_unique() == len(PORTFOLIOS)
    assert in_parts.equals(at_once)


@pytest.mark.slow
def test_a_portfolio_without_a_value_is_ordered_when_it_comes(own: Settings, inbox: Path) -> None:
    put_values(inbox, PORTFOLIOS[:2])
    put_prices(inbox)
    name, message = run_day(own)
    assert name == "Published"
    assert "opportunity: accounts has no value of 2025-06-02" in message
    assert statuses(own) == {"core": "ordered", "income": "ordered", "opportunity": "missing_value"}
    before = ask(own, "FROM orders ORDER BY ALL")
    put_values(inbox)
    assert run_day(own)[0] == "Unchanged"
    assert statuses(own) == dict.fromkeys(PORTFOLIOS, "ordered")
    assert set(before) < set(ask(own, "FROM orders ORDER BY ALL"))


@pytest.mark.slow
def test_missing_prices_are_named(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    run_day(own)
    asset = ask(own, "SELECT asset FROM targets WHERE portfolio_id = 'core' AND trade_weight <> 0 AND NOT is_cash")[0][
        0
    ]
    put_prices(inbox, without=str(asset))
    run_day(own)
    assert statuses(own)["core"] == "missing_prices"
    named = "SELECT problem_assets, n_problem_assets FROM current_order_status WHERE portfolio_id = 'core'"
    assert ask(own, named) == [(asset, 1)]
    assert ask(own, "SELECT count(*) FROM current_orders WHERE portfolio_id = 'core'") == [(0,)]
    assert ask(own, "SELECT count(*) > 0 FROM current_targets WHERE portfolio_id = 'core'") == [(True,)]


@pytest.mark.slow
def test_an_installation_without_accounts_is_not_told_of_orders(own: Settings) -> None:
    name, message = run_day(own)
    assert (name, "orders" in message) == ("Published", False)
    assert set(statuses(own).values()) == {"missing_value"}


@pytest.mark.slow
def test_values_of_another_day_do_not_count(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    run_day(own, NEXT_DAY)
    assert set(statuses(own).values()) <= {"missing_value", "no_trades"}
    assert ask(own, "SELECT count(*) FROM current_orders") == [(0,)]


@pytest.mark.slow
def test_quantities_and_lots_decide_what_is_sold(own: Settings, inbox: Path) -> None:
    header, *rows = (inbox / f"positions_{DAY}.csv").read_text().splitlines()
    closed = "12.5"
    (inbox / f"positions_{DAY}.csv").write_text("\n".join([f"{header},quantity", *(f"{row},{closed}" for row in rows)]))
    header, *rows = (inbox / "assets.csv").read_text().splitlines()
    (inbox / "assets.csv").write_text("\n".join([f"{header},lot_size", *(f"{row},100" for row in rows)]))
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    assert ask(own, "SELECT count(*) FROM orders WHERE side = 'buy' AND quantity % 100 <> 0") == [(0,)]
    sold = ask(own, "SELECT DISTINCT quantity FROM orders WHERE side = 'sell'")
    assert sold in ([], [(Decimal(closed),)])  # less than a lot is held: only a closing sells it


@pytest.mark.slow
def test_orders_are_exported_beside_the_targets(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    exported = pl.read_parquet(own.export_folder / f"as_of_date={DAY}" / "orders.parquet", hive_partitioning=False)
    rows = ask(
        own, "SELECT portfolio_id, order_id, side, quantity FROM current_orders ORDER BY portfolio_id, order_rank"
    )
    assert exported.select("portfolio_id", "order_id", "side", "quantity").rows() == rows


@pytest.mark.slow
def test_the_command_shows_orders(own: Settings, inbox: Path, ballast: Ballast) -> None:
    put_values(inbox, PORTFOLIOS[:2])
    put_prices(inbox)
    run_day(own)
    code, out, err = ballast("orders")
    assert (code, "Orders of 2025-06-02" in out) == (0, True)
    assert "no orders of opportunity: accounts has no value of 2025-06-02" in err
    code, out, err = ballast("orders", "core", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, {row["portfolio_id"] for row in rows}, err) == (0, {"core"}, "")
    assert [int(row["order_rank"]) for row in rows] == list(range(1, len(rows) + 1))
    code, out, _ = ballast("orders", "core", "--json")
    assert [row["order_id"] for row in json.loads(out)] == [row["order_id"] for row in rows]
    code, out, err = ballast("orders", "opportunity")
    assert (code, out) == (1, "")
    assert "accounts has no value of 2025-06-02" in err


@pytest.mark.slow
def test_halted_portfolios_are_not_ordered(own: Settings, inbox: Path) -> None:
    put_values(inbox, PORTFOLIOS[:2])
    put_prices(inbox)
    run_day(own)
    own.open_warehouse().halt(["opportunity"], "a person", "a test")
    put_values(inbox)
    run_day(own)
    assert statuses(own)["opportunity"] == "missing_value"
    own.open_warehouse().resume(["opportunity"], "a person", "done")
    run_day(own)
    assert statuses(own)["opportunity"] == "ordered"


@pytest.mark.slow
def test_the_report_shows_orders_and_why_there_are_none(own: Settings, inbox: Path, ballast: Ballast) -> None:
    put_values(inbox, PORTFOLIOS[:2])
    put_prices(inbox)
    run_day(own)
    path = inbox / "page.html"
    assert ballast("report", "--output", path)[0] == 0
    page = path.read_text()
    assert "No orders of opportunity: accounts has no value of 2025-06-02." in page
    assert "No orders of core" not in page


@pytest.mark.slow
def test_a_replay_computes_the_same_orders(own: Settings, inbox: Path, ballast: Ballast) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    (inbox / f"accounts_{DAY}.csv").write_text(f"date,portfolio_id,portfolio_value\n{DAY},core,5\n")
    run_day(own)
    assert ballast("replay", "--as-of", DAY)[0] == 0
    with own.open_warehouse().connected() as con:
        con.execute("UPDATE orders SET quantity = quantity + 1, order_rank = order_rank WHERE order_rank = 1")
    assert ballast("replay", "--as-of", DAY)[0] == 5
    tables = own.open_warehouse().query("replays_since", since=datetime(2000, 1, 1, tzinfo=UTC))
    assert tables["n_differences"].to_list()[-1] == len(PORTFOLIOS)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("UPDATE orders SET quantity = quantity * 1000 WHERE side = 'buy'", "orders_are_financed"),
        ("UPDATE orders SET quantity = quantity + 0.5 WHERE side = 'buy'", "orders_follow_the_trades"),
        ("UPDATE orders SET side = CASE side WHEN 'buy' THEN 'sell' ELSE 'buy' END", "orders_follow_the_trades"),
        ("UPDATE orders SET quantity_before = quantity_before + 1e6 WHERE side = 'buy'", "orders_keep_the_limits"),
        ("DELETE FROM orders WHERE order_rank = 1", "orders_are_counted"),
        ("INSERT INTO order_status FROM order_status", "orders_are_counted"),
        ("UPDATE orders SET order_id = 'same'", "orders_are_counted"),
    ],
)
@pytest.mark.slow
def test_wrong_orders_are_found(own: Settings, inbox: Path, ballast: Ballast, change: str, check: str) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    assert ballast("db", "verify")[0] == 0
    with own.open_warehouse().connected() as con:
        con.execute(change)
    code, out, err = ballast("db", "verify")
    assert (code, check in out + err) == (1, True)


@pytest.mark.slow
def test_a_proposal_is_ordered_when_it_is_approved(own: Settings, inbox: Path, tmp_path: Path) -> None:
    config = tmp_path / "careful.yaml"
    config.write_text("portfolios:\n  core: {approval: {first_day: true}}\n")
    careful = own.model_copy(update={"config": config})
    put_values(inbox)
    put_prices(inbox)
    assert run_day(careful)[0] == "Proposed"
    assert ask(careful, "SELECT count(*) FROM orders") == [(0,)]
    [(run_id,)] = ask(careful, "SELECT DISTINCT run_id FROM open_proposals")
    decision = PublishConfig(run_id=str(run_id), approver="Ben", note="as expected", settings=careful)
    assert asyncio.run(publish_proposal(decision, return_state=True)).name == "Published"
    assert statuses(careful) == {"core": "ordered"}
    assert ask(careful, "SELECT DISTINCT run_id FROM current_orders") == [(run_id,)]


@pytest.mark.slow
def test_a_correction_supersedes_the_orders(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    run_day(own)
    before = ask(own, "SELECT DISTINCT run_id FROM current_orders")
    scores = inbox / f"scores_{DAY}.csv"
    header, first, *rest = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join([header, *rest, first.replace(first.split(",")[2], "0.01")]))
    assert run_day(own)[0] == "Published"
    after = ask(own, "SELECT DISTINCT run_id FROM current_orders")
    assert (len(after), after == before) == (1, False)
    assert set(ask(own, "SELECT DISTINCT run_id FROM orders")) == {*before, *after}


@pytest.mark.slow
def test_shares_under_an_old_name_are_those_of_the_new_one(own: Settings, inbox: Path) -> None:
    put_values(inbox)
    put_prices(inbox)
    header, first, *rest = (inbox / f"positions_{DAY}.csv").read_text().splitlines()
    day, portfolio, asset, weight = first.split(",")
    price = pl.read_csv(inbox / f"prices_{DAY}.csv").filter(asset=asset)["close"].item()
    shares = int(float(weight) * VALUE / price) - 3
    lines = [f"{header},quantity", f"{day},{portfolio},OLD{asset},{weight},{shares}", *(f"{row}," for row in rest)]
    (inbox / f"positions_{DAY}.csv").write_text("\n".join(lines))
    (inbox / "renames.csv").write_text(f"old,new,valid_from\nOLD{asset},{asset},{DAY}\n")
    run_day(own)
    held = "SELECT quantity_before FROM orders WHERE (portfolio_id, asset) = ($1, $2)"
    with own.open_warehouse().connected() as con:
        assert con.execute(held, [portfolio, asset]).fetchall() == [(shares,)]
