"""What a student process runs for one exercise: setup, given, the helpers that the answer needs, the answer.

Exercises don't lean on each other: earlier names are the *given* implementations, unless the exercise says that it
`needs` the student's own. Of helper cells and of the answers to other exercises only the definitions run that the
answer reaches, statement by statement, so that an endless loop elsewhere costs nothing here. Where a name is defined
more than once, what stands above the exercise's last test counts, as it does in a kernel that runs from top to bottom.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from course.grading.notebook import Exercise, Source, grade_id_of, plain_python, stub_of
from course.grading.own_work import Finding, bound_names, find_forbidden, own_nodes, read_names
from course.grading.rebuild import Rebuilt, StudentCell, code_of

GIVEN = Path(__file__).parent.parent / "given"
# Magics that run the code that follows them, which is then what counts.
CELL_MAGIC = re.compile(r"\A(\s*)%%(?:time|timeit|capture|prun)\b[^\n]*")
LINE_MAGIC = re.compile(r"(?m)^([ \t]*(?:[^\W\d]\w*[ \t]*=[ \t]*)?)%time[ \t]+(?=\S)")
FUTURE = "from __future__ import annotations"
# What shows a value does not change it.
SHOWS = {"print", "display", "repr", "str", "type", "help"}


@dataclass
class Program:
    """chunks: (label, code) in the order in which they run; labels in angle brackets are the student's cells.

    problem: why the answer can't run at all ("missing", message), or None.
    """

    chunks: list[tuple[str, str]] = field(default_factory=list)
    problem: tuple[str, str] | None = None
    forbidden: list[Finding] = field(default_factory=list)


def program_for(source: Source, rebuilt: Rebuilt, exercise: Exercise) -> Program:
    """The program of one exercise of one submission."""
    answers = _answers(rebuilt, exercise)
    for code in answers.values():
        if error := _syntax_error(code):
            return Program(problem=("error", f"SyntaxError: {error.msg} (line {error.lineno} of the answer)"))
    others = [cell for cell in rebuilt.cells if cell.grade_id not in answers]
    above, below = _above_and_below(source, exercise, others)
    if _is_untouched(exercise, answers) and not _bound([*above, *below]) & exercise.names.keys():
        return Program(problem=("not_attempted", "not attempted yet"))
    given_names = {
        name for earlier in source.before(exercise) if earlier.id not in exercise.needs for name in earlier.names
    }
    wanted = set(exercise.names)
    own = _bound(answers.values())
    set_up = _bound(cell.source for cell in source.setup)
    needed = _loaded(answers.values()) | (wanted - own)
    helpers = definitions(above, needed, without=given_names | own, set_up=set_up, below=below)
    if any(FUTURE in code for code in above):  # in a kernel it holds for every cell that follows
        helpers = [f"{FUTURE}\n{code}" for code in helpers if "__future__" not in code]
    stars = _star_imports([*above, *answers.values()])
    # A definition added between the answer and its tests replaces the answer's, as it does in a kernel.
    late = definitions(_cells_below(source, rebuilt, exercise), wanted)
    missing = wanted - own - _bound(helpers)
    if len(answers) < len(exercise.answers) and missing:
        for cell in exercise.answers:
            if cell.grade_id in rebuilt.left_out:
                return Program(problem=("missing", rebuilt.left_out[cell.grade_id]))
        return Program(problem=("missing", f"the answer cell is missing: nothing defines {', '.join(sorted(missing))}"))
    given = definitions([_given_source(source.assignment)], given_names, keep_imports=True)
    # Of given cells (a baseline, figures) only what the answer reaches: their imports take time.
    drawn_on = definitions([cell.source for cell in source.given], _loaded([*answers.values(), *helpers, *late]))
    chunks = [
        *(("<a helper cell>", code) for code in stars),  # first: what has a name of its own is not hidden by them
        *((cell.grade_id, cell.source) for cell in source.setup),
        ("a given cell", "\n".join(drawn_on)),
        ("given", "\n".join(given)),
        *(("<a helper cell>", code) for code in helpers),
        *((f"<{grade_id}>", code) for grade_id, code in answers.items()),
        *(("<a helper cell>", code) for code in late),
    ]
    setup = [cell.source for cell in source.setup]
    forbidden = find_forbidden(
        [*answers.values()], [*stars, *helpers, *late], setup, exercise.forbids, [*exercise.names]
    )
    return Program(chunks, None, forbidden)


def _answers(rebuilt: Rebuilt, exercise: Exercise) -> dict[str, str]:
    submitted = rebuilt.answers
    return {
        cell.grade_id: as_python(submitted[cell.grade_id]) for cell in exercise.answers if cell.grade_id in submitted
    }


def _is_untouched(exercise: Exercise, answers: dict[str, str]) -> bool:
    """Is every answer cell what was handed out, but for comments and layout? Then there is nothing to run."""
    pairs = [(answers.get(cell.grade_id, ""), stub_of(cell.source)) for cell in exercise.answers]
    return bool(pairs) and all("NotImplementedError" in own and code_of(own) == code_of(stub) for own, stub in pairs)


def as_python(source: str) -> str:
    """A cell's text as Python. What a magic such as %%time times is run as it stands; line numbers stay."""
    return plain_python(LINE_MAGIC.sub(r"\1", CELL_MAGIC.sub(r"\1#", source)))


def _above_and_below(source: Source, exercise: Exercise, cells: list[StudentCell]) -> tuple[list[str], list[str]]:
    """The text of cells that stand above the last test of the exercise, and of those below it."""
    _, last = _places(source, exercise)
    above = [as_python(cell.source) for cell in cells if cell.after < last]
    return above, [as_python(cell.source) for cell in cells if cell.after >= last]


