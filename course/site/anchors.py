"""Links between pages, which are written for GitHub and JupyterLab as well.

Each makes another anchor of a heading, and all are understood; names of files become titles, for a site has no files.
"""

import re

from docutils import nodes
from docutils.transforms import Transform
from myst_parser.slugs import github_slugify
from sphinx import addnodes

FRONT, INDEX = "README", "index"
FILE = re.compile(r"[\w./-]+\.md")


def slug(text: str) -> str:
    """The anchor of a heading, or of another anchor of it: JupyterLab's `Queries,-keys` and GitHub's `queries-keys`."""
    return github_slugify(text)


class Anchors(Transform):
    """Makes the site's anchors of those in links, leads links to the README to the index, and names pages by title."""

    default_priority = 870  # before myst-parser looks for what links lead to (879)

    def apply(self, **kw: object) -> None:
        for link in self.document.findall(nodes.reference):
            if link.get("id_link"):
                link["refuri"] = f"#{slug(link['refuri'].removeprefix('#'))}"
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link["reftype"] == "myst" and link["refdomain"] == "doc":
                link["reftarget"] = INDEX if link["reftarget"] == FRONT else link["reftarget"]
                link["reftargetid"] = slug(link["reftargetid"]) if link["reftargetid"] else None
                if FILE.fullmatch(link.astext()):
                    link["refexplicit"] = False  # myst-parser fills in the title
                    link.replace_self(nodes.emphasis("", "", link.deepcopy()))
