"""How Sphinx makes the site; `course.site.__main__` adds what depends on the course's settings."""

from typing import Any

from sphinx.application import Sphinx

from course.site.accessible import mend
from course.site.anchors import Anchors
from course.site.decks import link_below_title
from course.site.docstrings import process, skip

project = "Attention and transformers"
author = ""
language = "en"

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
root_doc = "index"
exclude_patterns = ["README.md"]  # the index says it
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}

# --- notebooks and Markdown: shown as they are stored
nb_execution_mode = "off"
nb_custom_formats = {".ipynb": "course.site.notebooks.read"}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 6
myst_heading_slug_func = "github"

# --- the library
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False  # what nn.Module says of `forward` says nothing of ours
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # else attributes stand there twice
napoleon_attr_annotations = False  # the signature says them
viewcode_line_numbers = True

# --- pages
html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "../slides/static/icon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_show_copyright = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system has it
toc_object_entries_show_parents = "hide"
html_sourcelink_suffix = ""  # a notebook is downloaded under its own name
html_theme_options: dict[str, Any] = {
    "navbar_persistent": [],  # else there are two search fields
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "extra_footer": "<p>Code under the MIT licence, prose under CC BY 4.0.</p>",
    "collapse_navbar": True,  # a sidebar of all pages on each page makes the site twice as large and slow
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Formulas are drawn by the MathJax that the slides have.
mathjax_path = "mathjax/es5/tex-svg.js"
mathjax3_config = {"svg": {"fontCache": "local"}, "options": {"enableMenu": False}}


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("course_address", "", "env")
    app.add_transform(Anchors)
    app.connect("doctree-read", link_below_title)
    app.connect("html-page-context", mend)
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
