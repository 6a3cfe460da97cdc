"""What a YAML file may write for a number, a date or a name; and that no file of aliases keeps its reader busy."""

import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.config.portfolios import load_portfolios, read_config
from tasks.config.yaml_nodes import Loader, QuickLoader, judge
from tasks.errors import ConfigError

DECIMAL = re.compile(r"[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
LOOKS_LIKE_MORE = (
    *("00123", "0777", "0o17", "0O17", "0x1F", "0b101", "1_000", "08", "007", "45", "-1", "1e3", ".5e1", "1.50"),
    *("12:30:00", "1:00", "09:30", "0:00.5", "yes", "No", "ON", "off", "true", "~", "null", ".inf", "-.INF", ".NaN"),
    *(
        "2025-06-02",
        "2025-6-2",
        "2025-06-02 10:00",
        "2025-06-02T10:00:00Z",
        "2024-13-45",
        "9" * 5000,
        "0x" + "f" * 9000,
    ),
)
LIMIT = "portfolios: {{core: {{max_residual_multiple: {0}}}}}"


def read(text: str) -> tuple[object, tuple[tuple[int, int, str], ...]]:
    """Return the value of a text, and the mistakes of its nodes."""
    loader = QuickLoader(text)
    root = loader.get_single_node()
    mistakes = judge(root).mistakes
    return loader.construct_document(root), mistakes


def told(tmp_path: Path, text: str) -> str:
    config = tmp_path / "portfolios.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(config)
    return str(caught.value)


@pytest.mark.parametrize("written", LOOKS_LIKE_MORE)
def test_a_name_that_looks_like_more_is_rejected_with_its_place(tmp_path: Path, written: str) -> None:
    question = "? " if len(written) > 1000 else ""  # YAML's longest simple key
    found = told(
        tmp_path,
        f"portfolios:\n  core:\n  {question}{written}\n  : {{}}\n"
        if question
        else f"portfolios:\n  core:\n  {written}: {{}}\n",
    )
    assert f"portfolios.yaml:3:{3 + len(question)}: {written[:20]}" in found
    assert "put it into quotes" in found


@pytest.mark.parametrize("written", [one for one in LOOKS_LIKE_MORE if len(one) < 100])
def test_the_same_name_in_quotes_is_the_text(written: str) -> None:
    assert read(f"{{'{written}': ['{written}']}}") == ({written: [written]}, ())


@pytest.mark.parametrize("written", [*LOOKS_LIKE_MORE])
def test_an_asset_that_looks_like_a_number_is_rejected(tmp_path: Path, written: str) -> None:
    text = f"portfolios:\n  core:\n    exclude_assets:\n      - AAA\n      - {written}\n"
    assert re.search(r"portfolios.yaml:5:9: .*put it into quotes", told(tmp_path, text))


@pytest.mark.parametrize(
    "written", ["010", "0o10", "0x1F", "0b11", "1_0", "1:00", "1:00.5", "08", ".inf", ".nan", "9" * 5000, "2025-6-2"]
)
@pytest.mark.parametrize("limit", ["max_total_positions", "max_single_position", "max_residual_multiple"])
def test_a_limit_is_a_decimal_number(tmp_path: Path, limit: str, written: str) -> None:
    found = told(tmp_path, f"portfolios:\n  core:\n    {limit}: {written}\n")
    assert re.search(rf"portfolios.yaml:3:{7 + len(limit)}: .*write a d", found)


@given(st.text("0123456789_.:xobeEfTZ+- ", min_size=1, max_size=12).map(str.strip).filter(bool))
def test_a_scalar_is_an_unambiguous_number_a_mistake_or_text(written: str) -> None:
    try:
        everybody = yaml.safe_load(f"[{written}]")
    except (yaml.YAMLError, ValueError):
        everybody = None
    try:
        [value], mistakes = read(f"[{written}]")  # type: ignore[misc]
    except (yaml.YAMLError, ValueError, TypeError):
        assume(False)  # noqa: FBT003 - what is no scalar at all
    assume(not isinstance(value, dict | list | bool))
    if mistakes:
        assert value == written
    elif isinstance(value, int | float):
        assert DECIMAL.fullmatch(written)
        assert value == float(written)
    elif isinstance(value, str):
        assert everybody == [written] == [value]
        assert not re.fullmatch(r"[-+]?\d[\d_]*", written)


def _bomb(merge: str, levels: int = 9) -> str:
    lines = [
        "a0: &a0 {x: 1}",
        *(f"a{n}: &a{n} {merge.format(', '.join([f'*a{n - 1}'] * 9))}" for n in range(1, levels)),
    ]
    return "portfolios:\n  core: {}\n" + "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        _bomb("{{<<: [{0}]}}"),
        _bomb("[{0}]"),
        _bomb("[{0}]", 400),
        "a: " + "[" * 100_000,
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)),
        "a: &a {b: *a}\n",
        "a: &a {<<: *a}\n",
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}\n" for n in range(1, 3000)),
        "? {a: 1}\n: 2\n",
        "a: !!binary AAAA\n",
        "a: !!python/object/apply:os.system [x]\n",
    ],
)
def test_aliases_and_brackets_without_end_are_reported_soon(tmp_path: Path, text: str) -> None:
    begun = time.process_time()
    assert "portfolios.yaml" in told(tmp_path, text)
    assert time.process_time() - begun < 5


def test_merges_of_merges_are_read_and_what_comes_later_counts(tmp_path: Path) -> None:
    config = tmp_path / "portfolios.yaml"
    merges = "".join(f"  a{n}: &a{n}\n    <<: [{', '.join([f'*a{n - 1}'] * 3)}]\n" for n in range(1, 9))
    config.write_text(f"portfolios:\n  a0: &a0 {{max_total_positions: 7, model: x}}\n{merges}    model: y\n")
    limits = load_portfolios(config)
    assert {(one.max_total_positions, one.model) for name, one in limits.items() if name != "a8"} == {(7, "x")}
    assert (limits["a8"].max_total_positions, limits["a8"].model) == (7, "y")


def test_a_key_in_two_compositions_is_given_twice(tmp_path: Path) -> None:
    found = told(tmp_path, "portfolios:\n  Caf\u00e9:\n  Cafe\u0301:\n")
    assert re.search(r"portfolios.yaml:3:3: .* is given twice, first in line 2", found)


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=12)
_CONTENT = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def _places(node: yaml.Node) -> tuple[object, ...]:
    """Return what a node is, where it stands, and the same of all in it."""
    inner = node.value if isinstance(node.value, list) else []
    flat = [one for part in inner for one in (part if isinstance(part, tuple) else (part,))]
    value = None if flat or inner else node.value
    return (node.tag, value, node.start_mark.line, node.start_mark.column, *map(_places, flat))


@given(content=_CONTENT, in_flow=st.sampled_from([True, False, None]), letters=st.booleans())
def test_both_readers_make_the_same_nodes(content: object, in_flow: bool | None, letters: bool) -> None:  # noqa: FBT001
    text = yaml.safe_dump(content, default_flow_style=in_flow, allow_unicode=letters)
    quick, plain = QuickLoader(text).get_single_node(), Loader(text).get_single_node()
    assert _places(quick) == _places(plain)
