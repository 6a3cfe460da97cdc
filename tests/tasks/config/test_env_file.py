"""The settings file .env of the working folder: what is read from it, and how its mistakes are told."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.cli.app import main
from tasks.config.env_file import explain_settings
from tasks.config.settings import Settings
from tasks.errors import ConfigError

DEPLOYMENTS = Path(__file__).parents[3] / "deployments"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BALLAST_{name.upper()}", raising=False)
    return tmp_path


def mistakes(folder: Path, text: str) -> str:
    (folder / ".env").write_text(text)
    try:
        Settings()
    except ConfigError as error:
        return str(error)
    except ValidationError as error:
        return str(explain_settings(Settings, error.errors()))
    return ""


def test_the_environment_takes_precedence_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("BALLAST_INBOX='a b'\nexport BALLAST_EXCHANGE=XLON # London\nballast_keep_days=7\n")
    monkeypatch.setenv("BALLAST_EXCHANGE", "XTKS")
    settings = Settings()
    assert (settings.inbox, settings.exchange, settings.keep_days) == (Path("a b"), "XTKS", 7)


def test_lines_of_other_programs_are_left_alone(folder: Path) -> None:
    assert mistakes(folder, "PREFECT_API_URL=x\nINBOX=y\nnot a line\nBALLAST=z\n") == ""
    assert Settings().inbox == Path("inbox")


@pytest.mark.parametrize("example", ["ballast.env.example", "compose.env.example"])
def test_every_name_of_the_production_files_may_stand_there(folder: Path, example: str) -> None:
    names = re.findall(r"^BALLAST_\w+", (DEPLOYMENTS / example).read_text(), re.MULTILINE)
    assert names
    assert mistakes(folder, "".join(f"{name}=1\n" for name in names)) == ""


def test_unknown_names_are_reported_with_their_line_and_the_nearest(folder: Path) -> None:
    assert mistakes(folder, "A=1\n\nBALLAST_WAREHOSE=x\nBALLAST_QQ=1\n") == (
        "2 mistakes in the settings:\n"
        ".env:3: BALLAST_WAREHOSE is unknown; did you mean BALLAST_WAREHOUSE?\n"
        ".env:4: BALLAST_QQ is unknown; see docs/configuration.md"
    )


def test_a_wrong_value_is_reported_with_the_allowed_ones_and_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "BALLAST_KEEP_DAYS=0\nBALLAST_MAX_REJECT_SHARE=x\n"
    of_share = ".env:2: BALLAST_MAX_REJECT_SHARE: expected a number from 0 to 1, got 'x'; default 0.05"
    of_days = "BALLAST_KEEP_DAYS: expected a whole number of at least 1, got '{}'; default 90"
    heading = "2 mistakes in the settings:\n"
    assert mistakes(folder, text) == f"{heading}{of_share}\n.env:1: {of_days.format(0)}"
    monkeypatch.setenv("BALLAST_KEEP_DAYS", "-1")
    assert mistakes(folder, text) == f"{heading}{of_share}\nenvironment: {of_days.format(-1)}"


def test_a_command_tells_them_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["ballast", "sql", "SELECT 1"])
    for text, sentence in (("BALLAST_INBX=1", "did you mean BALLAST_INBOX?"), ("BALLAST_KEEP_DAYS=x", "whole number")):
        (folder / ".env").write_text(text)
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 1
        printed = capsys.readouterr().err
        assert printed.startswith("error: .env:1: BALLAST_")
        assert sentence in printed
