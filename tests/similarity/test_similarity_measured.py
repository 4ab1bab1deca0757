"""docs/similarity.md says what was measured, and its page can be read by everybody."""

from pathlib import Path
from random import Random

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from course.similarity.fingerprints import fingerprints
from course.similarity.pairs import Compared, alike_in, groups_of, pairs_of_students
from course.similarity.report import similarity_html
from tests.browser.lab import FLAGS, browser_path
from tests.similarity import measure
from tests.similarity.corpus import ROOT, answers, sources
from tests.similarity.disguises import DISGUISES


@pytest.mark.nightly
def test_the_tables_of_the_docs_are_what_is_measured():
    docs = (ROOT / "docs" / "similarity.md").read_text(encoding="utf-8")
    found = measure.recall()
    assert measure.recall_table(found) in docs
    assert measure.precision_table(found) in docs
    long = [
        hit for (length, _, name), hits in found.items() if length >= 40 and name != measure.BY_HAND for hit in hits
    ]
    assert sum(long) / len(long) >= 0.98
    right = measure.false_alarms({"right"}).values()
    assert sum(shown for shown, _ in right) / sum(pairs for _, pairs in right) <= 0.005


@pytest.mark.nightly
def test_the_page_has_no_violation_and_asks_for_nothing(tmp_path: Path):
    """A group of three, so that an answer stands on the page twice."""
    source = sources()["03-transformer"]
    original = next(w for w in answers("right") if w.name == "each sentence alone, in lists")
    others = {name: DISGUISES[name](original.text, Random(1)) for name in ("padded", "all of it")}
    texts = {"ada": original.text, "bob": others["padded"], "<cyd>": others["all of it"]}
    prints = {student: fingerprints(text).hashes for student, text in texts.items()}
    pairs = pairs_of_students(alike_in(source.assignment, "A3.9", prints, set()))
    groups = groups_of([pair.students for pair in pairs])
    unread = [("eve", "no notebook was handed in")]
    page_path = tmp_path / "similarity.html"
    compared = Compared(source, pairs, groups, {"A3.9": texts}, measure.given(source.assignment), unread)
    page_path.write_text(similarity_html([compared]), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_path.as_uri())
        page.get_by_role("link", name="A3.9").nth(1).click()
        assert page.locator("details.compared").nth(1).get_attribute("open") is not None
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert Axe().run(page).response["violations"] == []
        page.set_viewport_size({"width": 420, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        browser.close()
    assert requests == [page_path.as_uri()]
