"""`ballast validate`: what it finds before a run, where, and what it gives back. It writes nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli.app import execute
from tasks.config.settings import Settings

DAY = "2025-06-03"

Validate = Callable[..., tuple[int, str]]


@pytest.fixture
def folder(tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sample's inbox and a config of one portfolio, that a test may spoil."""
    shutil.copytree(sample, tmp_path / "inbox")
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BALLAST_{name.upper()}", raising=False)
    monkeypatch.setenv("BALLAST_CONFIG", "portfolios.yaml")
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "portfolios.yaml").write_text("portfolios:\n  core:\n")
    return tmp_path


@pytest.fixture
def validate(folder: Path, capsys: pytest.CaptureFixture[str]) -> Validate:
    """Validate the folder; gives the exit code and what was printed, and sees that nothing was written."""

    def run(*words: str) -> tuple[int, str]:
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        with pytest.raises(SystemExit) as left:
            execute(["validate", *(() if "--as-of" in words else ("--as-of", DAY)), *words])
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
        return int(left.value.code or 0), capsys.readouterr().out

    return run


def findings(validate: Validate, *words: str) -> list[tuple[str, str, str]]:
    return [(one["level"], one["where"], one["what"]) for one in json.loads(validate("--json", *words)[1])]


def test_the_sample_is_ready_and_its_bad_row_has_the_line_that_an_editor_shows(
    validate: Validate, folder: Path
) -> None:
    code, out = validate()
    assert code == 0
    assert out.splitlines()[-1] == f"{DAY}: 3 files, 1 portfolio: ready, 1 warning"
    [(level, where, what)] = findings(validate)
    path, line = where.split(":")
    assert (level, what) == ("warning", "rejected: technical_score is above 1: got '1.7000'")
    assert "LOW,1.7000" in (folder / path).read_text().splitlines()[int(line) - 1]
    assert validate("--strict")[0] == 1


def test_every_mistake_of_the_config_is_found_with_its_place_and_the_files_all_the_same(
    validate: Validate, folder: Path
) -> None:
    (folder / "portfolios.yaml").write_text("portfolios:\n  core: {rebalance_bnd: 1}\n  b: {sizing_mode: x}\n")
    code, out = validate()
    assert code == 1
    assert out.splitlines()[-1] == f"{DAY}: 3 files, 0 portfolios: not ready, 2 errors, 1 warning"
    assert out.index("Problems") < out.index("Files")
    assert [(level, where) for level, where, _ in findings(validate)][:2] == [
        ("error", "portfolios.yaml:2:10"),
        ("error", "portfolios.yaml:3:7"),
    ]


def test_what_the_limits_reach_is_said_with_the_limit_that_binds_and_the_way_out(
    validate: Validate, folder: Path
) -> None:
    (folder / "portfolios.yaml").write_text("portfolios:\n  a:\n  core: {max_single_position: 0.05}\n")
    doubts = [(where, what) for _, where, what in findings(validate) if where.startswith("portfolios")]
    assert [where for where, _ in doubts] == ["portfolios.yaml:3:3"] * 2
    assert "max_total_positions 19 would do" in doubts[0][1]
    assert "portfolio core: 12 of 57 names pass, 10 find a place: at most 0.5 of 0.95 can be inv" in doubts[1][1]
    assert "max_single_position binds; max_single_position 0.05 -> 0.095 would place it all" in doubts[1][1]


def test_a_portfolio_for_which_no_name_is_good_enough_or_scored_is_told(validate: Validate, folder: Path) -> None:
    text = "portfolios:\n  a: {min_score_new_position: 0.99}\n  b: {model: other}\n"
    (folder / "portfolios.yaml").write_text(text)
    assert [(where, what) for _, where, what in findings(validate) if where.startswith("portfolios")] == [
        (
            "portfolios.yaml:2:3",
            "portfolio a: 0 of 57 names pass, 0 find a place: at most 0 of 0.95 can be invested",
        ),
        (
            "portfolios.yaml:3:3",
            "portfolio b: no name of its universe has a score of its model other: nothing can be bought",
        ),
    ]


RISKS = ("volatility_mode: inverse", "target_volatility: 0.1", "max_position_risk: 0.02, volatility_source: scores")


@pytest.mark.parametrize("limit", RISKS)
def test_a_risk_limit_does_not_keep_every_name_from_passing(validate: Validate, folder: Path, limit: str) -> None:
    (folder / "portfolios.yaml").write_text(f"portfolios:\n  core: {{{limit}}}\n")
    assert not [what for _, _, what in findings(validate) if "names pass" in what]


