"""Commands that are printed work as they stand, wherever this program was started from."""

import shlex
import sys
from pathlib import Path

import pytest

from flows.terminal import program
from flows.terminal.program import as_printed, program_here, with_commands_as_printed


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of an installation, in a folder whose name has a space; no shell finds it."""
    folder = tmp_path / "a house" / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "ballast").write_text("#!/bin/sh\n")
    (folder / "ballast").chmod(0o755)
    monkeypatch.setattr(program.sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/nonexistent")
    return folder


def test_a_program_that_the_shell_finds_is_called_by_its_name(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bin_folder))
    assert as_printed("ballast run --as-of 2025-06-06") == "ballast run --as-of 2025-06-06"


def test_below_the_working_folder_its_path_is_short(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bin_folder.parents[1])
    assert as_printed("run") == ".venv/bin/ballast run"


def test_from_another_folder_its_whole_path_is_one_word_of_the_shell(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shlex.split(as_printed("init")) == ["a house/.venv/bin/ballast", "init"]
    monkeypatch.chdir("/")
    monkeypatch.setattr(program.sys, "executable", str(bin_folder / "python"))
    assert shlex.split(program_here())[-1].endswith("a house/.venv/bin/ballast")


def test_another_ballast_on_the_path_is_not_this_one(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "ballast").write_text("#!/bin/sh\n")
    (other / "ballast").chmod(0o755)
    monkeypatch.setenv("PATH", str(other))
    monkeypatch.chdir(bin_folder.parents[1])
    assert program_here() == ".venv/bin/ballast"


def test_without_an_installed_script_python_starts_it(bin_folder: Path) -> None:
    (bin_folder / "ballast").unlink()
    assert program_here() == f"{shlex.quote(sys.executable)} -m flows.cli.app"


def test_commands_within_a_sentence_are_those_that_work_here(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bin_folder.parents[1])
    told = with_commands_as_printed(
        "publish a day first, with `ballast run`; `ballast` is no command, ballast run neither"
    )
    assert told == "publish a day first, with `.venv/bin/ballast run`; `ballast` is no command, ballast run neither"
