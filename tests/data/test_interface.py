"""The interface's texts: right lengths, no placeholders, no repeats; what is missing or damaged is said in one line."""

import json
import sys

import pytest

from course.data import interface
from course.data.vocabulary import normalize
from course.errors import CourseError


def test_known_translations_are_there():
    pairs = dict(interface.pairs())
    assert pairs["Delete this cell"] == "Supprimer cette cellule"
    assert pairs["Show Notifications"] == "Afficher les notifications"


def test_the_corpus_has_the_size_that_its_datasheet_tells():
    assert 1800 < len(interface.pairs()) < 3000  # 2,083 with the version that was tested


@pytest.mark.parametrize(("least", "most"), [(2, 12), (1, 3), (5, 5)])
def test_both_sides_have_the_words_asked_for(least, most):
    pairs = interface.pairs(least, most)
    counts = {len(side.split()) for pair in pairs for side in pair}
    assert counts == set(range(least, most + 1))


def test_there_is_no_code_no_repeat_and_nothing_untranslated():
    pairs = interface.pairs(1, 10_000)
    assert not [pair for pair in pairs if set("%{}<>`") & set(pair.english + pair.french)]
    assert all(pair.english != pair.french for pair in pairs)
    assert len({normalize(pair.english) for pair in pairs}) == len(pairs)


def test_the_order_is_always_the_same():
    assert interface.pairs() == interface.pairs() == sorted(interface.pairs())


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """Put one catalogue of one's own in the package's place."""
    package = tmp_path / "small_pack"
    folder = package / "locale/fr_FR/LC_MESSAGES"
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(interface, "PACKAGE", "small_pack")
    yield folder / "small.json"
    sys.modules.pop("small_pack", None)


def test_entries_are_read_as_gettext_writes_them(catalogue):
    entries = {
        "": {"domain": "small"},
        "menu\x04Open file": ["Ouvrir le fichier"],
        "One cell": ["Une cellule", "Des cellules"],
        "open  FILE": ["Ouvrir un fichier"],
        "Open %1 now": ["Ouvrir %1 maintenant"],
        "Two\nlines": ["Deux\nlignes"],
        "JSON Schema": ["JSON Schema"],
        "See a_name": ["Voir a_name"],
    }
    catalogue.write_text(json.dumps(entries), encoding="utf-8")
    assert interface.pairs() == [("One cell", "Une cellule"), ("Open file", "Ouvrir le fichier")]


@pytest.mark.parametrize("text", ['{"Open file": ["Ouv', '["Open file"]', '{"Open file": []}', '{"Open file": null}'])
def test_a_damaged_catalogue_is_named_in_one_line(catalogue, text):
    catalogue.write_text(text)
    with pytest.raises(CourseError, match=r"small\.json is damaged; pip install --force-reinstall") as caught:
        interface.pairs()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("package", ["no_such_language_pack", "json"])
def test_a_missing_package_says_what_to_install(monkeypatch, package):
    monkeypatch.setattr(interface, "PACKAGE", package)
    with pytest.raises(CourseError, match="pip install jupyterlab-language-pack-fr-FR"):
        interface.pairs()