def test_a_preset_that_goes_before_a_limit_of_all_is_told(validate: Validate, folder: Path) -> None:
    text = "defaults: {max_single_position: 0.1}\nportfolios:\n  core: {preset: aggressive}\n"
    (folder / "portfolios.yaml").write_text(text)
    assert any(where == "portfolios.yaml:3:10" and "preset sets" in what for _, where, what in findings(validate))


def test_a_file_of_which_too_much_is_refused_is_an_error_with_its_reasons(validate: Validate, folder: Path) -> None:
    path = folder / "inbox" / f"scores_{DAY}.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, "", *rows[:30], f"{DAY},AAA,x,,", f"{DAY},BBB,7,,", rows[0], ""]))
    found = [(where, what) for level, where, what in findings(validate) if where.startswith("inbox")]
    assert found[0][0] == f"inbox/scores_{DAY}.csv"
    assert "more than max_reject_share 0.05 allows" in found[0][1]
    places = {what: where.partition(":")[2] for where, what in found[1:]}
    lines = path.read_text().splitlines()
    for what, line in places.items():
        assert what.startswith("rejected: ")
        assert lines[int(line) - 1].startswith(DAY)
    assert places["rejected: the same key stands more than once in the file: none of its rows can be trusted (2 rows)"]
    assert validate()[0] == 1


@pytest.mark.parametrize(
    ("spoil", "level", "said"),
    [
        (lambda inbox: (inbox / f"scores_{DAY}.csv").unlink(), "error", f"no scores for {DAY} in inbox"),
        (lambda inbox: (inbox / "assets.csv").unlink(), "error", "no asset list among the files: expected assets.csv"),
        (shutil.rmtree, "error", "no inbox folder at inbox"),
        (lambda inbox: (inbox / f"scores_{DAY}.csv").write_text("date,asset,scor\n"), "error", "scor is unknown"),
        (lambda inbox: (inbox / f"scores_{DAY}.csv").write_text(""), "error", "is empty"),
        (
            lambda inbox: (inbox / "restriction.csv").write_text("portfolio_id,asset,restriction\n"),
            *("warning", "1 file that no run reads: restriction.csv."),
        ),
        (
            lambda inbox: (inbox / f"positions_{DAY}.xlsx").write_text(""),
            "error",
            "xlsx is of a format that is not read",
        ),
        (
            lambda inbox: (inbox / "restrictions.csv").write_text("portfolio_id,asset,restriction\ncor,AMZN,no_buy\n"),
            *("warning", "restrictions: portfolio cor is not in this run; did you mean core?"),
        ),
        (
            lambda inbox: (inbox.parent / "portfolios.yaml").write_text(
                "portfolios: {core: {exclude_buckets: [Enrgy]}}"
            ),
            *("warning", "exclude_buckets: bucket Enrgy is unknown; did you mean Energy?"),
        ),
        (
            lambda inbox: (inbox.parent / "portfolios.yaml").write_text(
                "portfolios: {core: {include_buckets: [Enrgy]}}"
            ),
            *("error", "include_buckets names Enrgy, which no asset of the asset list has"),
        ),
    ],
)
def test_what_is_missing_or_unknown_is_told(
    validate: Validate, folder: Path, spoil: Callable[[Path], object], level: str, said: str
) -> None:
    spoil(folder / "inbox")
    assert any(got == level and said in what for got, _, what in findings(validate)), findings(validate)
    assert validate()[0] == (1 if level == "error" else 0)


def test_where_no_file_could_be_looked_at_only_the_reason_is_an_error(validate: Validate, folder: Path) -> None:
    (folder / "inbox" / f"scores_{DAY}.parquet").write_bytes(b"")
    [told] = [what for level, _, what in findings(validate) if level == "error"]
    assert "2 files of scores" in told


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2025-06-07", "2025-06-07 (Saturday) is not a trading day of XNYS"),
        ("2099-06-05", "2099-06-05 is outside the calendar of XNYS"),
    ],
)
def test_a_day_that_is_none_is_told(validate: Validate, day: str, said: str) -> None:
    assert any(said in what for _, _, what in findings(validate, "--as-of", day))


def test_scores_that_are_days_old_are_told_unless_their_day_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        execute(["validate", "--json"])
    assert not left.value.code
    assert "trading days old" in capsys.readouterr().out
    assert (folder / "inbox").exists()


def test_an_empty_answer_is_an_empty_list_for_a_program(validate: Validate, folder: Path) -> None:
    path = folder / "inbox" / f"scores_{DAY}.csv"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if ",LOW,1.7" not in line))
    assert findings(validate) == []
    assert validate("--csv")[1] == "level,where,what\n"
