"""Read a YAML file and report its mistakes: each with its line and column, in their order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from sizing.text import first_of
from sql.files.plain_files import read_text
from tasks.config.field_descriptions import shown
from tasks.config.yaml_nodes import Judgement, Loader, Mistake, QuickLoader, judge, mistake_at
from tasks.errors import ConfigError

_MOST_BYTES = 8_000_000
"""Largest file that is read: ten thousand portfolios take half of it."""
_MOST_MISTAKES = 50
"""Mistakes in the error message: `ballast validate --csv` has all of them."""


_Pairs: TypeAlias = Mapping[object, tuple[yaml.Node, yaml.Node]]


class Problem(NamedTuple):
    """What is wrong, and the keys that lead to it from the top of the file."""

    keys: tuple[object, ...]
    message: str


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, typed as YAML does, and where each part of it stands."""

    path: Path
    content: dict[Any, Any]
    root: yaml.Node
    mistakes: tuple[Mistake, ...]
    """Of its nodes, whatever they stand for."""

    def locate(self, problems: Iterable[Problem]) -> tuple[Mistake, ...]:
        """Return the problems by where they stand, and the mistakes of the nodes before those of the values."""
        pairs_of = cache(_pairs)  # a mapping of thousands of portfolios is looked through once
        taken = {one[:2] for one in self.mistakes}
        found = {*self.mistakes}
        for keys, message in problems:
            mark, node = _find(self.root, keys, pairs_of)
            if not isinstance(node, yaml.ScalarNode) or mistake_at(node.start_mark, message)[:2] not in taken:
                found.add(mistake_at(mark, message))
        return tuple(sorted(found))

    def require_none(self, problems: Iterable[Problem]) -> None:
        """Raise `ConfigError` with all that is wrong with the file, when anything is."""
        if found := self.locate(problems):
            raise _as_error(self.path, found)


def read_document(path: Path, sections: Sequence[str]) -> Document:
    """Return the content of the file; its sections are checked later.

    *Raises* `ConfigError`, also when it is missing.
    """
    text = _text_of(path)
    try:
        loader, root = _nodes_of(text)
        judgement = judge(root) if root else Judgement(())
        if judgement.is_fatal:
            raise _as_error(path, judgement.mistakes)
        content = loader.construct_document(root) if root else None
    except RecursionError:
        msg = f"{path} cannot be read: its brackets are nested too deep"
        raise ConfigError(msg) from None
    except yaml.YAMLError as error:
        raise _as_error(path, [_not_yaml(text, error)]) from None
    if root is None or not isinstance(content, dict):
        got = "nothing" if content is None else shown(content)
        msg = f"{path}:1:1: expected the sections {' and '.join(sections)}, got {got}"
        raise ConfigError(msg)
    return Document(path, content, root, judgement.mistakes)


def _nodes_of(text: str) -> tuple[QuickLoader | Loader, yaml.Node | None]:
    try:
        loader = QuickLoader(text)
        return loader, loader.get_single_node()
    except yaml.YAMLError:
        slow = Loader(text)
        return slow, slow.get_single_node()


def _text_of(path: Path) -> str:
    try:
        return read_text(path, _MOST_BYTES)
    except FileNotFoundError:
        msg = (
            f"no portfolio config at {path}: give its path with --config or BALLAST_CONFIG, or write one with "
            "`ballast init`"
        )
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ConfigError(msg) from error


def _as_error(path: Path, found: Sequence[Mistake]) -> ConfigError:
    placed = tuple((f"{path}:{line}:{column}", message) for line, column, message in found)
    lines = [f"{place}: {message}" for place, message in placed]
    heading = [] if len(lines) == 1 else [f"{len(lines)} mistakes in {path}:"]
    return ConfigError("\n".join([*heading, *first_of(lines, _MOST_MISTAKES)]), placed)


def _not_yaml(text: str, error: yaml.YAMLError) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        message = ": ".join(part for part in (error.context, error.problem) if part)
        hint = "; indent with spaces, not with tabs" if "'\\t'" in message else ""
        return mistake_at(error.problem_mark, f"not YAML: {message}{hint}")
    before = text[: getattr(error, "position", 0)]
    message = getattr(error, "reason", str(error))
    return Mistake(before.count("\n") + 1, len(before) - before.rfind("\n"), f"not YAML: {message}")


def _find(
    root: yaml.Node, keys: Iterable[object], pairs_of: Callable[[yaml.MappingNode], _Pairs]
) -> tuple[yaml.Mark, yaml.Node]:
    """Return where the keys lead to: to the last key that is there, or to the item of a list; and what stands there."""
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
    return mark, node


def _pairs(node: yaml.MappingNode) -> _Pairs:
    return {key.value: (key, value) for key, value in node.value}
