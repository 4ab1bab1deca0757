"""What is looked for on a page in the browser: formulas that stayed TeX, and what axe has against it."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What the theme does, the same on any site that it makes: the reasons are its own markup, around the pages' text.
OF_THE_THEME = {
    "region": "the site's title stands outside of the sidebar's landmark (sphinx-book-theme's navbar-logo)",
    "summary-name": "the sidebar's triangles have no text of their own (pydata-sphinx-theme's collapsible lists)",
}
# Axe reads no MathML, which is what MathJax gives to screen readers: a header that is a formula looks empty to it. And
# the formulas' drawings are hidden from screen readers; they are most of what it would look at.
NOT_FOR_AXE = [["th:has(mjx-assistive-mml)"], ["mjx-container > svg"]]

TYPESET = "async () => { await document.fonts.ready; await window.MathJax?.startup?.promise; }"
RAW = r"""() => [...document.querySelectorAll('.math')]
    .filter(e => !e.querySelector('mjx-container') || e.querySelector('mjx-merror, [data-mjx-error]'))
    .map(e => e.textContent.trim().slice(0, 80))"""
# TeX that was never taken for a formula: in running text, outside of code.
STRAY = r"""() => {
    const walker = document.createTreeWalker(document.querySelector('article, main'), NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node; (node = walker.nextNode()); )
        if (!node.parentElement.closest('pre, code, script, style, mjx-container') &&
            /\$[^$\n]+\$|\\(frac|sum|sqrt|text|mathrm|alpha|top|in)\b/.test(node.data))
            found.push(node.data.trim().slice(0, 80));
    return found;
}"""


def open_page(page: Page, address: str) -> None:
    """Open a page, and wait until its formulas are drawn."""
    page.emulate_media(reduced_motion="reduce")  # else colours may be on their way from light to dark
    page.goto(address)
    page.evaluate(TYPESET)


def raw_tex(page: Page) -> list[str]:
    """The beginnings of formulas that are still TeX."""
    return page.evaluate(RAW) + page.evaluate(STRAY)


def violations(page: Page) -> list[str]:
    """What axe finds that is not of the theme's making: the rule and the first place."""
    found = Axe().run(page, context={"exclude": NOT_FOR_AXE}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["id"] not in OF_THE_THEME]
