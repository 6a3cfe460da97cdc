"""Mutation operators for what the sizer is written in: Polars expressions, which Python's own operators hardly touch.

They speak cosmic-ray's interface: `mutation_positions` says where in a parso node, `mutate` changes it.
"""

from collections.abc import Iterator
from itertools import pairwise
from types import MappingProxyType

from parso.tree import BaseNode, Leaf, NodeOrLeaf

Position = tuple[tuple[int, int], tuple[int, int]]

_SWAPS = MappingProxyType(
    {
        "min_horizontal": "max_horizontal",
        "max_horizontal": "min_horizontal",
        "floor": "ceil",
        "ceil": "floor",
        "first": "last",
        "last": "first",
        "is_null": "is_not_null",
        "is_not_null": "is_null",
        '"bucket_key"': '"portfolio_key"',
        '"portfolio_key"': '"bucket_key"',
    }
)
_REMOVED = frozenset({".clip", ".drop_nulls", ".fill_null", ".filter", ".round", ".sort", ".unique"})


class SwapName:
    """Take the opposite of a method, or the other level of a group."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        """Return the leaf where its text has an opposite."""
        if isinstance(node, Leaf) and node.value in _SWAPS:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Leaf, index: int) -> Leaf:  # noqa: ARG002 - the interface has it
        """Write the opposite."""
        node.value = _SWAPS[node.value]
        return node


class RemoveCall:
    """Leave a step out of a chain: `weight.clip(0)` becomes `weight`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        """Return each step of a chain that can be left out."""
        if not (isinstance(node, BaseNode) and node.type == "atom_expr"):
            return iter(())
        # A list, since cosmic-ray mutates the node before it has asked for the last position.
        return iter([(node.children[at].start_pos, node.children[at + 1].end_pos) for at in _steps(node)])

    def mutate(self, node: BaseNode, index: int) -> BaseNode:
        """Leave out the name and its brackets."""
        place = _steps(node)[index]
        del node.children[place : place + 2]
        return node


def _steps(chain: BaseNode) -> list[int]:
    """Return the places in `x.name(...)` where a name that can be left out stands before its brackets."""
    texts = [child.get_code().strip() for child in chain.children]
    return [
        place for place, (name, brackets) in enumerate(pairwise(texts)) if name in _REMOVED and brackets.startswith("(")
    ]
