"""Commands as a person types them, in this process."""

from collections.abc import Callable

import pytest

from flows.cli.app import execute

Ballast = Callable[..., tuple[int, str, str]]
"""Do a command; gives its exit code, output and errors."""


def exit_code(*words: object) -> int:
    """Do a command, and return its exit code."""
    with pytest.raises(SystemExit) as left:
        execute(map(str, words))
    return int(left.value.code or 0)


def typed(capsys: pytest.CaptureFixture[str], *first: str) -> Ballast:
    """Return what does the commands that begin with these words."""

    def run(*words: object) -> tuple[int, str, str]:
        code = exit_code(*first, *words)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
