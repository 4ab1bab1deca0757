"""What `course ci` shows: a table in Markdown, and annotations as GitHub's runner reads them.

Messages hold what a student's code said. In Markdown it is escaped; in a workflow command it can end neither the
line nor the property that it stands in.
"""

import re
from collections.abc import Iterator

from course.ci.notebook import Findings
from course.grading.selfcheck import Row

SIGNS = {"passed": "✅", "not_attempted": "▫️", "manual_pending": "📖", "ungraded": "▫️"}
RED, LONGEST = "❌", 200
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~$@])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def summary(findings: list[Findings], why: str) -> str:
    """The job's summary: a table of exercises for each notebook. why: which notebooks these are."""
    parts = ["## Exercises", "", markdown(f"Checked: {why}.") if findings else markdown(f"Nothing to check: {why}.")]
    for found in findings:
        parts += ["", f"### {markdown(found.notebook)}", ""]
        parts += [f"{RED} {markdown(found.problem)}"] if found.problem else []
        parts += ["No exercises in it: nothing to check."] if found.foreign else []
        parts += _table(found) if found.rows else []
    return "\n".join(parts) + "\n"


def _table(found: Findings) -> Iterator[str]:
    yield "| | exercise | visible tests | hidden | outputs | what they say |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    failed = {row.exercise for row in found.failed}
    for row in found.rows:
        sign = RED if row.exercise in failed else SIGNS.get(row.status, "▫️")
        points = f"{row.earned:g} of {row.visible:g}" if row.visible else ""
        hidden = f"+ {row.hidden:g}" if row.hidden else ""
        said = "<br>".join(markdown(message) for message in row.messages) or markdown(row.status.replace("_", " "))
        name = markdown(f"{row.exercise} {row.title}")
        yield f"| {sign} | {name} | {points} | {hidden} | {_outputs(found, row)} | {said} |"
    earned, visible = sum(row.earned for row in found.rows), sum(row.visible for row in found.rows)
    yield ""
    yield f"Visible tests: {earned:g} of {visible:g} points. Hidden ones run when the assignment is graded."
    for output in found.differing:
        yield ""
        yield markdown(f"{output.exercise}, output of {output.cell}: {output.status}") + _beside(output)
    for note in (*found.notes, *([f"outputs: {found.unvalidated}"] if found.unvalidated else [])):
        yield ""
        yield f"Note: {markdown(note)}"


def _outputs(found: Findings, row: Row) -> str:
    marked = [output for output in found.outputs if output.marked and output.exercise == row.exercise]
    if not marked or row.exercise not in found.attempted:
        return ""
    return f"{sum(output.status == 'same' for output in marked)} of {len(marked)} as expected"


def _beside(output: object) -> str:
    if output.status != "differs":
        return ""
    return f"<br>expected: {markdown(output.expected)}<br>got: {markdown(output.got)}"


def annotations(found: Findings) -> Iterator[str]:
    """An error for each exercise that was begun and fails, a warning for each output that differs."""
    if found.problem:
        yield command("error", found.problem, file=found.notebook, line=1, title="cannot be checked")
    for row in found.failed:
        message = "; ".join(message.rstrip(".") for message in row.messages) or row.status.replace("_", " ")
        title, line = f"{row.exercise} {row.title}", found.lines.get(row.exercise, 1)
        yield command("error", message, file=found.notebook, line=line, title=title)
    for output in found.differing:
        message = f"{output.cell}: the output is not as in the reference ({output.status}). This costs no points."
        line = found.lines.get(output.exercise, 1)
        yield command("warning", message, file=found.notebook, line=line, title=f"{output.exercise} output")


def command(name: str, message: str, **properties: object) -> str:
    """A workflow command in one line, escaped as actions/toolkit does: `::error file=…,line=…::message`."""
    pairs = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name} {pairs}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """A text in one line of Markdown that shows as it is: no markup, no HTML, no cell of a table, no mention."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", line).replace("://", ":&#47;/")
