"""What a page would load that it doesn't bring along."""

import re
from html.parser import HTMLParser

STYLE_LOADS = re.compile(r"(?:@import\s+|url\(\s*)['\"]?((?:[a-z]+:)?//[^'\")\s]+)", re.IGNORECASE)
SCRIPT_LOADS = re.compile(r"\b(?:import|from)\b[\s(]*['\"]((?:[a-z]+:)?//[^'\"]+)", re.IGNORECASE)


class Loads(HTMLParser):
    """Collects what a browser fetches for a page without being asked to."""

    def __init__(self):
        super().__init__()
        self.urls: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        for name, value in attributes:
            if (
                name in {"src", "srcset", "poster", "data"}
                or (name == "href" and tag in {"link", "image", "use"})
                or name == "xlink:href"
            ):
                self.urls.append(value or "")
            elif name == "style":
                self.urls += STYLE_LOADS.findall(value or "")

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.urls += STYLE_LOADS.findall(data)
        elif self.inside == "script":
            self.urls += SCRIPT_LOADS.findall(data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


def loads_from_elsewhere(html: str) -> list[str]:
    """What a page would load that is neither in it nor in its assets folder."""
    page = Loads()
    page.feed(html)
    return sorted({url for url in page.urls if not url.startswith(("data:", "assets/", "#"))})
