"""Which forbidden calls an answer reaches: resolved from the source text, never by running it.

An exercise that asks for a softmax forbids torch's. A name counts as what it was imported or assigned as, wherever the
alias was made; what stands in comments, strings and in helpers that the answer does not reach does not count, nor does
a variable or a method of the student's own that happens to have such a name. What is put together at run time
(`getattr` with a computed name, `exec`) is not seen here: this is evidence, not a proof.
"""

import ast
import unicodedata
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

TENSOR = "torch.Tensor."


@dataclass(frozen=True)
class Finding:
    """A forbidden call: its full name, and the line of the cell (0 is the answer's, 1.. the helpers') it stands in.

    A call that was seen while the answer ran has no line where it stands in no cell (`exec` of a string).
    """

    call: str
    line: int | None
    cell: int

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.call} is what this exercise asks you to write (called while the answer ran)"
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

    names: what the exercise asks for; calls count when one of these definitions reaches them, in whichever cell it
    stands. Without names every statement of the answer cells counts. Sources are plain Python; one with a syntax error
    reaches nothing.
    """
    if not _may_name(forbids, [*answer_sources, *helper_sources]):
        return []
    answers, helpers = _parse_all(answer_sources), _parse_all(helper_sources)
    scope = _Scope([*_parse_all(setup_sources), *helpers, *answers])
    definitions: dict[str, list[tuple[ast.stmt, int]]] = {}
    queue: list[tuple[ast.stmt, int]] = []
    for index, tree in enumerate([*answers, *helpers]):
        cell = max(0, index - len(answers) + 1)
        for statement in _without_replaced(tree.body):
            bound = bound_names(statement)
            for name in bound:
                definitions.setdefault(name, []).append((statement, cell))
            if (cell == 0) if names is None else bound & set(names):
                queue.append((statement, cell))
    findings: dict[Finding, None] = {}
    seen: set[int] = set()
    while queue:
        statement, cell = queue.pop(0)
        if id(statement) in seen:
            continue
        seen.add(id(statement))
        called = {id(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)}
        for node, frames in scope.walk(statement):
            for call in scope.meanings(node, frames, definitions.keys(), id(node) in called) & set(forbids):
                findings[Finding(call, node.lineno, cell)] = None
            if isinstance(node, ast.Name) and not _is_local(node.id, frames):
                queue.extend(definitions.get(node.id, ()))
    return list(findings)


def _without_replaced(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a cell without definitions that a later one of the same name replaces, read by none before."""
    kinds = ast.FunctionDef | ast.ClassDef
    kept = []
    for index, statement in enumerate(body):
        if isinstance(statement, kinds) and not statement.decorator_list:
            rest = body[index + 1 :]
            later = next((i for i, s in enumerate(rest) if isinstance(s, kinds) and s.name == statement.name), None)
            if later is not None:
                head = rest[later]
                outside = [*head.decorator_list, head.args] if isinstance(head, ast.FunctionDef) else [head]
                if not any(_reads(node, statement.name) for node in [*rest[:later], *outside]):
                    continue
        kept.append(statement)
    return kept


def _reads(tree: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _may_name(forbids: Collection[str], sources: list[str]) -> bool:
    """Does the last word of a forbidden call stand anywhere in the text? However it is spelled, it must."""
    words = {call.rpartition(".")[2] for call in forbids}
    texts = [unicodedata.normalize("NFKC", source) for source in sources]  # as Python reads names
    return any(word in text for word in words for text in texts)


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


@lru_cache(maxsize=4096)  # trees are parsed once, too, and nobody changes them
def read_names(tree: ast.AST) -> frozenset[str]:
    """The names that a piece of code reads, without the variables of its functions."""
    nodes = _Scope([]).walk(tree)
    return frozenset(n.id for n, frames in nodes if isinstance(n, ast.Name) and _reads_module(n, frames))


def _reads_module(node: ast.Name, frames: "Frames") -> bool:
    return isinstance(node.ctx, ast.Load) and not _is_local(node.id, frames)


def _parse_all(sources: list[str]) -> list[ast.Module]:
    return [tree for tree in map(_parse, sources) if tree is not None]


@lru_cache(maxsize=1024)
def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass
class _Frame:
    """The names that a function binds for itself, and what those stand for that are aliases."""

    bound: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)


Frames = tuple[_Frame, ...]  # innermost first


