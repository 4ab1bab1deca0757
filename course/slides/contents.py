"""The page that lists the lectures."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from course.slides.deck import Deck


def write_contents(out: Path, decks: list[Deck], home: str = "") -> Path:
    """Write OUT/index.html, with a link to the page `home` if there is one, and return its path."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = out / "index.html"
    page.write_text(environment.get_template("contents.html.j2").render(decks=decks, home=home), encoding="utf-8")
    return page
