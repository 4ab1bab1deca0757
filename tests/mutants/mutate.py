"""Mutants of an answer: its text with one small slip in it, made by machine and not by imagination.

mutmut (BSD licence) knows which slips: operators exchanged, numbers changed, arguments dropped, conditions forced.
Added here are those of this field (a mean for a sum, a sine for a cosine) and statements that are left out.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

EXCHANGED = [("sum", "mean"), ("max", "min"), ("argmax", "argmin"), ("maximum", "minimum"), ("tril", "triu")]
EXCHANGED += [("log", "exp"), ("cos", "sin"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("amax", "amin")]
EXCHANGE = {old: new for pair in EXCHANGED for old, new in (pair, pair[::-1])}


@dataclass(frozen=True)
class Mutant:
    """A changed answer cell. change: the lines that differ, "old -> new"."""

    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a cell, in the order of its text, each once. Annotations, docstrings, errors' words stay."""
    module = cst.parse_module(source)
    places = _Places()
    module.visit(places)
    texts = dict.fromkeys(module.deep_replace(old, new).code for old, new in places.found)
    return [Mutant(_change(source, text), text) for text in texts if _plain(text) != _plain(source)]


def _plain(source: str) -> str:
    """None in the place of False does the same."""
    return source.replace("False", "None")


def _change(before: str, after: str) -> str:
    """The lines that differ, without their indentation and comments, in one line."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    old, new = (" ⏎ ".join(_bare(line[2:]) for line in lines if line.startswith(mark)) for mark in "-+")
    return f"{old} -> {new}"


def _bare(line: str) -> str:
    return line.partition("  #")[0].strip()


def _exchanged(node: cst.Name) -> Iterator[cst.Name]:
    """The other one of a pair that is easily mixed up."""
    if node.value in EXCHANGE:
        yield node.with_changes(value=EXCHANGE[node.value])


def _one_less(node: cst.Integer) -> Iterator[cst.BaseExpression]:
    """mutmut adds one."""
    yield cst.parse_expression(f"({node.evaluated_value - 1})")


def _left_out(line: cst.SimpleStatementLine) -> Iterator[cst.SimpleStatementLine]:
    """A line that is there for what it does, and is missing."""
    is_text = isinstance(line.body[0], cst.Expr) and isinstance(line.body[0].value, cst.SimpleString)
    if isinstance(line.body[0], cst.Expr | cst.Raise | cst.AugAssign) and not is_text:
        yield line.with_changes(body=[cst.Pass()])


def _never(branch: cst.If) -> Iterator[cst.If]:
    """A case that is not distinguished."""
    yield branch.with_changes(test=cst.Name("False", lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))


OPERATORS = [
    *mutation_operators,
    (cst.Name, _exchanged),
    (cst.Integer, _one_less),
    (cst.SimpleStatementLine, _left_out),
    (cst.If, _never),
]


class _Places(cst.CSTVisitor):
    """Collects (node, changed node)."""

    def __init__(self) -> None:
        self.found: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation):
            return False
        self.found.extend((node, changed) for changed in _changes(node))
        return not isinstance(node, cst.Raise)


def _changes(node: cst.CSTNode) -> Iterable[cst.CSTNode]:
    for kind, operator in OPERATORS:
        if isinstance(node, kind):
            yield from operator(node)
