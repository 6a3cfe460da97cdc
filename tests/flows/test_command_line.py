"""`ballast` as a person meets it: what it prints, its exit codes, and one clear sentence for each mistake."""

import json
import re
import shlex
import shutil
import sys
from contextlib import nullcontext
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from cyclopts import CycloptsError
from prefect.context import SyncClientContext
from prefect.settings import PREFECT_HOME, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

from flows.cli.app import app
from flows.terminal.console import os_user
from tasks.config.settings import Settings
from tests.helpers.command_line import Ballast
from tests.helpers.effective_times import rows_of

DAY = "2025-06-02"
NEXT_DAY = "2025-06-03"
PROGRAM = Path(sys.executable).with_name("ballast")


@pytest.fixture
def inbox(tmp_path: Path, sample: Path) -> Path:
    """A copy of the sample's inbox that a test may spoil."""
    folder = tmp_path / "inbox"
    shutil.copytree(sample, folder)
    return folder


def spoil(inbox: Path, day: str, content: bytes) -> None:
    (inbox / f"scores_{day}.csv").write_bytes(content)


class TestOfRuns:
    """What needs a flow to run."""

    @pytest.mark.server
    @pytest.mark.usefixtures("connected")
    def test_a_range_ends_with_the_targets_of_its_last_day(self, ballast: Ballast, settings: Settings) -> None:
        code, out, err = ballast("run", "--from", DAY, "--to", NEXT_DAY)
        assert code == 0
        assert f"{DAY} published" in err
        assert f"{NEXT_DAY} published" in err
        assert f"Targets of {NEXT_DAY}" in out
        assert "CASH" in out
        assert str(settings.warehouse) in out

    @pytest.mark.slow
    @pytest.mark.parametrize(("path", "shown"), [(str(PROGRAM.parent), False), ("", True)])
    def test_it_says_where_ballast_is_if_the_shell_does_not_find_it(
        self, ballast: Ballast, monkeypatch: pytest.MonkeyPatch, *, path: str, shown: bool
    ) -> None:
        monkeypatch.setenv("PATH", path)
        heading = re.search("^Next.*:$", ballast("run", "--as-of", DAY)[1], re.MULTILINE)
        assert heading is not None
        assert (f"{PROGRAM.parent.name}/ballast" in heading[0]) is shown  # relative or not

    @pytest.mark.slow
    def test_the_commands_that_are_named_next_work(
        self, ballast: Ballast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        lines = ballast("run", "--as-of", NEXT_DAY)[1].partition("\nNext")[2].splitlines()[1:]
        commands = [shlex.split(line, comments=True)[1:] for line in lines]
        assert [words[0] for words in commands] == ["explain", "report", "sql", "up"]
        told = [ballast(*words) for words in commands[:-1]]
        assert [code for code, *_ in told] == [0, 0, 0]
        explained, path, refused = (out for _, out, _ in told)
        assert f"on {NEXT_DAY}.\nRank 1 by score" in explained
        assert (tmp_path / path.strip()).is_file()
        assert "technical_score is above 1" in refused

    @pytest.mark.slow
    def test_without_a_day_the_newest_of_the_inbox_is_run(self, ballast: Ballast) -> None:
        assert "2025-06-09 published" in ballast("run")[2]

    @pytest.mark.slow
    def test_the_same_day_again_changes_nothing_and_is_no_error(self, ballast: Ballast) -> None:
        ballast("run", "--as-of", DAY)
        code, _, err = ballast("run", "--as-of", DAY)
        assert code == 0
        assert "unchanged" in err

    @pytest.mark.slow
    def test_a_held_run_exits_with_3_and_stops_the_range(self, ballast: Ballast, inbox: Path) -> None:
        header, *rows = (inbox / f"scores_{NEXT_DAY}.csv").read_text().splitlines(keepends=True)
        spoil(inbox, NEXT_DAY, (header + "".join(rows[20:])).encode())
        code, out, err = ballast("run", "--from", DAY, "--to", "2025-06-04", "--inbox", inbox)
        assert code == 3
        assert f"{NEXT_DAY} held" in err
        assert "more than max_missing_score_share 0.2" in err
        assert "2025-06-04" not in err
        assert f"Targets of {DAY}" in out
        assert "max_missing_score_share" in ballast("sql", "SELECT reason FROM run_events WHERE state = 'held'")[1]

    @pytest.mark.server
    @pytest.mark.usefixtures("connected")
    def test_a_proposed_day_exits_with_6_stops_the_range_and_is_approved_by_a_command(
        self, ballast: Ballast, tmp_path: Path
    ) -> None:
        config = tmp_path / "mine.yaml"
        config.write_text("portfolios: {core: {approval: always}}\n")
        code, _, err = ballast("run", "--from", DAY, "--to", NEXT_DAY, "--config", config)
        assert code == 6
        [(day, name, run_id)] = [tuple(line.split()[:3]) for line in err.splitlines() if "proposed" in line]
        assert (day, name) == (DAY, "proposed")
        assert NEXT_DAY not in err
        code, out, err = ballast("approve", run_id, "--note", "as expected", "--config", config, "--json")
        assert code == 0
        assert f"{run_id} approved by {os_user()}: core " in err
        assert [(one["run_id"], one["state"]) for one in json.loads(out)] == [(run_id, "published")]
        assert ballast("run", "--as-of", DAY, "--config", config)[0] == 0
        assert ballast("decline", run_id, "--note", "too late", "--config", config)[0] == 1

    @pytest.mark.slow
    def test_a_halt_exits_with_0_and_what_it_holds_with_3(self, ballast: Ballast, settings: Settings) -> None:
        assert ballast("db", "migrate")[0] == 0
        code, out, _ = ballast("halt", "--all", "--reason", "odd scores")
        assert (code, out) == (
            0,
            f"all portfolios halted by {os_user()}: nothing is published until `ballast resume`; halted now: all\n",
        )
        assert ballast("run", "--as-of", DAY)[0] == 3
        assert ballast("backfill", "--from", DAY, "--to", DAY)[0] == 3
        assert "halted now: nothing" in ballast("resume", "--all", "--reason", "corrected")[1]
        code, out, err = ballast("halt", "core", "--reason", "odd scores", "--json")
        assert (code, [(one["portfolio_id"], one["reason"]) for one in json.loads(out)]) == (
            0,
            [("core", "odd scores")],
        )
        assert "core halted by" in err
        assert ballast("run", "--as-of", DAY)[0] == 3
        page = settings.snapshot.with_name("day.html")
        code, out, _ = ballast("report", "--as-of", DAY, "--output", page)
        assert (code, out) == (0, f"{page}\n")  # the other portfolios are published, core is held

    def test_a_halt_where_no_warehouse_is_says_that_it_halts_nothing(
        self, ballast: Ballast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for copies in ("BALLAST_SNAPSHOT", "BALLAST_EXPORT_FOLDER"):  # they belong to another warehouse
            monkeypatch.delenv(copies)
        nowhere = tmp_path / "elsewhere" / "none.duckdb"
        code, out, err = ballast("halt", "--all", "--reason", "odd scores", "--warehouse", nowhere)
        assert (code, out) == (1, "")
        assert f"no warehouse at {nowhere}: nothing was halted" in err
        assert not nowhere.exists()

    @pytest.mark.slow
    def test_a_restriction_needs_no_reason(self, ballast: Ballast, inbox: Path) -> None:
        (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n,AMZN,no_buy\n")
        assert ballast("run", "--as-of", DAY, "--inbox", inbox)[0] == 0
        out = ballast("sql", "SELECT DISTINCT decision_reason FROM decisions WHERE gate = 'no_buy'")[1]
        assert "may not be bought. Restriction no_buy: no reason given." in out

    def test_one_bad_restriction_stops_the_day(self, ballast: Ballast, inbox: Path) -> None:
        (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\n,AMZN,no_buy\ncore,FCX,no_byu\n")
        code, _, err = ballast("run", "--as-of", DAY, "--inbox", inbox)
        assert code == 1
        assert "1 of its 2 rows cannot be used" in err
        assert "no_byu" in err
        assert "would not be safe, so nothing of it counts: correct the file" in err

    def test_without_an_asset_list_the_day_says_where_it_looked(self, ballast: Ballast, inbox: Path) -> None:
        (inbox / "assets.csv").unlink()
        code, _, err = ballast("run", "--as-of", DAY, "--inbox", inbox)
        assert code == 1
        assert f"no asset list: expected assets.csv in {inbox} or in the folder above" in err

    @pytest.mark.slow
    def test_a_snapshot_that_cannot_be_written_is_named_and_the_day_stays_published(
        self, ballast: Ballast, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        code, _, err = ballast("run", "--as-of", DAY, "--snapshot", tmp_path / "file" / "snapshot.duckdb")
        assert code == 1
        assert "file/snapshot.duckdb cannot be written" in err
        assert settings.open_warehouse().query("latest_runs")["state"].to_list() == ["published"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("asset", "technical_score", "reason"),
        [
            ("AAPL", "1.7", "technical_score is above 1"),
            ("AAPL", "inf", "technical_score is not finite"),
            ("AMZN", "0.7", "stands more than once"),
        ],
    )
    def test_a_bad_row_is_refused_and_the_day_goes_on(
        self, ballast: Ballast, inbox: Path, asset: str, technical_score: str, reason: str
    ) -> None:
        rows = (inbox / f"scores_{DAY}.csv").read_text().splitlines()
        [place] = [number for number, row in enumerate(rows) if row.startswith(f"{DAY},AAPL,")]
        rows[place] = f"{DAY},{asset},{technical_score},0.5,0.2"
        spoil(inbox, DAY, "\n".join(rows).encode())
        assert ballast("run", "--as-of", DAY, "--inbox", inbox)[0] == 0
        _, out, _ = ballast("sql", "SELECT reason FROM rejected_rows")
        assert reason in out

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "is empty"),
            (b"date,asset,technical_score\n", "has a header but no rows"),
            (b"date,asset,colour\n2025-06-02,AAPL,blue\n", "column colour is unknown"),
            (b"date,asset,technical_score\n2025-06-03,AAPL,0.7\n", "the row is not of the file's day"),
            (b"date,asset,technical_score\n2025-06-02,AAPL,1.7\n", "technical_score is above 1"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_one_sentence_and_only_its_refusal_is_seen(
        self, ballast: Ballast, inbox: Path, settings: Settings, content: bytes, sentence: str
    ) -> None:
        spoil(inbox, DAY, content)
        code, _, err = ballast("run", "--as-of", DAY, "--inbox", inbox)
        assert code == 1
        assert sentence in err
        assert err.count("error:") == 1
        assert "Traceback" not in err
        warehouse = settings.open_warehouse()
        assert rows_of(warehouse, "scores", date(2025, 6, 2), since=date(2025, 6, 1)).is_empty()
        assert warehouse.query("latest_runs").is_empty()
        assert warehouse.query_snapshot("FROM current_targets").is_empty()
        assert warehouse.query_snapshot("FROM refused_files")["as_of_date"].to_list() == [date(2025, 6, 2)]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--as-of", "2025-06-07"], 2, "2025-06-07 (Saturday) is not a trading day of XNYS"),
        (["--as-of", "2025-06-11"], 1, "no scores for 2025-06-11"),
        (["--inbox", "nowhere"], 1, "no inbox folder at nowhere"),
        (["--config", "nowhere.yaml"], 1, "no portfolio config at nowhere.yaml"),
        (["--from", "2025-06-03"], 2, "a range needs --from and --to in order, got 2025-06-03 and no --to"),
        (["--from", "2025-06-03", "--to", "2025-06-02"], 2, "a range needs --from and --to in order"),
        (["--from", "2025-06-07", "--to", "2025-06-08"], 2, "there is no trading day of XNYS"),
        (["--as-of", DAY, "--from", DAY, "--to", DAY], 2, "give the one or the other"),
    ],
)
def test_a_wrong_turn_is_one_sentence_before_anything_starts(
    ballast: Ballast, settings: Settings, words: list[str], code: int, sentence: str
) -> None:
    left, out, err = ballast("run", *words)
    assert (left, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not settings.warehouse.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["halt", "--reason", "odd"], "give portfolios, as in `ballast halt core`, or --all; got none"),
        (
            ["resume", "core", "--all", "--reason", "odd"],
            "give portfolios, as in `ballast resume core`, or --all; got core",
        ),
        (["halt", "core", "--reason", " "], "--reason must say something"),
        (["approve", "2025-06-02-0123456789ab", "--note", "", "--approver", " "], "--approver and --note must say"),
    ],
)
def test_a_decision_that_says_too_little_is_wrong_usage(ballast: Ballast, words: list[str], sentence: str) -> None:
    code, out, err = ballast(*words)
    assert (code, out) == (2, "")
    assert sentence in err


def test_an_unknown_limit_in_the_config_names_the_nearest(ballast: Ballast, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("portfolios: {core: {max_positon: 0.1}}\n")
    code, _, err = ballast("run", "--as-of", DAY, "--config", config)
    assert code == 1
    assert "portfolio core: limit max_positon is unknown" in err


def test_limits_that_will_disappoint_are_warned_about(
    ballast: Ballast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("portfolios: {core: {max_total_positions: 2, min_buckets_represented: 1}}\n")
    monkeypatch.setattr("flows.server.flow_runner.PREFECT_API_URL", _Url("http://127.0.0.1:9/api"))
    code, _, err = ballast("run", "--as-of", DAY, "--config", config)
    assert "warning: portfolio core: max_total_positions 2 x max_single_position 0.15 = 0.30 <" in err
    assert code == 1
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in err


def test_a_history_that_cannot_be_written_is_told_before_a_server_starts(ballast: Ballast, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = {PREFECT_HOME: tmp_path / "file" / "prefect", PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}
    with temporary_settings(home):
        code, _, err = ballast("run", "--as-of", DAY)
    assert code == 1
    assert f"cannot keep its history in {tmp_path / 'file' / 'prefect'} (Not a directory): name a folder" in err


def test_a_temporary_server_that_does_not_start_is_one_sentence(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def time_out(*_: object) -> None:
        msg = "Timed out while attempting to connect to ephemeral Prefect API server."
        raise RuntimeError(msg)

    monkeypatch.setattr("flows.daily_rebalance.daily_rebalance", lambda *_, **__: time_out())
    monkeypatch.setattr(SyncClientContext, "get_or_create", nullcontext)
    with temporary_settings({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}):
        code, _, err = ballast("run", "--as-of", DAY)
    assert code == 1
    assert "error: no temporary Prefect server could be started (Timed out while" in err


class _Url:
    def __init__(self, url: str) -> None:
        self._url = url

    def value(self) -> str:
        return self._url


def test_an_unknown_flag_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CycloptsError):
        app(["run", "--inbx", "x"], exit_on_error=False, print_error=True)
    assert "Did you mean --inbox?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "query",
    [
        "SELEC",
        "",
        "DROP TABLE targets",
        "SET threads = 1",
        "SELECT 1; DROP TABLE targets",
        "COPY (SELECT 1) TO 'written.txt'",
        "FROM nowhere",
        "FROM read_text('pyproject.toml')",
    ],
)
def test_what_is_no_query_of_the_snapshot_is_one_sentence(ballast: Ballast, settings: Settings, query: str) -> None:
    settings.open_warehouse().migrate()
    settings.open_warehouse().snapshot(date(2025, 6, 2))
    code, out, err = ballast("sql", query)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not Path("written.txt").exists()


def test_several_queries_are_asked_one_after_the_other_also_from_stdin(
    ballast: Ballast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.open_warehouse().migrate()
    settings.open_warehouse().snapshot(date(2025, 6, 2))
    queries = "SELECT 11 AS one;\nSELECT 'x' AS \"by\";"
    code, out, _ = ballast("sql", queries)
    assert code == 0
    assert out.index("11") < out.index("1 row") < out.index("by")
    monkeypatch.setattr("sys.stdin", StringIO(queries))
    assert ballast("sql") == (0, out, "")


def test_a_query_without_a_snapshot_says_what_to_do(ballast: Ballast) -> None:
    code, _, err = ballast("sql", "FROM current_targets")
    assert code == 1
    assert "publish a day first" in err


def test_a_query_without_a_snapshot_of_the_warehouse_says_how_to_make_it(ballast: Ballast, settings: Settings) -> None:
    settings.open_warehouse().migrate()
    assert "or make it with `ballast db snapshot`" in ballast("sql", "FROM current_targets")[2]


def test_a_query_that_fails_does_not_blame_the_snapshot(ballast: Ballast, settings: Settings) -> None:
    settings.open_warehouse().migrate()
    settings.open_warehouse().snapshot(date(2025, 6, 2))
    for query in ("SELEC", "FROM nowhere", "SELECT checksum FROM runs", "SELECT 'x'::INT"):
        _, _, err = ballast("sql", query)
        assert err.startswith("error: the query fails: ")
        assert str(settings.snapshot) not in err
