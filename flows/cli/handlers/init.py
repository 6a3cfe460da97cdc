"""`ballast init`: the files to start from, and what to do with them."""

import os
import shlex
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.tree import Tree

from flows.terminal.console import err, out
from sizing.limits.presets import PRESETS
from sizing.text import listed
from sql.files.atomic_files import protect
from tasks.config.env_file import ENV_FILE, variable
from tasks.config.settings import Settings
from tasks.config.templates import CONFIG, INBOX, starter_files
from tasks.errors import SourceError, UsageError
from tasks.text import unknown
from tasks.trading_calendar import find_calendar

_NEXT = (
    ("validate", "what is wrong with the config and the files"),
    ("plan", "what a run would do"),
    ("run", "the targets of the newest day in the inbox"),
)


def init(
    folder: Annotated[Path, Parameter(help="Where to begin; it is made where it is missing.")] = Path(),
    /,
    *,
    preset: Annotated[str, Parameter(help="conservative, balanced or aggressive.")] = "balanced",
) -> None:
    """Write the files, all or none, and list what is there now."""
    if preset not in PRESETS:
        raise UsageError(unknown(f"preset {preset}", preset, PRESETS))
    files = starter_files(preset, find_calendar(Settings().exchange).last_closed(datetime.now(UTC)))
    _write(folder, files)
    _list(folder, files, preset)


def _write(folder: Path, files: dict[Path, str]) -> None:
    there = [str(folder / path) for path in files if (folder / path).exists()]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        msg = f"{listed(there)} {exist} already: nothing was written; give another folder, or move it away"
        raise SourceError(msg)
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        protect(folder / ENV_FILE, 0o600)  # secrets are put there
    except OSError as error:
        msg = f"{folder} cannot be written: {error.strerror}"
        raise SourceError(msg) from error


def _list(folder: Path, files: Collection[Path], preset: str) -> None:
    console = out()
    scores = max(path.name for path in files if path.name.startswith("scores"))
    tree = Tree(f"{folder.resolve().name}/", highlight=False)
    tree.add(f"{CONFIG}  limits: preset {preset}, one portfolio")
    tree.add(".env  settings, read in this folder")
    inbox = tree.add(f"{INBOX}/")
    inbox.add("README.md  what belongs here")
    inbox.add("assets.csv  some invented names")
    inbox.add(f"{scores}  their scores of the latest trading day, invented too")
    console.print(tree)
    for name in (variable(setting) for setting in ("config", "inbox", "warehouse")):
        if name in os.environ:
            err().print(
                f"[yellow]warning:[/] {name} of the environment takes precedence over .env: unset it to use these"
            )
    console.print("\nNext:")
    if folder.resolve() != Path.cwd():
        console.print(f"  cd {shlex.quote(str(folder))}", markup=False, soft_wrap=True)
    width = max(len(command) for command, _ in _NEXT)
    for command, why in _NEXT:
        console.print(f"  ballast {command:<{width}}  # {why}", markup=False, soft_wrap=True)
