"""How this program is started here: the commands that are printed work as they stand."""

import re
import shlex
import shutil
import sys
from pathlib import Path

_NAME = "ballast"


def program_here(folder: Path | None = None) -> str:
    """Give what starts this very program in the folder; without one, in the working folder.

    By its name where the shell finds it under that name, else by its path, relative where it is below the folder.
    """
    here = Path(sys.executable).with_name(_NAME)
    found = shutil.which(_NAME)
    if found and (Path(found).resolve() == here.resolve() or not here.exists()):
        return _NAME
    if not here.exists():
        return f"{shlex.quote(sys.executable)} -m flows.cli.app"
    typed_in = folder or Path.cwd()
    return shlex.quote(str(here.relative_to(typed_in) if here.is_relative_to(typed_in) else here))


def as_printed(command: str) -> str:
    """Give a command of `ballast` as it works when it is typed here."""
    return f"{program_here()} {command.removeprefix(_NAME).lstrip()}"


def with_commands_as_printed(sentence: str) -> str:
    """Give a sentence with the commands in it, such as `ballast run`, as they work when they are typed here."""
    program = program_here()
    return re.sub(rf"`{_NAME} (?=[^`]+`)", lambda _: f"`{program} ", sentence)
