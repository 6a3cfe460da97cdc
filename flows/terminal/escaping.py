"""What reaches a terminal: texts without what it would obey, and machine output byte for byte.

What does not belong here: how a table or a sentence looks; that is console.py.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

Escape = Callable[[str], str]


class SafeConsole(Console):
    """A console on which no text controls the terminal: only styles of this program do.

    Every string and every piece of every renderable passes here, wherever it comes from: a file, a column's name, an
    error of the database, a flag.
    """

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - the options of rich, as they are
        """Render a string, its control characters as escapes."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything, the control characters of its texts as escapes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """Go on without a reader, as after `ballast run | head`: the exit code is that of what the command does."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def visible(text: str, escape: Escape = lambda one: ascii(one)[1:-1]) -> str:
    """Return a text with its control characters as escapes; line ends stay.

    That is all of Unicode's control and format characters: C0, C1, those that turn the direction of a line around, and
    halves of a character, of which a file's name may be made.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else escape(one) for one in text)


def escape_json(one: str) -> str:
    """Return a character as JSON escapes it: the text of a terminal is still the same JSON."""
    return json.dumps(one)[1:-1]


def write(text: str, escape: Escape | None = None) -> None:
    """Write machine output to stdout byte for byte; on a terminal with its control characters as escapes.

    Where the reader has gone, nothing is written.
    """
    if sys.stdout.isatty():
        text = visible(text, escape) if escape else visible(text)
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        SafeConsole().on_broken_pipe()
