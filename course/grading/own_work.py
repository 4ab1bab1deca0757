"""Which forbidden calls an answer reaches: resolved from the source text, never by running it.

An exercise that asks for a softmax forbids torch's. A name counts as what it was imported or assigned as, wherever the
alias was made; what stands in comments, strings and in helpers that the answer does not reach does not count. What
is put together at run time (`getattr` with a computed name, `exec`) is not seen here: this is evidence, not a proof.
"""

import ast
from collections.abc import Collection
from dataclasses import dataclass

TENSOR = "torch.Tensor."


@dataclass(frozen=True)
class Finding:
    """A forbidden call: its full name, and the line of the cell (0 is the answer's, 1.. the helpers') it stands in."""

    call: str
    line: int
    cell: int

    def __str__(self) -> str:
        where = f"line {self.line}" if self.cell == 0 else f"line {self.line} of a helper cell"
        return f"{self.call} is what this exercise asks you to write ({where})"


def find_forbidden(
    answer_sources: list[str],
    helper_sources: list[str],
    setup_sources: list[str],
    forbids: tuple[str, ...] | list[str],
    names: list[str] | tuple[str, ...] | None = None,
) -> list[Finding]:
    """The forbidden calls that an answer reaches, in the order of the text.

    names: what the exercise asks for; calls count when one of these definitions reaches them. Without names every
    statement of the answer cells counts. Sources are plain Python; one with a syntax error reaches nothing.
    """
    answers, helpers = _parse_all(answer_sources), _parse_all(helper_sources)
    scope = _Scope([*_parse_all(setup_sources), *helpers, *answers])
    definitions: dict[str, list[tuple[ast.stmt, int]]] = {}
    roots: list[tuple[ast.stmt, int]] = []
    for index, tree in enumerate([*answers, *helpers]):
        cell = max(0, index - len(answers) + 1)
        for statement in tree.body:
            bound = bound_names(statement)
            for name in bound:
                definitions.setdefault(name, []).append((statement, cell))
            if cell == 0 and (names is None or bound & set(names)):
                roots.append((statement, cell))
    findings: dict[Finding, None] = {}
    seen: set[int] = set()
    queue = roots
    while queue:
        statement, cell = queue.pop(0)
        if id(statement) in seen:
            continue
        seen.add(id(statement))
        for node in ast.walk(statement):
            for call in scope.meanings(node, definitions.keys()) & set(forbids):
                findings[Finding(call, node.lineno, cell)] = None
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                queue.extend(definitions.get(node.id, ()))
    return list(findings)


def bound_names(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement binds, wherever in it; bodies of functions and classes are not entered."""
    names: set[str] = set()
    queue: list[ast.AST] = [statement]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        queue.extend(ast.iter_child_nodes(node))
    return names


def _parse_all(sources: list[str]) -> list[ast.Module]:
    return [tree for tree in map(_parse, sources) if tree is not None]


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Scope:
    """What names mean: imports, star imports and assignments of one name to another, wherever they stand."""

    def __init__(self, trees: list[ast.Module]):
        self.aliases: dict[str, str] = {}
        self.stars: list[str] = []
        self.own_attributes: set[str] = set()
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.aliases[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.append(node.module or "")
                    else:
                        self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.ClassDef):
                self.own_attributes |= {name for statement in node.body for name in bound_names(statement)}
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.own_attributes.add(node.attr)
        # An alias may be made of an alias; a few rounds settle any chain that a person would write.
        for _ in range(4):
            for node in nodes:
                if isinstance(node, ast.Assign) and (meaning := self.dotted(node.value)):
                    for target in node.targets:
                        if isinstance(target, ast.Name) and target.id != meaning:
                            self.aliases.setdefault(target.id, meaning)

    def dotted(self, node: ast.AST) -> str | None:
        """`F.softmax` -> "torch.nn.functional.softmax", as far as imports and aliases tell."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            target, name = (*node.args, None, None)[:2]
            base = self.dotted(target) if target else None
            if base and isinstance(name, ast.Constant) and isinstance(name.value, str):
                return f"{base}.{name.value}"
        return None

    def meanings(self, node: ast.AST, defined: Collection[str]) -> set[str]:
        """Every full name that an expression may stand for: a resolved name, a star import's, a tensor's method.

        defined: the names that the submission itself defines; a star import does not speak for those.
        """
        if meaning := self.dotted(node):
            return {meaning}
        if isinstance(node, ast.Name) and node.id not in defined:
            return {f"{module}.{node.id}" for module in self.stars}
        if isinstance(node, ast.Attribute) and not self._is_own(node):
            return {TENSOR + node.attr}
        return set()

    def _is_own(self, node: ast.Attribute) -> bool:
        """`self.softmax` is the student's where a class of theirs has such an attribute."""
        return isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in self.own_attributes
