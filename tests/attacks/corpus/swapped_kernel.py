"""Names a kernel that runs nothing and always succeeds.

No kernel is started for a grade.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 31"
ANSWERS = all_wrong("")


def submit(nb, folder):
    nb.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    hand_in(nb, folder)
