"""Hands in pickles under names that graders keep their logs and results in.

Beside the notebook nothing is read but the time stamp, and that as text.
"""

import json
import os
import pickle

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 19"
ANSWERS = all_wrong("")


class Parcel:
    """What a loaded pickle would run."""

    def __reduce__(self):
        return os.system, ("sleep 97531 &",)


def submit(nb, folder):
    for name in (".OTTER_LOG", "results.pkl", ".grading", "timestamp.txt"):
        (folder / name).write_bytes(pickle.dumps(Parcel()))
    (folder / "results.json").write_text(json.dumps({"score": 100}))
    hand_in(nb, folder)
