"""Read the nodes of a YAML file, and judge them before values are made of them.

Only decimal numbers, true and false, null and dates are more than text. What else YAML 1.1, YAML 1.2 or a reader may
take for one of these (`010`, `1:00`, `0o17`) is not guessed. Every key is a name.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from sizing.names import composed

_MOST_VALUES, _DEEPEST = 4_000_000, 60
_LONGEST, _MOST_DIGITS = 40, 18
_TAG = "tag:yaml.org,2002:"
_TEXT, _MERGE = f"{_TAG}str", f"{_TAG}merge"
_UNCLEAR = "unclear_"

_CLEAR = {
    "null": r"~|null|Null|NULL|",
    "bool": "|".join(f"{one}|{one.title()}|{one.upper()}" for one in ("true", "false", "yes", "no", "on", "off")),
    "int": rf"[-+]?(?:0|[1-9][0-9]{{0,{_MOST_DIGITS - 1}}})",
    "float": r"(?=.*[.eE])[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "merge": r"<<",
}
"""What is more than text, by its tag."""

_LOOKS_LIKE = {
    "int": r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)",
    "float": r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?i:inf)|\.(?i:nan)",
    "time": r"[-+]?[0-9][0-9_]*(?::[0-9]{1,2})+(?:\.[0-9_]*)?",
    "timestamp": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?",
}
"""What only looks like more than text."""

_SCALAR = re.compile(
    "|".join(
        f"(?P<{prefix}{kind}>{pattern})"
        for prefix, patterns in (("", _CLEAR), (_UNCLEAR, _LOOKS_LIKE))
        for kind, pattern in patterns.items()
    ),
    re.DOTALL,
)
_WORDS = {"null": "nothing", "bool": "true or false", "time": "a time", "timestamp": "a date"}
_QUOTES, _WRITE_A_DATE = "put it into quotes", "write a date like 2024-12-02"
_A_NUMBER, _WRITE_A_NUMBER = "a number", f"write a decimal number of at most {_MOST_DIGITS} digits"
_PLAIN_TAGS = {yaml.ScalarNode: _TEXT, yaml.SequenceNode: f"{_TAG}seq", yaml.MappingNode: f"{_TAG}map"}


class Mistake(NamedTuple):
    """What is wrong, and where it stands; lines and columns count from 1."""

    line: int
    column: int
    message: str


class Judgement(NamedTuple):
    """What is wrong with the nodes; `is_fatal`: no values can be made of them."""

    mistakes: tuple[Mistake, ...]
    is_fatal: bool = False


class _UnusableError(Exception):
    """No values can be made of the nodes."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


