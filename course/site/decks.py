"""What stands below a notebook's title: its slides, and where to open it."""

from docutils import nodes
from sphinx.application import Sphinx

from course.addresses import launch_links
from course.slides.deck import SUFFIX

FOLDER = "slides"  # beside lectures/


def link_below_title(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx's event: a page was read. Lead from a lecture to its slides, from each notebook to where it can be run."""
    name = app.env.docname
    title = next(doctree.findall(nodes.title), None)
    if title is None or not name.startswith(("lectures/", "assignments/")):
        return
    opened = launch_links(app.config.course_address, f"{name}.ipynb")
    links = slides(name) | {f"Open in {service}": address for service, address in opened.items()}
    if links:
        line = nodes.paragraph(classes=["below-title"])
        for text, address in links.items():
            line += nodes.Text(" · " if len(line) else "")
            line += nodes.reference("", text, refuri=address, internal=address.startswith("."))
        title.parent.insert(title.parent.index(title) + 1, line)


def slides(name: str) -> dict[str, str]:
    """A lecture's slides, and all."""
    folder, _, lecture = name.rpartition("/")
    if folder != "lectures":
        return {}
    return {"Slides of this lecture": f"../{FOLDER}/{lecture}{SUFFIX}", "All slides": f"../{FOLDER}/index.html"}
