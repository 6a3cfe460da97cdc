"""Read a YAML file that a person wrote, and tell its mistakes: each with its line and column, in their order."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from tasks.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"
_MOST_LISTED = 12
PAGE = "docs/configuration.md"
"""Where every limit, term and setting stands."""


_Pairs: TypeAlias = Mapping[object, tuple[yaml.Node, yaml.Node]]


class Problem(NamedTuple):
    """What is wrong, and the keys that lead to it from the top of the file."""

    keys: tuple[object, ...]
    said: str


class Mistake(NamedTuple):
    """What is wrong, and where it stands; lines and columns count from 1."""

    line: int
    column: int
    said: str


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, typed as YAML does, and where each part of it stands."""

    path: Path
    content: dict[Any, Any]
    root: yaml.Node
    repeated: tuple[Mistake, ...]

    def locate(self, problems: Iterable[Problem]) -> tuple[Mistake, ...]:
        """Give the problems by where they stand, and the keys that are given twice; each once."""
        pairs_of = cache(_pairs)  # a mapping of thousands of portfolios is looked through once
        found = {*self.repeated, *(Mistake(*_place(_mark(self.root, keys, pairs_of)), said) for keys, said in problems)}
        return tuple(sorted(found))

    def require_none(self, problems: Iterable[Problem]) -> None:
        """Tell all that is wrong with the file at once. *Raises* `ConfigError` when anything is."""
        if found := self.locate(problems):
            raise _told(self.path, found)


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - PyYAML's signature
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            msg = f"{node.value} looks like a date or a number and is none ({error}): put it into quotes"
            raise yaml.constructor.ConstructorError(problem=msg, problem_mark=node.start_mark) from None


def read_document(path: Path, sections: Sequence[str]) -> Document:
    """Give the content of the file; its sections are checked later. *Raises* `ConfigError`, also when it is missing."""
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        repeated = tuple(_repeated(root))  # before it is constructed, which puts merged keys in
        content = loader.construct_document(root) if root else None
    except FileNotFoundError:
        msg = (
            f"no portfolio config at {path}: give its path with --config or BALLAST_CONFIG, or write one with "
            "`ballast init`"
        )
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ConfigError(msg) from error
    except RecursionError:
        msg = f"{path} cannot be read: its brackets are nested too deep"
        raise ConfigError(msg) from None
    except yaml.YAMLError as error:
        raise _told(path, [_not_yaml(path, error)]) from None
    if root is None or not isinstance(content, dict):
        got = "nothing" if content is None else repr(content)
        msg = f"{path}:1:1: expected the sections {' and '.join(sections)}, got {got}"
        raise ConfigError(msg)
    return Document(path, content, root, repeated)


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known one, or else with all of them, or where they stand."""
    names = sorted(known)
    nearest = get_close_matches(str(name), names, n=1)
    if nearest:
        return f"{what} is unknown; did you mean {nearest[0]}?"
    return f"{what} is unknown; " + (f"known: {', '.join(names)}" if len(names) <= _MOST_LISTED else f"see {PAGE}")


def _told(path: Path, found: Sequence[Mistake]) -> ConfigError:
    placed = tuple((f"{path}:{line}:{column}", said) for line, column, said in found)
    lines = [f"{place}: {said}" for place, said in placed]
    heading = [] if len(lines) == 1 else [f"{len(lines)} mistakes in {path}:"]
    return ConfigError("\n".join([*heading, *lines]), placed)


def _place(mark: yaml.Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _not_yaml(path: Path, error: yaml.YAMLError) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        said = ": ".join(part for part in (error.context, error.problem) if part)
        hint = "; indent with spaces, not with tabs" if "'\\t'" in said else ""
        return Mistake(*_place(error.problem_mark), f"not YAML: {said}{hint}")
    before = path.read_text(encoding="utf-8")[: getattr(error, "position", 0)]
    said = getattr(error, "reason", str(error))
    return Mistake(before.count("\n") + 1, len(before) - before.rfind("\n"), f"not YAML: {said}")


def _repeated(root: yaml.Node | None) -> Iterator[Mistake]:
    """Find keys that a mapping has more than once: YAML takes the last one in silence."""
    waiting, seen = [root], {id(None)}
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
            yield from _repeated_in(node)


def _repeated_in(node: yaml.MappingNode) -> Iterator[Mistake]:
    first: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        line, column = _place(key.start_mark)
        if (name := (key.tag, key.value)) in first:
            yield Mistake(line, column, f"{key.value} is given twice, first in line {first[name]}: keep one")
        first.setdefault(name, line)


def _mark(root: yaml.Node, keys: Iterable[object], pairs_of: Callable[[yaml.MappingNode], _Pairs]) -> yaml.Mark:
    """Say where the keys lead to: to the last key that is there, or to the item of a list."""
    node, mark = root, root.start_mark
    for key in keys:
        if isinstance(node, yaml.MappingNode) and key in pairs_of(node):
            at, node = pairs_of(node)[key]
            mark = at.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            mark = node.start_mark
        else:
            break
    return mark


def _pairs(node: yaml.MappingNode) -> _Pairs:
    construct = yaml.constructor.SafeConstructor().construct_object
    return {construct(key, deep=True): (key, value) for key, value in node.value}
