"""What people do to an answer that they copied, done by machine: name -> a function of (text, random generator).

Each keeps what the answer computes (`rewritten` up to rounding). Layout and comments go in all but the first, since the
text is printed anew from its syntax tree.
"""

import ast
import builtins
import copy
import re
from collections.abc import Callable
from random import Random

NEW_NAMES = "data result tmp value out foo item current buf total entry left right mid aux first second part".split()
REMARKS = ["# compute the result", "# see the lecture", "# this was hard", "# shapes: batch first", "# TODO tidy up"]


def verbatim(text: str, rng: Random) -> str:
    return text


def reformatted(text: str, rng: Random) -> str:
    """Other layout, comments, a docstring in each function, blank lines."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            if rng.random() < 0.5:
                node.body.insert(0, ast.Expr(ast.Constant(f"Does what {node.name} should do.")))
    lines = []
    for line in ast.unparse(tree).splitlines():
        if rng.random() < 0.25 and not line.startswith(" " * 12):
            lines.append(re.match(r" *", line).group() + rng.choice(REMARKS))
        lines.append(line + ("  # ok" if rng.random() < 0.1 and '"""' not in line else ""))
        if rng.random() < 0.2:
            lines.append("")
    return "\n".join(lines)


def renamed(text: str, rng: Random) -> str:
    """Local variables, loop variables and positional parameters get other names; what tests call keeps its own."""
    tree = ast.parse(text)
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound -= {s.id for stmt in tree.body for s in ast.walk(stmt) if isinstance(stmt, ast.Assign) and s in stmt.targets}
    bound -= {arg.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for arg in (*n.args, *n.kwonlyargs)}
    positional = {
        arg.arg
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef | ast.Lambda)
        for arg in n.args.args[: max(0, len(n.args.args) - len(n.args.defaults))]
    } - {"self"}
    new = dict(zip(sorted(bound | positional), _fresh_names(rng), strict=False))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in new and not hasattr(builtins, node.id):
            node.id = new[node.id]
        elif isinstance(node, ast.arg) and node.arg in new:
            node.arg = new[node.arg]
    return ast.unparse(tree)


def _fresh_names(rng: Random):
    names = list(NEW_NAMES)
    rng.shuffle(names)
    yield from names
    yield from (f"{name}_{number}" for number in range(1, 100) for name in names)