def _cells_below(source: Source, rebuilt: Rebuilt, exercise: Exercise) -> list[str]:
    """The student's own cells between the answer to the exercise and the last of its tests."""
    first, last = _places(source, exercise)
    return [as_python(cell.source) for cell in rebuilt.cells if cell.grade_id is None and first <= cell.after < last]


def _places(source: Source, exercise: Exercise) -> tuple[int, int]:
    """Where in the source notebook the last answer cell and the last test cell of an exercise stand."""
    index_of = {grade_id_of(cell): index for index, cell in enumerate(source.nb.cells)}
    if not exercise.answers or not exercise.tests:
        return 0, 0
    return index_of[exercise.answers[-1].grade_id], index_of[exercise.tests[-1].grade_id]


def _bound(sources: Iterable[str]) -> set[str]:
    return {name for statement in _statements(sources) for name in _bound_by(statement)}


def definitions(
    sources: list[str],
    names: set[str],
    without: set[str] = frozenset(),
    keep_imports: bool = False,
    set_up: set[str] = frozenset(),
    below: list[str] = (),
) -> list[str]:
    """The top-level statements of `sources` that bind `names`, and what they draw on in turn, in their order.

    without: names that are bound elsewhere; statements are not taken for their sake.
    set_up: names that the setup cells bind: a statement that binds one anew is taken, a call (`torch.set_…`) is not.
    below: sources that are asked only for what `sources` do not bind.
    """
    statements = [(statement, _reach(statement, set_up)) for statement in _statements(sources)]
    bound_above = _bound(sources)
    statements += [(statement, _reach(statement, set_up) - bound_above) for statement in _statements(below)]
    by_name: dict[str, list[int]] = {}
    for index, (_, reach) in enumerate(statements):
        for name in reach:
            by_name.setdefault(name, []).append(index)
    is_import = [keep_imports and isinstance(statement, ast.Import | ast.ImportFrom) for statement, _ in statements]
    queue = [index for index, kept in enumerate(is_import) if kept]
    queue += [index for name in names - without for index in by_name.get(name, ())]
    taken: set[int] = set()
    while queue:  # each statement is looked into once: a chain of helpers may be long
        index = queue.pop()
        if index not in taken:
            taken.add(index)
            for name in read_names(statements[index][0]) - without:
                queue += by_name.pop(name, ())
    return [_text(statements[index][0]) for index in sorted(taken)]


def _text(statement: ast.stmt) -> str:
    try:
        return ast.unparse(statement)
    except (RecursionError, ValueError, MemoryError):  # nested too deeply, a number of 5,000 digits: nobody writes it
        return "# This statement can't be written down."


def _statements(sources: Iterable[str]) -> list[ast.stmt]:
    return [statement for source in sources if not _syntax_error(source) for statement in _parse(source).body]


def _reach(statement: ast.stmt, set_up: set[str]) -> set[str]:
    """The names that a statement binds, or whose objects it changes: `table["a"] = 1`, `seen.append(x)`, `fill_(w)`."""
    assigned, called = _changes(statement)
    return assigned | (called - set_up)


# Found once for all exercises: a submission may hold a million characters.
_bound_by = lru_cache(maxsize=4096)(bound_names)


@lru_cache(maxsize=4096)
def _changes(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement binds or assigns to, and those whose objects a call in it may change."""
    assigned, called = set(_bound_by(statement)), set()
    for node in (statement, *own_nodes(statement)):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            assigned |= _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called |= _changed_by(node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                called |= _changed_by(decorator) if isinstance(decorator, ast.Call) else _root(decorator)
    return assigned, called


def _changed_by(call: ast.Call) -> set[str]:
    """The names whose objects a call for its own sake may change: what has the method, and what is handed over."""
    if isinstance(call.func, ast.Name) and call.func.id in SHOWS:
        return set()
    return {arg.id for arg in call.args if isinstance(arg, ast.Name)} | _root(call.func)


def _root(place: ast.expr) -> set[str]:
    """The name that `name.part[0].part` begins with; nothing for a bare name."""
    inner = place
    while isinstance(inner, ast.Subscript | ast.Attribute):
        inner = inner.value
    return {inner.id} if isinstance(inner, ast.Name) and inner is not place else set()


def _star_imports(sources: Iterable[str]) -> list[str]:
    """`from math import *`, wherever it stands: what it binds has no names to be found by."""
    imports = [statement for statement in _statements(sources) if isinstance(statement, ast.ImportFrom)]
    return [ast.unparse(statement) for statement in imports if statement.names[0].name == "*"]


def _loaded(sources: Iterable[str]) -> set[str]:
    """Every name that the sources read and that is not a function's own variable."""
    return {name for source in sources for name in read_names(_parse(source))}


@lru_cache(maxsize=1024)
def _parse(code: str) -> ast.Module:
    """The syntax tree, made once; nobody changes it."""
    return ast.parse(code)


@lru_cache(maxsize=1024)
def _syntax_error(code: str) -> SyntaxError | None:
    try:
        compile(code, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:
        return SyntaxError(f"{type(error).__name__}: the cell can't be compiled")
    return None


def given_path(assignment: str) -> Path:
    """The stand-ins for the exercises of an assignment: course/given/a01_attention.py for 01-attention."""
    return GIVEN / f"a{assignment.replace('-', '_')}.py"


def _given_source(assignment: str) -> str:
    path = given_path(assignment)
    return path.read_text(encoding="utf-8") if path.exists() else ""
