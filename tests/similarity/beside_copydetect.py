"""The same copies through copydetect, the tool that might have done: `python -m tests.similarity.beside_copydetect`.

copydetect has no class to weigh with: a copy is found where the larger similarity of the two reaches a threshold. It is
given the same notebooks and textbook as boilerplate.
"""

from collections import defaultdict
from functools import cache
from io import StringIO
from itertools import combinations

from copydetect import CodeFingerprint, compare_files
from copydetect.utils import filter_code, get_document_fingerprints

from tests.similarity.corpus import ROOT, Written, answers, sources
from tests.similarity.measure import copies, percent

SIZE, WINDOW = 25, 6  # its defaults: noise threshold 25, guarantee threshold 30
THRESHOLDS = (0.33, 0.5, 0.7, 0.8, 0.9)  # the first is its default


@cache
def boilerplate(assignment: str) -> list[int]:
    """The fingerprints of the notebook and the textbook, as copydetect makes them."""
    texts = [cell.source for cell in sources()[assignment].nb.cells if cell.cell_type == "code"]
    texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "course" / "models").glob("*.py"))]
    return list(set().union(*(get_document_fingerprints(filter_code(text, "x.py")[0], SIZE, 1)[0] for text in texts)))


def prints(written: Written, text: str) -> CodeFingerprint:
    return CodeFingerprint("answer.py", SIZE, WINDOW, boilerplate(written.assignment), fp=StringIO(text))


def likeness(first: CodeFingerprint, second: CodeFingerprint) -> float:
    return max(compare_files(first, second)[1])


def table() -> str:
    """Right × right pairs and copies that reach each threshold, in Markdown."""
    right: dict[str, dict[Written, CodeFingerprint]] = defaultdict(dict)
    for written in answers("right"):
        right[written.exercise][written] = prints(written, written.text)
    alone = [likeness(a, b) for group in right.values() for a, b in combinations(group.values(), 2)]
    copied: dict[str, list[float]] = defaultdict(list)
    for copy in copies():
        original = right[copy.original.exercise][copy.original]
        copied[copy.disguise].append(likeness(original, prints(copy.original, copy.text)))
    lines = [
        f"| threshold | right × right shown | all copies | {' | '.join(copied)} |",
        "| --- " * (len(copied) + 3) + "|",
    ]
    for threshold in THRESHOLDS:
        hits = {name: [value >= threshold for value in values] for name, values in copied.items()}
        every = percent([hit for values in hits.values() for hit in values])
        shown = sum(value >= threshold for value in alone)
        lines.append(
            f"| {threshold} | {shown} of {len(alone):,} | {every} | {' | '.join(map(percent, hits.values()))} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
