"""Commands that look at results: what they show a person and a program, and one sentence for each wrong turn."""

import csv
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.server.background_process import Background
from flows.terminal.password import FILE
from tasks.config.settings import Settings
from tests.helpers.command_line import Ballast, typed


@pytest.fixture
def ballast(sample_week: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    """Run a command on the sample's week; gives its exit code, output and errors."""
    monkeypatch.setenv("BALLAST_SNAPSHOT", str(sample_week.snapshot))
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "9")  # no server is there
    monkeypatch.delenv("COLUMNS", raising=False)
    return typed(capsys)


def rows(ballast: Ballast, *words: object) -> list[dict[str, Any]]:
    code, out, _ = ballast(*words, "--json")
    assert code == 0
    told: list[dict[str, Any]] = json.loads(out)
    return told


def test_targets_are_those_of_the_newest_day_the_largest_first_and_cash_last(ballast: Ballast) -> None:
    told = rows(ballast, "targets", "core")
    assert {row["as_of_date"] for row in told} == {"2025-06-06"}
    assert told[-1]["asset"] == "CASH"
    weights = [row["target_weight"] for row in told[:-1]]
    assert weights == sorted(weights, reverse=True)
    assert sum(row["target_weight"] for row in told) == pytest.approx(0.95, abs=1e-12)


def test_targets_of_a_day_are_those_of_that_day_and_csv_is_the_same_rows(ballast: Ballast) -> None:
    told = rows(ballast, "targets", "--as-of", "2025-06-03")
    assert {row["as_of_date"] for row in told} == {"2025-06-03"}
    assert {row["portfolio_id"] for row in told} == {"core", "income", "opportunity"}
    _, out, _ = ballast("targets", "--as-of", "2025-06-03", "--csv")
    assert [row["asset"] for row in csv.DictReader(io.StringIO(out))] == [row["asset"] for row in told]


def test_targets_at_a_moment_are_those_that_were_visible_then_in_utc(ballast: Ballast) -> None:
    now = datetime.now(UTC) + timedelta(seconds=1)  # asked to the second, and published within this one
    assert ballast("targets", "--at", f"{now:%Y-%m-%dT%H:%M:%S}")[1].splitlines()[0].startswith("Targets of 2025-06-06")
    for before in (now - timedelta(hours=3), now - timedelta(hours=3) + timedelta(hours=2)):
        code, out, err = ballast("targets", "--at", f"{before:%Y-%m-%dT%H:%M:%S}")
        assert (code, out) == (1, "")
        assert f"visible at {before:%Y-%m-%d %H:%M:%S} UTC: the first were published at" in err


def test_a_moment_with_a_zone_is_the_same_moment(ballast: Ballast) -> None:
    before = datetime.now(UTC) - timedelta(hours=3)
    _, _, err = ballast("targets", "--at", f"{before + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00")
    assert f"visible at {before:%Y-%m-%d %H:%M:%S} UTC" in err


def test_why_is_told_of_each_target_only_when_asked(ballast: Ballast) -> None:
    assert "Rank 1, score" not in ballast("targets", "core")[1]
    assert "Rank 1, score 0.885, standard x1.224" in ballast("targets", "core", "--why")[1]


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("words", [("targets", "--why"), ("explain", "core", "AMZN"), ("diff",), ("status",)])
def test_no_line_is_wider_than_what_was_asked_for_or_ends_with_blanks(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = ballast(*words)[1].splitlines()
    prose = (
        "Not all is well",
        "Rank 1 by score",
        "  no day is expected",
        "    ballast run",
        "  no Prefect server",
        "change_reason",
        "target_reason",
    )
    tables = [line for line in lines if not line.lstrip().startswith(tuple(one.lstrip() for one in prose))]
    assert [line for line in tables if len(line) > width] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_story_of_a_weight_begins_with_the_answer_and_ends_with_its_record(ballast: Ballast) -> None:
    code, out, _ = ballast("explain", "core", "AMZN", "--as-of", "2025-06-06")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "core keeps AMZN at 0.0857 on 2025-06-06."
    assert lines[1] == "Rank 1 by score 0.88502, size standard, bound by bucket Consumer Discretionary 0.2."
    titles = [line for line in lines[2:] if line and not line.startswith(" ")]
    assert titles == ["Selection", "Sizing", "Result", "Its life", "What would change it", "Record"]
    assert "larger size 0.9 From this score its size is max" in " ".join(out.split())
    assert "\x1b" not in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("portfolio", "asset", "day", "sentence"),
    [
        ("core", "AVGO", "2025-06-06", "core opens AVGO at 0.1082 on 2025-06-06."),
        (
            *("core", "V", "2025-06-06"),
            "core keeps V at 0.1091 on 2025-06-06; rebalance_band 0.05 keeps it from its target 0.1100.",
        ),
        ("core", "GOOGL", "2025-06-06", "core decreases GOOGL from 0.1100 to 0.0920 on 2025-06-06."),
        ("core", "CASH", "2025-06-02", "core leaves 0.5100 in cash on 2025-06-02: max_single_position binds."),
        (
            *("income", "NEE", "2025-06-06"),
            (
                "income decreases NEE from 0.0583 to 0.0221 on 2025-06-06: min_score_threshold 0.6 stops it; it has "
                "0.59322 and would stay in from 0.6; max_turnover 0.1 keeps it from its target 0.0000."
            ),
        ),
        (
            *("opportunity", "AVGO", "2025-06-06"),
            (
                "opportunity does not hold AVGO on 2025-06-06: max_total_positions 6 stops it; it has 0.8164 "
                "and would be in from 0.82564."
            ),
        ),
        ("opportunity", "CRCL", "2025-06-06", "opportunity does not hold CRCL on 2025-06-06: no_bucket stops it."),
    ],
)
def test_the_answer_is_one_sentence_whatever_became_of_the_name(
    ballast: Ballast, portfolio: str, asset: str, day: str, sentence: str
) -> None:
    code, out, _ = ballast("explain", portfolio, asset, "--as-of", day)
    assert (code, out.splitlines()[0]) == (0, sentence)


