"""What a student wrote for each exercise, as one text: the answer cells, and the added cells that they draw on."""

import ast
import re

from course.grading.notebook import Source, defined_names, plain_python, role_of, stub_of
from course.grading.rebuild import MAX_CELL_CHARACTERS, Rebuilt, StudentCell, code_of

WORD = re.compile(r"\w+")
# Pygments needs the square of their number of steps: 100,000 blanks behind the word "match" take it a minute.
LONG_BLANK = re.compile(r"[ \t]{100,}")


def answer_texts(source: Source, submitted: Rebuilt) -> dict[str, str]:
    """exercise -> text, for the exercises that the student touched. Added cells stand below the answer.

    An added cell belongs to the exercise in whose section it stands, and to each whose text names what it defines: an
    answer that is spread over cells is whole again. Neither its place nor its length hides an answer, and one that is
    no Python is left out: it never ran.
    """
    helpers = [cell for cell in submitted.cells if cell.grade_id is None and _is_python(cell.source)]
    texts = {}
    for exercise in source.exercises:
        answers = [submitted.answers.get(cell.grade_id, "") for cell in exercise.answers]
        if all(_is_stub(theirs, ours.source) for theirs, ours in zip(answers, exercise.answers, strict=True)):
            answers = []
        here = [cell for cell in helpers if _section(source, cell) == exercise.id]
        if answers or here:
            own = "\n\n".join(_helpers_of(answers, helpers, here))[:MAX_CELL_CHARACTERS]
            text = "\n\n".join(cell.strip("\n") for cell in (*answers, own))
            texts[exercise.id] = LONG_BLANK.sub(" ", text).strip("\n")
    return {exercise: text for exercise, text in texts.items() if text.strip()}


def _is_stub(theirs: str, ours: str) -> bool:
    return not theirs.strip() or code_of(theirs) == code_of(stub_of(ours))


def _helpers_of(answers: list[str], helpers: list[StudentCell], here: list[StudentCell]) -> list[str]:
    """The helpers that belong to these answers, in the order of the notebook."""
    found: list[str] = []
    words = {word for text in answers for word in WORD.findall(text)}
    for helper in reversed(helpers):  # a helper may draw on one above it
        if helper in here or words & set(defined_names(plain_python(helper.source))):
            found.insert(0, helper.source)
            words |= set(WORD.findall(helper.source))
    return found


def _is_python(text: str) -> bool:
    try:
        ast.parse(plain_python(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _section(source: Source, cell: StudentCell) -> str:
    """The exercise whose header stands last above a cell, "" above the first."""
    for above in reversed(source.nb.cells[: cell.after + 1]):
        if role_of(above) == "exercise":
            return above.metadata["course"]["exercise"]
    return ""
