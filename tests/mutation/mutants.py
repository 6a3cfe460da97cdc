"""The mutants of a file: cosmic-ray's operators and ours, less those that would prove nothing."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import ndiff
from typing import Protocol

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import NodeOrLeaf

from tests.mutation.polars_operators import Position, RemoveCall, SwapName

_KEPT = (
    # One stands for all: the others die of a TypeError, or where this one dies.
    r"ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Div|Pow_Mul|BitAnd_BitOr|BitOr_BitAnd)",
    # The mutants that, when killed, kill all the other comparisons (Kaminski, Ammann, Offutt 2013): the bound itself,
    # and the far side. `is` never stands for a comparison of values.
    r"ReplaceComparisonOperator_(Lt_LtE|Lt_NotEq|Gt_GtE|Gt_NotEq|LtE_Lt|LtE_Eq|GtE_Gt|GtE_Eq|Eq_NotEq|Eq_GtE|NotEq_Eq)",
    r"ReplaceComparisonOperator_(Is_IsNot|IsNot_Is)",
    # A sign or a `not` less; another one instead is the same, or a TypeError.
    r"ReplaceUnaryOperator_Delete_\w+",
    r"AddNot|Replace(True|False|And|Or|Break|Continue)With\w+|NumberReplacer|ZeroIterationForLoop|RemoveDecorator",
    r"SwapName|RemoveCall",
)
_KEPT_NAMES = re.compile("|".join(f"(?:{pattern})" for pattern in _KEPT))

Place = tuple[int, int]
"""Line and column, as parso counts them: from 1 and from 0."""


class Operator(Protocol):
    """What an operator is asked for here; cosmic-ray itself asks it to `mutate`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        """Return each place where it can change the node."""


@dataclass(frozen=True)
class Mutant:
    """One small change of one file. `old` and `new` are the changed lines without their indent."""

    file: str
    function: str
    line: int
    operator: str
    old: str
    new: str
    source: str


@dataclass(frozen=True)
class Spot:
    """Where an operator could change something: the node's position, the line's text, the enclosing definition."""

    operator: str
    start: Place
    line: str
    function: str


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Return every mutant worth a test run, in the order of the lines; of two with the same code the first."""
    found: dict[str, Mutant] = {}
    for name, operator in _operators():
        for occurrence, spot in enumerate(_spots(name, operator, source)):
            if not _proves_nothing(spot, source):
                mutated = mutate_code(source, operator, occurrence)
                if _is_another_program(source, mutated):
                    found.setdefault(mutated, _mutant(file, spot, source, mutated))
    return sorted(found.values(), key=lambda mutant: (mutant.line, mutant.operator, mutant.new))


def _operators() -> Iterator[tuple[str, Operator]]:
    for full_name in operator_names():
        name, operator = full_name.partition("/")[2], get_operator(full_name)
        if _KEPT_NAMES.fullmatch(name) and not operator.arguments():
            yield name, operator()
    yield "SwapName", SwapName()
    yield "RemoveCall", RemoveCall()


def _spots(name: str, operator: Operator, source: str) -> Iterator[Spot]:
    """Return the spots in the order in which `mutate_code` counts them."""
    lines = source.splitlines()
    for node in ast_nodes(get_ast(source)):
        for start, _ in operator.mutation_positions(node):
            yield Spot(name, start, lines[start[0] - 1], ASTQuery(node).get_definition_name() or "")


def _is_another_program(source: str, mutated: str) -> bool:
    """Whether the change compiles and is one: brackets and spaces are none."""
    try:
        return ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _mutant(file: str, spot: Spot, source: str, mutated: str) -> Mutant:
    changes = list(ndiff(source.splitlines(), mutated.splitlines()))
    old, new = ("\n".join(line[2:].strip() for line in changes if line.startswith(sign)) for sign in "-+")
    return Mutant(file, spot.function, spot.start[0], spot.operator, old, new, mutated)


def _proves_nothing(spot: Spot, source: str) -> bool:
    return any(is_idle(spot, source) for is_idle in _IDLE)


def _is_type(spot: Spot, source: str) -> bool:
    """A `|` between types is no flag: any other sign is a TypeError on import."""
    return spot.operator.startswith("ReplaceBinaryOperator_BitOr") and spot.start in _type_signs(source)


def _is_keyword_marker(spot: Spot, _: str) -> bool:
    """A bare `*` among parameters multiplies nothing."""
    column = spot.start[1]
    return spot.line[column:].startswith("*,") and spot.line[:column].rstrip()[-1:] in {"", "(", ","}


def _is_frozen_dataclass(spot: Spot, _: str) -> bool:
    """`frozen` is a promise to mypy and the reader; no rule depends on it."""
    return "@dataclass" in spot.line


def _is_edge_of_noise(spot: Spot, _: str) -> bool:
    """A weight exactly the tolerance away: closer is the same weight, farther another, and no rule asks which it is."""
    is_boundary = re.search(r"_(Lt_LtE|Gt_GtE|LtE_Lt|GtE_Gt)$", spot.operator)
    return bool(is_boundary) and "_TOLERANCE" in spot.line


_IDLE: tuple[Callable[[Spot, str], bool], ...] = (_is_type, _is_keyword_marker, _is_frozen_dataclass, _is_edge_of_noise)


def _type_signs(source: str) -> set[Place]:
    """Return the places of `|` in annotations and in aliases of types."""
    tree = ast.parse(source)
    types = [
        getattr(node, field)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        if getattr(node, field, None)
    ]
    types += [node.value for node in tree.body if isinstance(node, ast.Assign)]
    unions = [
        node
        for one in types
        for node in ast.walk(one)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
    ]
    return {_sign_between(node, source) for node in unions}


def _sign_between(node: ast.BinOp, source: str) -> Place:
    line, column = node.left.end_lineno or 0, node.left.end_col_offset or 0
    return line, source.splitlines()[line - 1].index("|", column)
