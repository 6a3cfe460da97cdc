"""From files to tables: every row is in one of them, and a file that is rejected whole counts for nothing."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.config.portfolios import load_feeds
from tasks.config.settings import Settings
from tasks.errors import SourceError, SourceUnavailableError
from tasks.runs.ingest import Ingested, ingest_day, ingest_range
from tasks.sources import reader as source_module
from tests.helpers.effective_times import rows_of

DAY, NEXT_DAY = date(2025, 6, 2), date(2025, 6, 3)
HEADER = "date,asset,score\n"
ASSETS = "asset,bucket\nAAA,Energy\nBBB,Energy\n"

Rows = list[tuple[object, ...]]


class Installation:
    """An inbox, a config and a warehouse of their own."""

    def __init__(self, folder: Path, warehouse: Path) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.config = folder / "portfolios.yaml"
        self.settings = Settings(
            config=self.config,
            inbox=self.inbox,
            warehouse=warehouse,
            snapshot=folder / "snapshot.duckdb",
            export_folder=folder / "targets",
        )
        self.put("assets.csv", ASSETS)

    def put(self, name: str, content: str) -> Path:
        (self.inbox / name).write_text(content)
        return self.inbox / name

    def feeds(self, **feeds: dict[str, object]) -> None:
        self.config.write_text(json.dumps({"portfolios": {"core": {}}, "feeds": feeds}))

    def take(self, *days: date) -> tuple[Ingested, ...]:
        return ingest_range(self.settings, days or (DAY,), load_feeds(self.config))

    def refusal(self, *days: date) -> str:
        with pytest.raises(SourceError) as caught:
            self.take(*days)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def ask(self, sql: str) -> Rows:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as con:
            return con.sql(sql).fetchall()

    def scores(self, day: date = DAY) -> Rows:
        return rows_of(self.settings.open_warehouse(), "scores", day).select("asset", "score").rows()


@pytest.fixture
def installation(tmp_path: Path, migrated: Path) -> Installation:
    return Installation(tmp_path, migrated)


def _scores(*rows: str) -> str:
    return HEADER + "".join(f"2025-06-02,{row}\n" for row in rows)


_HUNDRED = [f"A{number},0.7" for number in range(95)]


class TestRefusedWhole:
    def test_one_row_above_max_reject_share_rejects_the_file(self, installation: Installation) -> None:
        installation.put("scores_2025-06-02.csv", _scores(*_HUNDRED, *["B,0.7"] * 5))
        installation.take()
        assert installation.ask("SELECT rows_accepted, rows_rejected FROM ingests WHERE kind = 'scores'") == [(95, 5)]
        installation.put("scores_2025-06-02.csv", _scores(*_HUNDRED[1:], *["B,0.7"] * 5))
        assert "5 of its 99 rows cannot be used, more than max_reject_share 0.05 allows" in installation.refusal()

    def test_rows_of_a_rejected_file_are_kept_and_earlier_content_counts(self, installation: Installation) -> None:
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7"))
        installation.take()
        path = installation.put("scores_2025-06-02.csv", _scores("AAA,0.9", "BBB,high", "short,1,2"))
        sentence = installation.refusal()
        assert sentence == (
            f"{path} is rejected: 2 of its 3 rows cannot be used, more than max_reject_share 0.05 allows: it has 4 "
            "values, the header 3 (1 row); score cannot be read as a number: got 'high' (1 row). Nothing of it "
            "counts: correct the file, or allow more with BALLAST_MAX_REJECT_SHARE"
        )
        assert installation.scores() == [("AAA", 0.7)]
        rules = installation.ask("SELECT row_number, rule FROM rejects ORDER BY row_number")
        assert rules == [(1, "file_refused"), (2, "score|parses"), (3, "readable")]
        assert installation.ask("SELECT refusal FROM ingests WHERE refusal IS NOT NULL") == [
            (sentence.removeprefix(f"{path} "),)
        ]

    def test_it_is_read_again_when_more_is_allowed(self, installation: Installation) -> None:
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7", "BBB,high"))
        assert installation.refusal() == installation.refusal()
        lenient = installation.settings.model_copy(update={"max_reject_share": 0.5})
        ingest_range(lenient, (DAY,), {})
        assert installation.scores() == [("AAA", 0.7)]

    def test_content_that_cannot_be_read_at_all_is_recorded_once(self, installation: Installation) -> None:
        path = installation.put("scores_2025-06-02.csv", "date,asset,scor\n2025-06-02,AAA,0.7\n")
        assert installation.refusal() == installation.refusal()
        recorded = installation.ask("SELECT source, rows_read, refusal FROM ingests WHERE kind = 'scores'")
        assert recorded == [(str(path), 0, installation.refusal().removeprefix(f"{path} "))]

    def test_a_file_that_breaks_in_the_middle_leaves_only_its_refusal(self, installation: Installation) -> None:
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7", 'BBB,"0.7'))
        assert "has a quote that is never closed" in installation.refusal()
        assert installation.ask("SELECT count(*) FROM scores") == [(0,)]

    @pytest.mark.parametrize("kind", ["positions", "restrictions"])
    def test_one_bad_row_of_what_must_be_whole_is_enough(self, installation: Installation, kind: str) -> None:
        content = {
            "positions": "date,portfolio_id,asset,current_weight\n2025-06-02,core,AAA,0.1\n2025-06-02,core,BBB,2\n",
            "restrictions": "portfolio_id,asset,restriction\n,AAA,no_buy\n,BBB,no_byu\n",
        }[kind]
        name = {"positions": "positions_2025-06-02.csv", "restrictions": "restrictions.csv"}[kind]
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7"))
        installation.put(name, content)
        assert "1 of its 2 rows cannot be used (row 2: " in installation.refusal()

    @pytest.mark.parametrize(("weight", "is_good"), [("0.605", True), ("0.60500001", False)])
    def test_weights_may_exceed_1_by_their_rounding_only(
        self, installation: Installation, weight: str, *, is_good: bool
    ) -> None:
        rows = f"2025-06-02,core,AAA,0.4\n2025-06-02,core,BBB,{weight}\n2025-06-02,other,AAA,1\n"
        installation.put("positions_2025-06-02.csv", "date,portfolio_id,asset,current_weight\n" + rows)
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7"))
        if is_good:
            installation.take()
            return
        assert (
            "the weights of 1 portfolios add up to more than 1.005, the first is core on 2025-06-02 with 1.00500001"
        ) in installation.refusal()

    def test_a_key_that_stands_in_two_batches_is_rejected_in_both(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tasks.readers.csv_reader.BLOCK_BYTES", 64)
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7", "BBB,1.7", *_HUNDRED, "AAA,0.7", "BBB,0.7"))
        installation.take()
        rules = installation.ask("SELECT row_number, rule FROM rejects ORDER BY row_number")
        assert rules == [(1, "primary_key"), (2, "score|max"), (98, "primary_key"), (99, "primary_key")]


class TestDays:
    def test_a_file_of_many_days_is_one_ingest_a_day(self, installation: Installation) -> None:
        rows = "2025-06-02,AAA,0.7\n2025-06-03,AAA,0.8\n2025-06-02,BBB,0.6\n"
        installation.put("scores.csv", HEADER + rows)
        taken = [one for one in installation.take(NEXT_DAY) if one.kind == "scores"]
        assert [(one.ingest.as_of_date, one.ingest.rows_accepted) for one in taken] == [(NEXT_DAY, 1)]
        assert installation.scores() == [("AAA", 0.7), ("BBB", 0.6)]

    def test_the_file_of_the_day_counts_before_the_one_of_many_days(self, installation: Installation) -> None:
        installation.put("scores.csv", HEADER + "2025-06-02,AAA,0.7\n2025-06-03,AAA,0.8\n")
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.9"))
        for _ in range(2):
            installation.take(DAY, NEXT_DAY)
        assert (installation.scores(), installation.scores(NEXT_DAY)) == ([("AAA", 0.9)], [("AAA", 0.8)])
        assert installation.ask("SELECT count(*) FROM ingests WHERE kind = 'scores'") == [(3,)]

    def test_a_day_missing_from_a_file_of_many_days_has_no_scores(self, installation: Installation) -> None:
        path = installation.put("scores.csv", _scores("AAA,0.7"))
        with pytest.raises(SourceError, match=f"no scores for 2025-06-03 in {path}: deliver them"):
            ingest_day(installation.settings, NEXT_DAY, {})

    def test_rows_of_tomorrow_are_accepted_later_ones_rejected(self, installation: Installation) -> None:
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        rows = "".join(f"{tomorrow + timedelta(days=days)},AAA,0.7\n" for days in (-1, 0, 1))
        installation.put("prices.csv", (HEADER + rows).replace("score", "close"))
        installation.settings = installation.settings.model_copy(update={"max_reject_share": 0.5})
        installation.take(tomorrow)
        rejected = installation.ask("SELECT row_number, rule FROM rejects")
        assert rejected == [(3, "not_in_the_future")]
        after = tomorrow + timedelta(days=1)
        installation.put(f"scores_{after}.csv", _scores("AAA,0.7"))
        assert f"is of {after}, a day in the future" in installation.refusal(after)

    def test_prices_are_taken_in_from_a_dated_file(self, installation: Installation) -> None:
        installation.put("prices_2025-06-02.csv", "date,asset,close\n2025-06-02,AAA,12.5\n")
        installation.take()
        assert installation.ask("SELECT as_of_date, asset, close FROM prices") == [(DAY, "AAA", 12.5)]


class TestWhatReturnsNeed:
    """Factors and returns beside a close, or a return alone."""

    HEADER = "date,asset,close,adjustment_factor,daily_return\n"

    @pytest.mark.parametrize("name", ["prices_2025-06-02.csv", "prices.csv"])
    def test_factors_and_returns_are_taken_in(self, installation: Installation, name: str) -> None:
        installation.put(name, f"{self.HEADER}2025-06-02,AAA,12.5,2,\n2025-06-02,BBB,,,-0.25\n2025-06-02,CCC,9,,0.01\n")
        installation.take()
        assert installation.ask("SELECT asset, close, adjustment_factor, daily_return FROM prices ORDER BY asset") == [
            ("AAA", 12.5, 2.0, None),
            ("BBB", None, None, -0.25),
            ("CCC", 9.0, None, 0.01),
        ]

    @pytest.mark.parametrize(
        ("row", "rule"),
        [
            ("5,0,", "adjustment_factor|min_exclusive"),
            ("5,-2,", "adjustment_factor|min_exclusive"),
            ("5,inf,", "adjustment_factor|inf"),
            ("5,,-1", "daily_return|min_exclusive"),
            ("5,,inf", "daily_return|inf"),
            ("5,,up", "daily_return|parses"),
            (",2,", "has_a_price"),
            (",,", "has_a_price"),
        ],
    )
    def test_a_bad_price_is_rejected_with_its_rule(self, installation: Installation, row: str, rule: str) -> None:
        installation.settings = installation.settings.model_copy(update={"max_reject_share": 0.5})
        installation.put("prices_2025-06-02.csv", f"{self.HEADER}2025-06-02,AAA,12.5,1,\n2025-06-02,BBB,{row}\n")
        installation.take()
        assert installation.ask("SELECT row_number, rule FROM rejects") == [(2, rule)]
        assert installation.ask("SELECT asset FROM prices") == [("AAA",)]


class TestWhatOrdersNeed:
    """Account values, lot sizes and quantities."""

    VALUES = "date,portfolio_id,portfolio_value\n2025-06-02,core,1000000.5\n"

    @pytest.mark.parametrize("name", ["accounts_2025-06-02.csv", "accounts.csv"])
    def test_account_values_are_taken_in_from_a_file_of_a_day_or_of_many(
        self, installation: Installation, name: str
    ) -> None:
        installation.put(name, self.VALUES)
        installation.take()
        assert installation.ask("SELECT as_of_date, portfolio_id, portfolio_value FROM accounts") == [
            (DAY, "core", 1000000.5)
        ]

    def test_account_values_come_from_a_feed(self, installation: Installation) -> None:
        path = installation.put("values.parquet", "")
        frame = pl.DataFrame({"Tag": [DAY], "Depot": ["core"], "Wert": [1000000.5]})
        frame.write_parquet(path)
        columns = {"date": "Tag", "portfolio_id": "Depot", "portfolio_value": "Wert"}
        installation.feeds(accounts={"path": str(path), "columns": columns})
        installation.take()
        assert installation.ask("SELECT portfolio_id, portfolio_value FROM accounts") == [("core", 1000000.5)]

    @pytest.mark.parametrize(
        ("row", "rule"),
        [
            ("2025-06-02,growth,0", "portfolio_value|min_exclusive"),
            ("2025-06-02,growth,-5", "portfolio_value|min_exclusive"),
            ("2025-06-02,growth,1e16", "portfolio_value|max"),
            ("2025-06-02,growth,", "portfolio_value|nullability"),
            ("2025-06-02,growth,rich", "portfolio_value|parses"),
            ("2025-06-03,growth,5", "of_the_day"),
            ("2025-06-02,,5", "portfolio_id|nullability"),
            ("2025-06-02,CASH,5", "portfolio_id|check__reserved"),
        ],
    )
    def test_a_bad_account_value_is_rejected_with_its_rule(
        self, installation: Installation, row: str, rule: str
    ) -> None:
        installation.settings = installation.settings.model_copy(update={"max_reject_share": 0.5})
        installation.put("accounts_2025-06-02.csv", self.VALUES + row + "\n")
        installation.take()
        assert installation.ask("SELECT row_number, rule FROM rejects") == [(2, rule)]
        assert installation.ask("SELECT portfolio_id FROM accounts") == [("core",)]

    def test_a_portfolio_that_is_valued_twice_has_no_value(self, installation: Installation) -> None:
        installation.settings = installation.settings.model_copy(update={"max_reject_share": 0.9})
        more = "2025-06-02,growth,5\n2025-06-02,growth,6\n"
        installation.put("accounts_2025-06-02.csv", self.VALUES + more)
        installation.take()
        assert installation.ask("SELECT portfolio_id FROM accounts") == [("core",)]

    def test_an_asset_may_have_a_lot_size(self, installation: Installation) -> None:
        installation.put("assets.csv", "asset,bucket,lot_size\nAAA,Energy,100\nBBB,Energy,0.001\nCCC,Energy,\n")
        installation.take()
        assert installation.ask("SELECT asset, lot_size FROM assets ORDER BY asset") == [
            ("AAA", 100),
            ("BBB", 0.001),
            ("CCC", None),
        ]

    @pytest.mark.parametrize(("lot", "rule"), [("0", "min"), ("-1", "min"), ("1e13", "max"), ("few", "parses")])
    def test_a_bad_lot_size_is_rejected_with_its_rule(self, installation: Installation, lot: str, rule: str) -> None:
        installation.settings = installation.settings.model_copy(update={"max_reject_share": 0.5})
        installation.put("assets.csv", f"asset,bucket,lot_size\nAAA,Energy,100\nBBB,Energy,{lot}\n")
        installation.take()
        assert installation.ask("SELECT rule FROM rejects") == [(f"lot_size|{rule}",)]

    def test_a_position_may_have_a_quantity(self, installation: Installation) -> None:
        rows = "2025-06-02,core,AAA,0.5,12.5\n2025-06-02,core,BBB,0.1,\n"
        installation.put("positions_2025-06-02.csv", f"date,portfolio_id,asset,current_weight,quantity\n{rows}")
        installation.take()
        assert installation.ask("SELECT asset, quantity FROM positions ORDER BY asset") == [
            ("AAA", 12.5),
            ("BBB", None),
        ]

    @pytest.mark.parametrize("quantity", ["-1", "1e13", "many"])
    def test_a_bad_quantity_rejects_the_positions_whole(self, installation: Installation, quantity: str) -> None:
        header = "date,portfolio_id,asset,current_weight,quantity"
        installation.put("positions_2025-06-02.csv", f"{header}\n2025-06-02,core,AAA,0.5,{quantity}\n")
        assert "quantity" in installation.refusal()


class TestTheSameContent:
    def test_it_is_hashed_and_not_read(self, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        installation.put("scores_2025-06-02.csv", _scores("AAA,0.7"))
        installation.put("prices.csv", "date,asset,close\n2025-06-02,AAA,12.5\n")
        first = installation.take()
        monkeypatch.setattr(source_module, "read_rows", _not_to_be_called)
        assert [one.ingest.ingest_id for one in installation.take()] == [one.ingest.ingest_id for one in first]

    def test_it_is_read_again_when_the_config_reads_it_otherwise(self, installation: Installation) -> None:
        path = installation.put("scores_2025-06-02.csv", "date,asset,score,quality\n2025-06-02,AAA,0.7,0.9\n")
        feed: dict[str, object] = {"path": str(path), "ignore_other_columns": True}
        installation.feeds(scores=feed)
        installation.take()
        installation.feeds(scores=feed | {"columns": {"score": "quality"}})
        installation.take()
        assert installation.scores() == [("AAA", 0.9)]

    def test_a_file_that_changes_while_read_is_left_for_a_retry(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = installation.put("scores_2025-06-02.csv", _scores("AAA,0.7"))
        apply_contract = source_module.apply_contract

        def change(*arguments: object) -> object:
            if arguments[0].kind == "scores":  # type: ignore[attr-defined]
                path.write_text(_scores("AAA,0.75"))
            return apply_contract(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(source_module, "apply_contract", change)
        with pytest.raises(SourceUnavailableError, match=r"scores_2025-06-02.csv changed while it was read"):
            installation.take()
        assert installation.ask("SELECT count(*) FROM ingests WHERE kind = 'scores'") == [(0,)]


def _not_to_be_called(*_: object) -> None:
    pytest.fail("the same content was read again")
