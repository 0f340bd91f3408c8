"""TEDS, the tree-edit-distance-based similarity of two tables: 1 if they are equal, 0 if they have nothing in common.

The measure of Zhong, ShafieiBavani and Jimeno Yepes, "Image-based table recognition: data, model, and evaluation" (ECCV
2020). A table is a tree as in HTML: table, thead and tbody, rows, cells. TEDS = 1 - distance / nodes of the larger
tree. Adding or removing a node costs 1. Changing a cell into another costs 1 if their spans differ, otherwise the
Levenshtein distance of their texts as a share of the longer text.

The distance is that of Zhang and Shasha, "Simple fast algorithms for the editing distance between trees and related
problems" (SIAM Journal on Computing, 1989). Its quadratic time is enough for tables of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rapidfuzz.distance import Levenshtein

from slimgest_celery.formats.tables import Table, TextCell


@dataclass(kw_only=True)
class Node:
    """A node of the tree of a table."""

    name: str  # the HTML element, with the spans of a cell
    text: str = ""
    children: list[Node] = field(default_factory=list)


def teds(found: Table, truth: Table) -> float:
    """Return the similarity of two tables, from 0 to 1."""
    one, other = _Tree(to_tree(found)), _Tree(to_tree(truth))
    return 1 - _distance(one, other) / max(len(one.nodes), len(other.nodes))


def to_tree(table: Table) -> Node:
    """Return a table as a tree: table, thead and tbody, rows, cells."""
    root = Node(name="table")
    for name, is_head in (("thead", True), ("tbody", False)):
        cells = [cell for cell in table.cells if (cell.row < table.header_rows) == is_head]
        if cells:
            by_row = groupby(sorted(cells, key=lambda cell: (cell.row, cell.column)), key=lambda cell: cell.row)
            rows = [Node(name="tr", children=[_cell(cell) for cell in row]) for _, row in by_row]
            root.children.append(Node(name=name, children=rows))
    return root


def _cell(cell: TextCell) -> Node:
    return Node(name=f"td {cell.row_span} {cell.col_span}", text=" ".join(cell.text.split()))


class _Tree:
    """A tree in post-order: its nodes, the leftmost leaf below each node, and the key roots."""

    def __init__(self, root: Node) -> None:
        self.nodes: list[Node] = []
        self.leftmost: list[int] = []
        self._add(root)
        last = {leaf: index for index, leaf in enumerate(self.leftmost)}
        self.key_roots = sorted(last.values())

    def _add(self, node: Node) -> int:
        leaves = [self._add(child) for child in node.children]
        self.nodes.append(node)
        self.leftmost.append(leaves[0] if leaves else len(self.nodes) - 1)
        return self.leftmost[-1]


def _distance(one: _Tree, other: _Tree) -> float:
    distances = [[0.0] * len(other.nodes) for _ in one.nodes]
    for root in one.key_roots:
        for other_root in other.key_roots:
            _compare_subtrees(one, other, root, other_root, distances)
    return distances[-1][-1]


def _compare_subtrees(one: _Tree, other: _Tree, root: int, other_root: int, distances: list[list[float]]) -> None:
    """Set the distances of the subtrees of two key roots, by the distances of their forests."""
    first, its_first = one.leftmost[root], other.leftmost[other_root]
    size, its_size = root - first + 2, other_root - its_first + 2
    forest = [[0.0] * its_size for _ in range(size)]
    for x in range(1, size):
        forest[x][0] = forest[x - 1][0] + 1
    forest[0] = [float(y) for y in range(its_size)]
    for x, node in enumerate(range(first, root + 1), 1):
        for y, its_node in enumerate(range(its_first, other_root + 1), 1):
            whole = one.leftmost[node] == first and other.leftmost[its_node] == its_first
            if whole:
                changed = forest[x - 1][y - 1] + _cost(one.nodes[node], other.nodes[its_node])
            else:
                before, its_before = one.leftmost[node] - first, other.leftmost[its_node] - its_first
                changed = forest[before][its_before] + distances[node][its_node]
            forest[x][y] = min(forest[x - 1][y] + 1, forest[x][y - 1] + 1, changed)
            if whole:
                distances[node][its_node] = forest[x][y]


def _cost(one: Node, other: Node) -> float:
    if one.name != other.name:
        return 1.0
    return float(Levenshtein.normalized_distance(one.text, other.text)) if one.text or other.text else 0.0


def best_score(found: Sequence[Table], truth: Table) -> float:
    """Return the similarity of the most similar of the tables that were found; 0 without one."""
    return max((teds(table, truth) for table in found), default=0.0)