class _Nodes(SafeConstructor):
    """Make nodes with our scalars, and values of nodes that were judged."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """Return the tag of a node that has none of its own."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return _PLAIN_TAGS[kind]
        found = _SCALAR.fullmatch(value)
        return f"{_TAG}{found.lastgroup}" if found else _TEXT

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put merged keys in, each once, so that merges of merges stay small: the last one counts."""
        super().flatten_mapping(node)
        node.value = list({key.value: (key, value) for key, value in node.value}.values())


class QuickLoader(_Nodes, yaml.CSafeLoader):
    """Read by libyaml: six times as quickly."""


class Loader(_Nodes, yaml.SafeLoader):
    """Read by Python, which says more exactly what is not YAML."""


def is_number(written: str, kind: Literal["int", "float"]) -> bool:
    """Return whether a text is a decimal number as a config may have it: a whole one, or any."""
    return any(re.fullmatch(_CLEAR[one], written) for one in {"int", kind})


def mistake_at(mark: yaml.Mark, message: str) -> Mistake:
    """Return a mistake at the place of the mark."""
    return Mistake(mark.line + 1, mark.column + 1, message)


def judge(root: yaml.Node) -> Judgement:
    """Find what is wrong with the nodes, and make what is unclear the text that is written.

    Letters of keys are composed, and each must be there once: YAML takes the last one in silence.
    """
    sizes: dict[int, tuple[int, int]] = {}
    found: list[Mistake] = []
    try:
        for node in _upwards(root, sizes):
            found += _judge_pairs(node) if isinstance(node, yaml.MappingNode) else _judge_values(node)
    except _UnusableError as error:
        return Judgement((error.mistake,), is_fatal=True)
    return Judgement((*found, *_judge_tag(root, is_key=False)))


def _upwards(root: yaml.Node, sizes: dict[int, tuple[int, int]]) -> Iterator[yaml.Node]:
    """Return every node once, the inner ones first.

    *Raises* `_UnusableError` for nodes that are in themselves, or that aliases make too many or too deep.
    """
    waiting, begun = [root], set()
    while waiting:
        node = waiting[-1]
        if id(node) in sizes:
            waiting.pop()
            continue
        inner = _inner(node)
        missing = [one for one in inner if id(one) not in sizes]
        if any(id(one) in begun for one in missing):
            _fail(node, "this holds itself: write it out")
        if missing:
            begun.add(id(node))
            waiting += missing
            continue
        n_values = 1 + sum(sizes[id(one)][0] for one in inner)
        depth = 1 + max((sizes[id(one)][1] for one in inner), default=0)
        sizes[id(node)] = n_values, depth
        if n_values > _MOST_VALUES:
            _fail(node, f"with its aliases this holds more than {_MOST_VALUES:,} values: write out what is meant")
        if depth > _DEEPEST:
            _fail(node, f"with its aliases this is nested more than {_DEEPEST} deep: write out what is meant")
        yield node


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _fail(node: yaml.Node, message: str) -> None:
    raise _UnusableError(mistake_at(node.start_mark, message))


def _judge_values(node: yaml.Node) -> Iterator[Mistake]:
    for one in _inner(node):
        yield from _judge_tag(one, is_key=False)


def _judge_pairs(node: yaml.MappingNode) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _fail(key, "expected a name as key, got a list or a mapping")
        yield from _judge_tag(value, is_key=False)
        if key.tag == _MERGE:
            continue
        yield from _judge_tag(key, is_key=True)
        key.value = composed(key.value)
        if key.value in first:
            message = f"{_cut(key.value)} is given twice, first in line {first[key.value]}: keep one"
            yield mistake_at(key.start_mark, message)
        first.setdefault(key.value, key.start_mark.line + 1)


def _judge_tag(node: yaml.Node, *, is_key: bool) -> Iterator[Mistake]:
    kind = node.tag.removeprefix(_TAG).removeprefix(_UNCLEAR)
    plain = _PLAIN_TAGS[type(node)]
    if node.tag == plain or (not is_key and _is_clear(node)):
        return
    if isinstance(node, yaml.ScalarNode) and kind in _LOOKS_LIKE | _CLEAR:
        message = (
            f"{_cut(node.value) or 'this'} looks like {_WORDS.get(kind, _A_NUMBER)}: {_way_out(kind, is_key=is_key)}"
        )
    else:
        message = f"the tag {node.tag.replace(_TAG, '!!')} is unknown: leave it out"
    node.tag = plain
    yield mistake_at(node.start_mark, message)


def _is_clear(node: yaml.Node) -> bool:
    kind = node.tag.removeprefix(_TAG)
    if kind not in _CLEAR or not re.fullmatch(_CLEAR[kind], node.value):
        return False
    return kind != "timestamp" or _is_date(node.value)


def _is_date(written: str) -> bool:
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True


def _way_out(kind: str, *, is_key: bool) -> str:
    if is_key:
        return _QUOTES
    write = _WRITE_A_DATE if kind == "timestamp" else _WRITE_A_NUMBER
    return f"{write}, or {_QUOTES} where it is a name"


def _cut(written: str) -> str:
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."
