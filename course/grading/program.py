"""What a student process runs for one exercise: setup, given, the helpers that the answer needs, the answer.

Exercises don't lean on each other: earlier names are the *given* implementations, unless the exercise says that it
`needs` the student's own. Of helper cells and of the answers to other exercises only the definitions run that the
answer reaches, statement by statement, so that an endless loop elsewhere costs nothing here.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from course.grading.notebook import Exercise, Source, plain_python
from course.grading.own_work import Finding, bound_names, find_forbidden
from course.grading.rebuild import Rebuilt

GIVEN = Path(__file__).parent.parent / "given"


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
    given_names = {
        name for earlier in source.before(exercise) if earlier.id not in exercise.needs for name in earlier.names
    }
    wanted = set(exercise.names)
    own = _bound(answers.values())
    elsewhere = given_names | own | _bound(cell.source for cell in source.setup)
    others = [plain_python(cell.source) for cell in rebuilt.cells if cell.grade_id not in answers]
    helpers = definitions(others, _loaded(answers.values()) | (wanted - own), without=elsewhere)
    # A definition added between the answer and its tests replaces the answer's, as it does in a kernel.
    late = definitions(_cells_below(source, rebuilt, exercise), wanted)
    missing = wanted - own - _bound(helpers)
    if len(answers) < len(exercise.answers) and missing:
        return Program(problem=("missing", f"the answer cell is missing: nothing defines {', '.join(sorted(missing))}"))
    given = definitions([_given_source(source.assignment)], given_names, keep_imports=True)
    chunks = [
        *((cell.grade_id, cell.source) for cell in (*source.setup, *source.given)),
        *(("given", code) for code in given),
        *(("<a helper cell>", code) for code in helpers),
        *((f"<{grade_id}>", code) for grade_id, code in answers.items()),
        *(("<a helper cell>", code) for code in late),
    ]
    setup = [cell.source for cell in source.setup]
    forbidden = find_forbidden([*answers.values()], [*helpers, *late], setup, exercise.forbids, [*exercise.names])
    return Program(chunks, None, forbidden)


def _answers(rebuilt: Rebuilt, exercise: Exercise) -> dict[str, str]:
    submitted = rebuilt.answers
    return {
        cell.grade_id: plain_python(submitted[cell.grade_id]) for cell in exercise.answers if cell.grade_id in submitted
    }


def _cells_below(source: Source, rebuilt: Rebuilt, exercise: Exercise) -> list[str]:
    """The student's own cells between the answer to the exercise and the last of its tests."""
    index_of = {cell.metadata.get("nbgrader", {}).get("grade_id"): i for i, cell in enumerate(source.nb.cells)}
    if not exercise.answers or not exercise.tests:
        return []
    first, last = index_of[exercise.answers[-1].grade_id], index_of[exercise.tests[-1].grade_id]
    return [plain_python(cell.source) for cell in rebuilt.cells if cell.grade_id is None and first <= cell.after < last]


def _bound(sources: Iterable[str]) -> set[str]:
    return {
        name
        for code in sources
        if not _syntax_error(code)
        for stmt in ast.parse(code).body
        for name in bound_names(stmt)
    }


def definitions(
    sources: list[str], names: set[str], without: set[str] = frozenset(), keep_imports: bool = False
) -> list[str]:
    """The top-level statements of `sources` that bind `names`, and what they draw on in turn, in their order.

    without: names that are bound elsewhere; statements are not taken for their sake.
    """
    statements = [statement for source in sources if not _syntax_error(source) for statement in ast.parse(source).body]
    taken: set[int] = set()
    wanted = set(names) - without
    while True:
        before = len(taken)
        for index, statement in enumerate(statements):
            is_import = keep_imports and isinstance(statement, ast.Import | ast.ImportFrom)
            if index not in taken and (is_import or (bound_names(statement) | _changed_names(statement)) & wanted):
                taken.add(index)
                wanted |= _loaded([statement]) - without
        if len(taken) == before:
            break
    return [ast.unparse(statements[index]) for index in sorted(taken)]


def _changed_names(statement: ast.stmt) -> set[str]:
    """The name whose object a statement changes without binding it: `table["a"] = 1`, `cache.append(x)`."""
    if isinstance(statement, ast.Assign):
        places = [target for target in statement.targets if isinstance(target, ast.Subscript | ast.Attribute)]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        places = [statement.value.func] if isinstance(statement.value.func, ast.Attribute) else []
    else:
        places = []
    roots = set()
    for place in places:
        while isinstance(place, ast.Subscript | ast.Attribute):
            place = place.value
        if isinstance(place, ast.Name):
            roots.add(place.id)
    return roots


def _loaded(code: Iterable[str | ast.stmt]) -> set[str]:
    """Every name that is read somewhere in the code (sources or statements)."""
    trees = [ast.parse(part) if isinstance(part, str) else part for part in code]
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


@lru_cache(maxsize=1024)
def _syntax_error(code: str) -> SyntaxError | None:
    try:
        compile(code, "<cell>", "exec", dont_inherit=True)
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
