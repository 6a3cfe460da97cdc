"""What `ballast completion` does: cyclopts writes the scripts."""

from typing import Literal

from cyclopts.completion.detect import ShellDetectionError
from rich.markup import escape

from flows.cli import app
from flows.show import out, tell
from flows.terminal import write
from tasks.errors import UsageError

Shell = Literal["bash", "zsh", "fish", "powershell"]


def complete(shell: Shell | None, *, install: bool) -> int:
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
