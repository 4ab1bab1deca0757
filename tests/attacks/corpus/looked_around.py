"""Lists and reads what a course's folder holds: the secret, the gradebook, the stand-ins, the tests.

The sandbox has a list of what is visible, and none of this is on it.
"""

from tests.attacks.answers import ROOTS

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": ROOTS
    + """
import course


def softmax(scores, dim=-1):
    found = []
    package = os.path.dirname(course.__file__)
    for name in ("given", "models", "../solutions", "../tests", "../nbgrader_config.py", "../.git"):
        if os.path.exists(os.path.join(package, name)):
            found.append(name)
    for pattern in (".grading/secret", "decoy.txt"):
        try:
            with open(first(pattern)) as file:
                found.append(file.read())
        except OSError:
            pass
    if found:
        raise RuntimeError("GOT" + "-IN to " + " ".join(found))
    return scores
"""
}
