"""Commands as a person types them, in this process."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli.app import app

Ballast = Callable[..., tuple[int, str, str]]
"""Do a command; gives its exit code, output and errors."""


def typed(capsys: pytest.CaptureFixture[str], *first: str) -> Ballast:
    """Give what does the commands that begin with these words; the shell finds `ballast` by its name."""

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as activated:
            activated.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
            with pytest.raises(SystemExit) as left:
                app([*first, *map(str, words)])
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run
