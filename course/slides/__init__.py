"""Static slides: every lecture as a reveal.js deck with speaker notes, which needs no network and no kernel.

`assets` brings reveal.js and MathJax here once, by npm; `stills` turns a stored notebook into one that needs no
kernel; `deck` makes a page of it with nbconvert; `contents` lists the decks. `python -m course.slides OUT` does all.
"""
