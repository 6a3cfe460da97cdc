"""`ballast completion`: what a shell needs to complete the commands and their flags."""

from typing import Annotated, Literal

from cyclopts import Parameter


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
    """Print the script with which a shell completes commands and flags, or install it.

    Example: `ballast completion bash`

    In bash, for this terminal only: `source <(ballast completion bash)`. For good: `ballast completion --install`.

    Exit codes: 0 printed or installed; 1 an error, said in one sentence; 2 wrong usage.

    """
    from flows.completion_command import complete  # noqa: PLC0415 - the command line itself is what it completes

    return complete(shell, install=install)
