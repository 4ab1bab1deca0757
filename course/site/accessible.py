"""What Sphinx writes that a screen reader stumbles over, mended in the finished text of a page."""

import re

from sphinx.application import Sphinx

# The empty corner of a table is not the header of anything.
EMPTY_HEADER = re.compile(r"<th( class=\"[^\"]*\")?>(<p></p>)?</th>")
# The parameters of a signature, one a line: <dd> without the <dt> that a <dl> asks for.
PARAMETERS = re.compile(r"<dl>\s*((?:<dd>.*?</dd>\s*)+)</dl>", re.DOTALL)


def mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Sphinx's event: the page's text is about to be put into its frame."""
    if "body" in context:
        context["body"] = mended(context["body"])


def mended(html: str) -> str:
    html = EMPTY_HEADER.sub(r"<td\1></td>", html)
    return PARAMETERS.sub(lambda match: f'<div class="sig-params">{divs(match[1])}</div>', html)


def divs(html: str) -> str:
    return html.replace("<dd>", "<div>").replace("</dd>", "</div>")
