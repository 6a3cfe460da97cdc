"""`ballast completion`: what a shell needs to complete the commands and their flags. Its help stands in app.py."""

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError
from rich.markup import escape

from flows.cli.app import app
from flows.terminal.console import out, tell
from flows.terminal.escaping import write
from tasks.errors import UsageError


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"] | None,
        Parameter(help="The shell. Default: the one of this terminal."),
    ] = None,
    /,
    *,
    install: Annotated[
        bool,
        Parameter(negative="", help="Install it for this user instead: a file, and a line in the shell's start-up."),
    ] = False,
) -> int:
    """Print the script of the shell, or install it and say where."""
    try:
        if install:
            path = app.install_completion(shell=shell)
            out().print(f"installed: {escape(str(path))}; a new terminal completes `ballast`")
        else:
            write(app.generate_completion(shell=shell))
    except ShellDetectionError:
        return tell(UsageError("which shell this is cannot be told: name it, as in `ballast completion bash`"))
    return 0
