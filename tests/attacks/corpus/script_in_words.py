"""Writes scripts into its answer in words: as tags, links, pictures, mathematics, attachments, and in pieces.

Of markdown only the words are the student's; tags are text, and links lead to the web or nowhere.
"""

from nbformat.v4 import new_markdown_cell

from tests.attacks.target import find, hand_in

SOURCE = "this design"
WORDS = """<script>alert(97531)</script> <\x07script>alert(97531)<\x07/script>
$<\x1b[0mscript>alert(97531)<\x1b[0m/script>$

<img src=x onerror=alert(97531)> <svg/onload=alert(97531)> <iframe srcdoc='<script>alert(97531)</script>'>

[link](javascript:alert(97531)) [link](java\tscript:alert(97531)) <javascript:alert(97531)> [x]: data:text/html,x

![picture](attachment:x.svg) ![x](x"onerror="alert(97531)) $$<\u200eimg src=x onerror=alert(97531)>$$
"""


def submit(nb, folder):
    words = find(nb, "A8_4-words")
    words.source = WORDS
    words.attachments = {"x.svg": {"image/svg+xml": "<svg onload=alert(97531)/>"}}
    nb.cells.append(new_markdown_cell(WORDS))
    find(nb, "A8_1-answer").source += "\n# </pre><script>alert(97531)</script>\n"
    hand_in(nb, folder)
