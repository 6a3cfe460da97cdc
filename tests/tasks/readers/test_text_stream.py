"""The lines of a text that hold its rows, whatever the blocks in which they come."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import SourceError
from tasks.readers import text_stream
from tasks.readers.text_stream import cut_out, decode
from tasks.values.notation import Notation

TEXTS = st.text(st.sampled_from('ab "é\n\r\t'), max_size=60)
STOPS = st.sampled_from([None, "", "a", "ab", "é", '"a', "b a"])


def _excerpt(content: bytes, notation: Notation, size: int, end: str = "") -> str:
    return b"".join(cut_out(decode(io.BytesIO(content), "utf-8", size), notation, end)).decode()


def _expected(text: str, skip_rows: int, stop_at: str | None) -> str:
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)[skip_rows:]
    for place, line in enumerate(lines):
        if stop_at == "" and not line.strip():
            return "".join(lines[:place])
        if stop_at and (line.startswith(stop_at) or line.lstrip(' \t"').startswith(stop_at)):
            return "".join(lines[:place])
    return "".join(lines)


@given(TEXTS, st.integers(0, 3), STOPS, st.integers(1, 9))
def test_any_blocks_give_the_same_lines(text: str, skip_rows: int, stop_at: str | None, size: int) -> None:
    notation = Notation(skip_rows=skip_rows, stop_at=stop_at)
    assert _excerpt(text.encode(), notation, size, "END") == _expected(text, skip_rows, stop_at) + "END"


def test_a_line_that_does_not_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_stream, "LONGEST_LINE", 100)
    with pytest.raises(SourceError, match="has a line of more than"):
        _excerpt(b"x" * 1_000, Notation(stop_at="The content"), 50)
    assert len(_excerpt(b"x" * 1_000, Notation(), 50)) == 1_000
