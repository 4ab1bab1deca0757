"""The course as a website that needs no network and no kernel: lectures, slides, assignments, reference, guides.

`sources` copies what is public to a folder of its own, and nothing else ever meets Sphinx; `reference` adds a page for
each module of the library; `conf` says how Sphinx reads them, with `notebooks`, `docstrings` and `anchors`; `links`
follows every link of the finished pages. `python -m course.site OUT` does all.
"""