def test_a_frozen_holding_says_so(ballast: Ballast) -> None:
    out = ballast("explain", "income", "TMUS")[1].splitlines()
    assert out[1] == "Its weight is frozen, kept by score_missing: the stages do not apply."


def test_a_program_gets_the_steps_and_the_changes_as_rows(ballast: Ballast) -> None:
    told = rows(ballast, "explain", "core", "AMZN")
    assert {row["as_of_date"] for row in told} == {"2025-06-06"}
    assert [row["quantity"] for row in told if row["is_change"]] == [
        *("more weight", "larger size", "smaller size", "out", "a trade"),
    ]
    assert told[0]["quantity"] == "holding"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["explain", "cor", "AMZN"], 2, "portfolio cor is unknown; did you mean core?"),
        (["explain", "core", "AMZM"], 2, "AMZM is no candidate of core on 2025-06-06"),
        (["explain", "core", "AMZM"], 2, "The nearest name is AMZN."),
        (["explain", "core", "AMZN", "--as-of", "2025-06-07"], 1, "The published day before it is 2025-06-06."),
        (["targets", "icome"], 2, "portfolio icome is unknown; did you mean income?"),
        (["explain", "cor", "AMZN"], 2, "did you mean core? (published: core, income, opportunity)\n"),
        (["targets", "--as-of", "2025-06-01"], 1, "the published day next to it is 2025-06-02"),
        (["targets", "--json", "--csv"], 2, "use one of them"),
        (["diff", "2025-06-06-x"], 2, "two runs are compared, got only 2025-06-06-x"),
        (["diff", "2025-06-05", "2025-06-06"], 2, "two days are compared with --from and --to"),
        (["diff", "2025-06-06-x", "2025-06-06-y"], 2, "run 2025-06-06-x was never published: did you mean 2025-06-06-"),
        (["diff", "a", "b", "--from", "2025-06-02"], 2, "two runs are compared, or two days"),
        (["diff", "--from", "2025-06-03", "--to", "2025-06-03"], 2, "--from must be before --to"),
        (["diff", "--from", "2025-06-01"], 1, "nothing is published for 2025-06-01: the published day next to it"),
        (["diff", "--portfolio", "cor"], 2, "did you mean core?"),
        (["sql", "FROM current_targts"], 2, "current_targts does not exist"),
        (["sql", "FROM current_targts"], 2, 'Did you mean "current_targets"? `ballast db schema`'),
        (["sql", "SELECT 1", "--json", "--csv"], 2, "use one of them"),
    ],
)
def test_a_wrong_turn_is_one_sentence(ballast: Ballast, words: list[str], code: int, sentence: str) -> None:
    left, out, err = ballast(*words)
    assert (left, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_without_arguments_the_newest_day_is_held_against_the_one_before(ballast: Ballast) -> None:
    told = rows(ballast, "diff")
    assert {(row["previous_as_of_date"], row["as_of_date"]) for row in told} == {("2025-06-05", "2025-06-06")}
    assert {row["change"] for row in told} == {"opened", "closed", "increased", "decreased"}
    _, out, _ = ballast("diff", "--portfolio", "core")
    summary = next(line for line in out.splitlines() if "core" in line)
    assert summary.split()[:7] == ["core", "2025-06-05", "2025-06-06", "AVGO,", "COP", "JPM,", "NEE"]


def test_days_are_compared_across_those_between(ballast: Ballast) -> None:
    told = rows(ballast, "diff", "--from", "2025-06-02", "--to", "2025-06-04", "--portfolio", "core")
    moved = {row["asset"]: row["weight_change"] for row in told}
    first, last = (
        {row["asset"]: row["target_weight"] for row in rows(ballast, "targets", "core", "--as-of", day)}
        for day in ("2025-06-02", "2025-06-04")
    )
    for asset in first | last:
        assert moved.get(asset, 0) == pytest.approx(last.get(asset, 0) - first.get(asset, 0), abs=1e-12)


def test_two_runs_are_compared_as_their_days_are(ballast: Ballast) -> None:
    runs = [
        row["run_id"]
        for row in rows(
            ballast,
            "sql",
            "SELECT run_id FROM visible_runs WHERE portfolio_id = 'core'"
            " AND as_of_date IN (DATE '2025-06-03', DATE '2025-06-05') ORDER BY 1",
        )
    ]
    assert rows(ballast, "diff", *runs) == rows(ballast, "diff", "--from", "2025-06-03", "--to", "2025-06-05")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_status_names_a_server_that_was_started_here_and_is_gone(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    server = Background("server", FILE.parent)
    server.start(["sleep", "0"], {})
    code, out, _ = ballast("status")
    assert code == 7
    assert out.startswith("Not all is well: the Prefect server does not answer.")
    assert out.count("http://127.0.0.1:9/api") == 1
    assert {row["is_well"] for row in json.loads(ballast("status", "--json")[1])} == {False}
    server.stop(1)
    assert ballast("status")[0] == 0


def test_a_server_that_is_configured_and_does_not_answer_is_not_well(
    ballast: Ballast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    code, out, _ = ballast("status")
    assert code == 7
    assert out.count("http://127.0.0.1:9/api") == 1
    assert {row["is_well"] for row in json.loads(ballast("status", "--json")[1])} == {False}


def test_status_is_calm_about_a_history_that_waits_for_nothing(ballast: Ballast) -> None:
    code, out, _ = ballast("status")
    assert code == 0
    assert out.splitlines()[0] == "All is well: 3 portfolios have targets of 2025-06-06."
    assert "no day is expected: 2025-06-06 was computed more than a week after its close" in out
    assert "no Prefect server answers at http://127.0.0.1:9/api: `ballast up` starts one" in out
    told = rows(ballast, "status")
    assert {row["is_well"] for row in told} == {True}
    assert {row["portfolio_id"]: (row["next_day"], row["next_due_at"]) for row in told}["core"] == (
        "2025-06-09",
        "2025-06-09T23:00:00+00:00",
    )


@pytest.fixture
def inbox(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The inbox of the sample's week, as it was read."""
    copied = tmp_path / "inbox"
    shutil.copytree(sample, copied, ignore=shutil.ignore_patterns("scores_2025-06-09*"))
    monkeypatch.setenv("BALLAST_INBOX", str(copied))
    return copied


@pytest.mark.slow
def test_status_says_which_files_a_run_would_read_anew(ballast: Ballast, inbox: Path, sample: Path) -> None:
    assert ballast("status")[0] == 0
    for day in ("2025-06-09", "2025-06-10"):
        shutil.copy(sample / "scores_2025-06-09.csv", inbox / f"scores_{day}.csv")
    code, out, _ = ballast("status")
    assert (code, out.splitlines()[0]) == (7, "Not all is well: scores of 2 days in the inbox are not read.")
    assert "ballast run --from 2025-06-09 --to 2025-06-10" in out
    assert {row["is_well"] for row in json.loads(ballast("status", "--json")[1])} == {False}


@pytest.mark.parametrize("name", ["scores_2025-06-06.csv", "assets.csv", "restrictions.csv"])
def test_status_says_which_file_changed_since_it_was_read(ballast: Ballast, inbox: Path, name: str) -> None:
    (inbox / name).write_text((inbox / name).read_text() + "\n")
    code, out, _ = ballast("status")
    assert (code, out.splitlines()[0]) == (
        7,
        f"Not all is well: {name} changed in the inbox since 2025-06-06 was read.",
    )


def test_before_the_first_day_status_is_no_error_and_names_the_next_command(
    ballast: Ballast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BALLAST_SNAPSHOT")
    code, out, err = ballast("status")
    assert (code, err) == (0, "")
    assert "Nothing is here yet" in out
    assert "`ballast init`, which writes a config" in out
    (tmp_path / "portfolios.yaml").write_text("portfolios: {core: }")
    monkeypatch.setenv("BALLAST_CONFIG", "portfolios.yaml")
    assert "with your first day: `ballast run`" in ballast("status")[1]
    assert rows(ballast, "status") == []
    assert ballast("status", "--snapshot", "nowhere.duckdb")[0] == 1


def test_several_queries_are_an_array_a_line_or_tables_of_csv(ballast: Ballast) -> None:
    _, out, _ = ballast("sql", "SELECT 1 AS one; SELECT 'x' AS two", "--json")
    assert [json.loads(line) for line in out.splitlines()] == [[{"one": 1}], [{"two": "x"}]]
    assert ballast("sql", "SELECT 1 AS one; SELECT 'x' AS two", "--csv")[1] == "one\n1\n\ntwo\nx\n"


def test_piped_answers_have_no_blanks_at_the_ends_of_lines(ballast: Ballast) -> None:
    _, out, _ = ballast("sql", "FROM current_targets SELECT asset, target_reason, bucket")
    assert [line for line in out.splitlines() if line != line.rstrip()] == []
