"""A command or a flow run reads the config once, whatever happens to the file meanwhile; its parameters are small."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from prefect.settings import PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

from flows.cli.app import joined
from flows.daily_rebalance import daily_rebalance
from flows.server.flow_runner import run_flow
from sizing import RebalancingLimits
from tasks.config import portfolios
from tasks.config.settings import RebalanceConfig, Settings
from tasks.config.yaml_file import Document, read_document
from tasks.errors import UsageError
from tasks.runs.ingest import Ingested, ingest_day
from tests.helpers.command_line import Ballast
from tests.helpers.installation import with_limits

DAY, NEXT_DAY = "2025-06-02", "2025-06-03"
RANGE = ("--from", DAY, "--to", NEXT_DAY)
LIMITS = {"core": RebalancingLimits(max_single_position=0.11), "income": RebalancingLimits()}


@pytest.fixture
def config(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = with_limits(settings, LIMITS).config
    monkeypatch.setenv("BALLAST_CONFIG", str(own))
    return own


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The config files that were parsed, each time."""
    paths: list[Path] = []

    def read(path: Path, known: tuple[str, ...]) -> Document:
        paths.append(path)
        return read_document(path, known)

    monkeypatch.setattr(portfolios, "read_document", read)
    return paths


def recorded(settings: Settings) -> list[tuple[object, ...]]:
    query = """
        SELECT as_of_date::VARCHAR, list(portfolio_id ORDER BY portfolio_id),
            list(max_single_position::DOUBLE ORDER BY portfolio_id)
        FROM runs JOIN run_limits USING (run_id) GROUP BY as_of_date, run_id ORDER BY as_of_date, run_id
    """
    return settings.open_warehouse().query_snapshot(query).rows()


@pytest.mark.slow
@pytest.mark.parametrize("words", [("run", *RANGE), ("backfill", *RANGE), ("plan", "--as-of", DAY)], ids=" ".join)
def test_a_command_parses_the_config_once(
    ballast: Ballast, config: Path, parsed: list[Path], words: tuple[str, ...]
) -> None:
    code, _, err = ballast(*words)
    assert code == 0, err
    assert parsed == [config]


@pytest.mark.slow
def test_a_file_that_changes_during_a_run_counts_from_the_next_command_on(
    ballast: Ballast, settings: Settings, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_the_file(*args: object) -> tuple[Ingested, ...]:
        feeds = {"scores": {"path": "elsewhere/scores.csv"}}
        config.write_text(yaml.safe_dump({"portfolios": {"other": {"max_single_position": 0.2}}, "feeds": feeds}))
        return ingest_day(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("flows.daily_rebalance.ingest_day", change_the_file)
    code, _, err = ballast("run", *RANGE)
    assert code == 0, err
    assert recorded(settings) == [(day, ["core", "income"], [0.11, 0.15]) for day in (DAY, NEXT_DAY)]
    code, _, err = ballast("run", *RANGE)
    assert (code, "elsewhere" in err) == (1, True)


@pytest.mark.slow
def test_a_flow_run_is_asked_by_names_and_changed_limits(settings: Settings, config: Path) -> None:
    own = settings.at({"config": config})
    asked = RebalanceConfig(
        as_of_date=date(2025, 6, 2), portfolio_ids=("core",), limits={"max_single_position": 0.12}, settings=own
    )
    from_json = RebalanceConfig.model_validate(json.loads(asked.model_dump_json()))
    assert asyncio.run(daily_rebalance(from_json, return_state=True)).name == "Published"
    assert recorded(own) == [(DAY, ["core"], [0.12])]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"portfolio_ids": ["cor"]}, "--portfolio cor is unknown; did you mean core?"),
        ({"limits": {"max_single_positon": 0.1}}, "--max-single-positon is unknown; did you mean max_single_position?"),
        ({"limits": {"max_single_position": "much"}}, "max-single-position"),
    ],
)
def test_what_a_flow_run_cannot_be_asked_is_said_before_any_task(
    settings: Settings, config: Path, asked: dict[str, object], named: str
) -> None:
    request = RebalanceConfig.model_validate(
        {"as_of_date": "2025-06-02", "settings": settings.at({"config": config}), **asked}
    )
    with pytest.raises(UsageError, match=named):
        run_flow(daily_rebalance, request)
    assert not settings.snapshot.exists()


def test_the_parameters_of_a_thousand_portfolios_are_those_of_one(settings: Settings) -> None:
    many = with_limits(settings, {f"p{number}": RebalancingLimits() for number in range(1000)})
    assert len(RebalanceConfig(as_of_date=date(2025, 6, 2), settings=many).model_dump_json()) < 2_000


def test_more_names_than_prefect_takes_are_one_sentence(settings: Settings) -> None:
    names = tuple(f"portfolio {number:08}" for number in range(30_000))
    asked = RebalanceConfig(as_of_date=date(2025, 6, 2), portfolio_ids=names, settings=settings)
    with (
        temporary_settings({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}),
        pytest.raises(UsageError, match=r"bytes, and Prefect takes 524,288: name fewer portfolios"),
    ):
        run_flow(daily_rebalance, asked)


@pytest.mark.slow
def test_many_names_run_without_a_server(ballast: Ballast, settings: Settings) -> None:
    code, _, err = ballast("run", "--as-of", DAY, "--portfolio", *("core", "income") * 500)
    assert code == 0, err
    assert [portfolio_ids for _, portfolio_ids, _ in recorded(settings)] == [["core", "income"]]


def test_a_flag_that_is_repeated_is_one_with_several_values() -> None:
    words = [word for name in "abc" for word in ("--portfolio", name)]
    assert joined(["run", *words, "--json", *words]) == ["run", "--portfolio", *"abc", "--json", "--portfolio", *"abc"]
    assert joined(["run", "--portfolio", "--portfolio", "a"]) == ["run", "--portfolio", "--portfolio", "a"]


def test_the_first_unknown_names_are_named_and_the_others_counted(ballast: Ballast) -> None:
    code, _, err = ballast("run", "--as-of", DAY, "--portfolio", *(f"cor{number}" for number in range(1000)))
    assert code == 2
    assert "--portfolio cor0 is unknown; did you mean core?" in err
    assert "and 990 more" in err
