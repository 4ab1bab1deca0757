"""Hands in cells without a type, with lists for ids and numbers for grade_ids.

A notebook of no notebook's form earns nothing, or what its readable answers are worth; the class goes on.
"""

import json

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "this design"
ANSWERS = all_wrong("")


def submit(nb, folder):
    path = hand_in(nb, folder)
    data = json.loads(path.read_text())
    del data["cells"][1]["cell_type"]
    data["cells"][3]["metadata"]["nbgrader"]["grade_id"] = 7
    path.write_text(json.dumps(data))