def _is_local(name: str, frames: Frames) -> bool:
    return any(name in frame.bound for frame in frames)


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `root` that are not inside a function below it; such a function itself is among them."""
    queue = deque(ast.iter_child_nodes(root))
    while queue:
        node = queue.popleft()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            queue.extend(ast.iter_child_nodes(node))


class _Scope:
    """What names mean: imports, star imports and assignments of one name to another, each where it holds."""

    def __init__(self, trees: list[ast.Module]):
        self.stars: list[str] = []
        self.own_attributes: set[str] = set()
        self.own_objects = {"self", "cls"}
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                self.stars.append(node.module or "")
            elif isinstance(node, ast.ClassDef):
                self.own_objects.add(node.name)
                self.own_attributes |= {name for statement in node.body for name in bound_names(statement)}
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.own_attributes.add(node.attr)
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and self._is_own_object(node.value):
                self.own_objects |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        self.module = _Frame()
        self._fill(self.module, [node for tree in trees for node in own_nodes(tree)], ())
        self._frames: dict[int, _Frame] = {}

    def _fill(self, frame: _Frame, nodes: list[ast.AST], outer: Frames) -> None:
        """Note what these nodes bind, and which of these names are aliases."""
        shared = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
        for node in nodes:
            if isinstance(node, ast.arg):
                frame.bound.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                frame.bound.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                frame.bound.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    frame.bound.add(name)
                    if alias.name != "*":
                        frame.aliases[name] = origin + (alias.name if origin or alias.asname else name)
        frame.bound -= shared
        # An alias may be made of an alias; a few rounds settle any chain that a person would write.
        for _ in range(4):
            for node in nodes:
                if isinstance(node, ast.Assign) and (meaning := self.dotted(node.value, (frame, *outer))):
                    for target in node.targets:
                        if isinstance(target, ast.Name) and target.id != meaning:
                            frame.aliases.setdefault(target.id, meaning)

    def walk(self, statement: ast.stmt, outer: Frames = ()) -> Iterator[tuple[ast.AST, Frames]]:
        """Every node of a statement, with the frames of the functions around it."""
        queue: deque[tuple[ast.AST, Frames]] = deque([(statement, outer)])
        while queue:
            node, frames = queue.popleft()
            yield node, frames
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                if id(node) not in self._frames:
                    self._frames[id(node)] = _Frame()
                    self._fill(self._frames[id(node)], list(own_nodes(node)), frames)
                frames = (self._frames[id(node)], *frames)
            queue.extend((child, frames) for child in ast.iter_child_nodes(node))

    def dotted(self, node: ast.AST, frames: Frames = ()) -> str | None:
        """`F.softmax` -> "torch.nn.functional.softmax", as far as imports and aliases tell."""
        path: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                path.append(node.attr)
                node = node.value
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "getattr"
                and len(node.args) > 1
                and isinstance(node.args[1], ast.Constant)
                and isinstance(node.args[1].value, str)
            ):
                path.append(node.args[1].value)
                node = node.args[0]
            else:
                break
        if not isinstance(node, ast.Name):
            return None
        frame = next((frame for frame in frames if node.id in frame.bound), self.module)
        base = frame.aliases.get(node.id)
        return ".".join([base, *reversed(path)]) if base else None

    def meanings(self, node: ast.AST, frames: Frames, defined: Collection[str], is_called: bool) -> set[str]:
        """Every full name that an expression may stand for: a resolved name, a star import's, a tensor's method.

        defined: the names that the submission itself defines; a star import does not speak for those, nor for local
        variables. is_called: whether the expression is what a call calls.
        """
        if isinstance(node, ast.Name | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return set()
        if meaning := self.dotted(node, frames):
            return {meaning}
        if isinstance(node, ast.Name) and node.id not in defined and not _is_local(node.id, frames):
            return {f"{module}.{node.id}" for module in self.stars}
        if isinstance(node, ast.Attribute) and not self._is_own(node, is_called):
            return {TENSOR + node.attr}
        return set()

    def _is_own(self, node: ast.Attribute, is_called: bool) -> bool:
        """`self.softmax` and `Own.softmax` are the student's where a class of theirs has such an attribute.

        Of an object that is not known to be theirs, only what is not called is: `options.softmax`.
        """
        return node.attr in self.own_attributes and (not is_called or self._is_own_object(node.value))

    def _is_own_object(self, node: ast.AST) -> bool:
        """`self`, a class of the student's, an instance of one, or a part of these."""
        while isinstance(node, ast.Call | ast.Attribute):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and node.id in self.own_objects
