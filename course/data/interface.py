"""JupyterLab's own interface in English and French: real sentences, few and hard.

Datasheet
    What: short texts of menus, buttons, messages and settings, "Restart the kernel" → "Redémarrer le noyau".
    From: the package `jupyterlab-language-pack-fr-FR` (tested with 4.5.post3), 17 catalogues of JupyterLab and its
        extensions. Nothing is downloaded.
    Licence: BSD-3, Project Jupyter Contributors.
    Size: 2,083 pairs of 2 to 12 words (of 3,198 texts), about 1,200 English and 1,350 French words.
    Made: translated by volunteers. Here: the singular of texts with a plural; no line breaks; left out are texts with
        placeholders, code or markup (`%1`, `{}`, backticks, <tags>: one text in nine), texts that stayed as they are,
        and texts that repeat another up to case.
    Good for: what too little data does to a model; byte-pair encoding, as most words are rare; BLEU on real text.
    Flaws: a small set, so scores move by several points with the split; commands and labels more than sentences; a few
        translations are loose, some follow no French typography ("Connecté:"); text may change with the version.
    Splits: none of its own; the English sides are distinct, see `course.data.splits`.
"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from course.data.splits import Pair
from course.data.vocabulary import normalize
from course.errors import CourseError

PACKAGE, PIP_NAME = "jupyterlab_language_pack_fr_FR", "jupyterlab-language-pack-fr-FR"
_CATALOGUES = "locale/fr_FR/LC_MESSAGES"
_CONTEXT_END = "\x04"  # gettext writes "context\x04text"
_NO_PROSE = re.compile(r"[%{}<>`\\$\n_]|://")


def pairs(min_words: int = 2, max_words: int = 12) -> list[Pair]:
    """All pairs whose two sides have `min_words` to `max_words` words, in alphabetical order.

    Raises:
        CourseError: the package is not installed, or a catalogue in it is damaged.
    """
    found: dict[str, Pair] = {}
    for english, french in sorted(set(_texts())):
        pair = Pair(" ".join(english.split()), " ".join(french.split()))
        fits = all(min_words <= len(side.split()) <= max_words for side in pair)
        if fits and pair.english != pair.french and not _NO_PROSE.search(english + french):
            found.setdefault(normalize(pair.english), pair)
    return list(found.values())


def _texts() -> Iterator[tuple[str, str]]:
    for catalogue in _catalogues():
        try:
            entries = json.loads(catalogue.read_text(encoding="utf-8"))
            # The entry "" is about the catalogue itself; of singular and plural the singular comes first.
            yield from ((key.split(_CONTEXT_END)[-1], forms[0]) for key, forms in entries.items() if key)
        except (ValueError, AttributeError, LookupError, TypeError) as problem:
            raise CourseError(f"{catalogue} is damaged; pip install --force-reinstall {PIP_NAME}") from problem


def _catalogues() -> list[Traversable]:
    try:
        folder = files(PACKAGE) / _CATALOGUES
        found = [entry for entry in folder.iterdir() if entry.name.endswith(".json")]
    except (ModuleNotFoundError, FileNotFoundError) as problem:
        raise CourseError(f"JupyterLab's French texts are not installed; pip install {PIP_NAME}") from problem
    return sorted(found, key=lambda entry: entry.name)