def reordered(text: str, rng: Random) -> str:
    """Functions in another order, and neighbouring statements swapped where neither needs the other."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and len(block) > 1:
                _swap(block, rng)
    defs = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if all(not node.decorator_list for node in defs) and not any(getattr(n, "bases", None) for n in defs):
        order = iter(rng.sample(defs, len(defs)))
        tree.body = [next(order) if node in defs else node for node in tree.body]
    return ast.unparse(tree)


def _swap(block: list[ast.stmt], rng: Random) -> None:
    index = 0
    while index + 1 < len(block):
        if _independent(block[index], block[index + 1]) and rng.random() < 0.8:
            block[index], block[index + 1] = block[index + 1], block[index]
            index += 1
        index += 1


def _independent(first: ast.stmt, second: ast.stmt) -> bool:
    """Two plain assignments, neither of which binds what the other speaks of. Calls are taken as pure."""
    if not all(isinstance(node, ast.Assign | ast.FunctionDef) for node in (first, second)):
        return False
    return not (_bound(first) & _named(second) or _bound(second) & _named(first))


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    return {n.id if isinstance(n, ast.Name) else n.attr for t in node.targets for n in ast.walk(t) if _is_target(n)}


def _is_target(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)


def _named(node: ast.stmt) -> set[str]:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def padded(text: str, rng: Random) -> str:
    """Dead code: a helper that nobody calls, assignments that nobody reads, branches that are never taken."""
    tree = ast.parse(text)
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef):
            for _ in range(rng.randint(1, 3)):
                node.body.insert(rng.randint(0, len(node.body) - 1), ast.parse(_dead_line(rng)).body[0])
    tree.body.insert(0, ast.parse(_dead_helper(rng)).body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def _dead_line(rng: Random) -> str:
    name = rng.choice(NEW_NAMES)
    lines = [
        f"{name} = {rng.randint(2, 99)}",
        f"unused = [{name} for {name} in range({rng.randint(2, 9)})]",
        f"if False:\n    print('never', {rng.randint(2, 99)})",
        f"_ = 'step {rng.randint(1, 9)}'.upper()",
    ]
    return rng.choice(lines)


def _dead_helper(rng: Random) -> str:
    return rng.choice(
        [
            "def show(x, name='x'):\n    print(name, tuple(x.shape), x.dtype)\n    return x",
            "def clamp(x, low, high):\n    if x < low:\n        return low\n    return high if x > high else x",
            "def count(items):\n    total = 0\n    for item in items:\n        total += 1\n    return total",
        ]
    )


def rewritten(text: str, rng: Random) -> str:
    """Line by line in other words: x + y as y + x, @ as torch.matmul, results named before they are returned."""
    tree = _Rewriter(rng).visit(ast.parse(text))
    return ast.unparse(ast.fix_missing_locations(tree))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, rng: Random):
        self.rng = rng

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            return ast.Call(
                ast.Attribute(ast.Name("torch", ast.Load()), "matmul", ast.Load()), [node.left, node.right], []
            )
        if isinstance(node.op, ast.Add | ast.Mult) and not _holds_text_or_list(node):
            node.left, node.right = node.right, node.left
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        mirrored = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq}
        if len(node.ops) == 1 and type(node.ops[0]) in mirrored:
            return ast.Compare(node.comparators[0], [mirrored[type(node.ops[0])]()], [node.left])
        return node

    def visit_Return(self, node: ast.Return) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        if node.value is None or isinstance(node.value, ast.Name | ast.Constant):
            return node
        return [ast.Assign([ast.Name("answer", ast.Store())], node.value), ast.Return(ast.Name("answer", ast.Load()))]

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        return ast.Assign([node.target], ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value))


def _holds_text_or_list(node: ast.expr) -> bool:
    kinds = ast.List | ast.Tuple | ast.JoinedStr | ast.ListComp
    return any(
        isinstance(n, kinds) or (isinstance(n, ast.Constant) and isinstance(n.value, str)) for n in ast.walk(node)
    )


def in_pieces(text: str, rng: Random) -> str:
    """Half of the first function's body in a function of its own, where names allow; else the text as it is."""
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and len(node.body) >= 2 and (cut := _cut(node)):
            head, names = cut
            helper = copy.deepcopy(node)
            helper.name, helper.args.defaults, helper.args.kw_defaults = (
                "first_part",
                [],
                [None] * len(node.args.kwonlyargs),
            )
            given = [arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)]
            result = ast.Tuple([ast.Name(n, ast.Load()) for n in names], ast.Load())
            helper.body = [*node.body[:head], ast.Return(result)]
            count = len(node.args.args)
            arguments = ", ".join([*given[:count], *(f"{name}={name}" for name in given[count:])])
            node.body = [*ast.parse(f"({', '.join(names)},) = first_part({arguments})").body, *node.body[head:]]
            tree.body.insert(tree.body.index(node), helper)
            break
    return ast.unparse(ast.fix_missing_locations(tree))


def _cut(node: ast.FunctionDef) -> tuple[int, list[str]] | None:
    """How many statements the first half has, and the names it binds; None where it can't be a function."""
    head = max(1, len(node.body) // 2)
    first = node.body[:head]
    if any(isinstance(n, ast.Return | ast.Yield | ast.FunctionDef) for s in first for n in ast.walk(s)):
        return None
    names = sorted(
        {n.id for s in first for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    )
    return (head, names) if names and all(isinstance(s, ast.Assign) for s in first) else None


def all_of_it(text: str, rng: Random) -> str:
    """Renamed, reordered, padded and laid out anew."""
    for disguise in (reordered, renamed, padded, reformatted):
        text = disguise(text, rng)
    return text


DISGUISES: dict[str, Callable[[str, Random], str]] = {
    "verbatim": verbatim,
    "reformatted": reformatted,
    "renamed": renamed,
    "reordered": reordered,
    "padded": padded,
    "in pieces": in_pieces,
    "rewritten": rewritten,
    "all of it": all_of_it,
}
