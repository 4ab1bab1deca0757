"""The published table, docs/attacks.md: what each attack tries, and what two graders make of it."""

import re

from tests.attacks.classroom import Attack

HEAD = """# Attacks on the grader

Each row is a submission of `tests/attacks/corpus/`, handed in beside honest ones. Points are *given of deserved*,
without the five of an open question; in bold where an attack earned what it should not. `tests/attacks/test_attacks.py`
holds the last column in every run of the tests: no undeserved point, full points for the honest, nothing of a hidden
test in feedback.

The same corpus was run against stock nbgrader 0.9.6, each attack in a course of its own, with the same target: three
small exercises whose tests use `course.check`. nbgrader does not claim to withstand this: its documentation says so,
and points to containers, which would stop some of these rows and none of those that forge points inside a kernel.
Attacks that could harm a machine without a fence were not run there.

{summary}

| attack | from | what is tried | stock nbgrader 0.9.6 | `course grade` |
| --- | --- | --- | --- | --- |
"""
TAIL = """
"research §3" is a survey of attacks on nbgrader and otter-grader, made before this grader was written; its last row, F,
is no attack but the opposite: right answers that warn. `python -m tests.attacks.stock` makes this page again.

## What this does not stop

- An answer sees the inputs that it is called with. They are drawn anew for each student from a secret of the course; a
  test should not rest on the secrecy of numbers that its author wrote down.
- What an exercise forbids to call is looked for in the text, and watched while it runs; a determined student can hide a
  call from both.
- A kernel exploit would leave the sandbox.
"""


def markdown(attacks: list[Attack], stock: dict[str, str], ours: dict[str, str]) -> str:
    """The page."""
    rows = [
        f"| `{a.name}` | {a.source} | {_cell(a.tries)} | {_cell(stock[a.name])} | {_cell(ours[a.name])} |"
        for a in attacks
    ]
    run = [words for words in stock.values() if not words.startswith("not run")]
    fooled = sum("**" in words for words in run)
    here = f"; here {sum('**' in words for words in ours.values())} do" if any(ours.values()) else ""
    summary = (
        f"{len(attacks)} submissions. Of {len(run)} that stock nbgrader was given, {fooled} earned what they did not "
        f"deserve{here}."
    )
    return HEAD.format(summary=summary) + "\n".join(rows) + "\n" + TAIL


def read(page: str) -> dict[str, str]:
    """attack -> what the page says of stock nbgrader."""
    rows = (re.split(r"(?<!\\)\|", line) for line in page.splitlines() if line.startswith("| `"))
    return {row[1].strip(" `"): row[4].strip() for row in rows}


def _cell(text: str) -> str:
    """Text inside a table: no bar, no tag."""
    return text.replace("|", "\\|").replace("<", "&lt;")
