"""Follows every link of the finished pages: is it there, is its anchor there, does nothing load from elsewhere?"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

STATIC = "_static"  # the theme leaves templates there
LOADS = {"src", "poster", "data"}
GOES_ANYWHERE = {"http", "https", "mailto"}


@dataclass
class Links:
    """What a page points to, what it loads, and the anchors that it has."""

    to: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links = Links()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.links.anchors.add(value or "")
            elif name == "href" and tag in {"a", "area"}:
                self.links.to.add(value or "")
            elif name == "srcset":  # files with their widths: "a.png 1x, b.png 2x"
                self.links.loaded |= {choice.split()[0] for choice in (value or "").split(",") if choice.strip()}
            elif name in LOADS or (name == "href" and tag != "base"):
                self.links.loaded.add(value or "")


def faults(out: Path) -> list[str]:
    """What is wrong with the links of all pages below `out`, a sentence each."""
    files = sorted(path for path in out.rglob("*.html") if STATIC not in path.parts)
    pages = {path.resolve(): links_of(path) for path in files}
    found = []
    for path, links in pages.items():
        shown = path.relative_to(out.resolve())
        for link in sorted(links.to | links.loaded):
            if fault := fault_of(link, link in links.loaded, path, pages):
                found.append(f"{shown}: {link} {fault}")
    return found


def links_of(path: Path) -> Links:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.links


def fault_of(link: str, loaded: bool, page: Path, pages: dict[Path, Links]) -> str:
    """What is wrong with one link of a page, or nothing."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return "is no address"
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        if loaded:
            return "is loaded from elsewhere"
        return "" if parts.scheme in GOES_ANYWHERE else "leads nowhere"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return "is not there"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "has no such anchor"
    return ""
