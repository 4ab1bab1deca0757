"""Right and wrong answers to the target's exercises, and two pieces of code that many attacks begin with."""

RIGHT = {
    "A8_1-answer": """def softmax(scores, dim=-1):
    powers = (scores - scores.amax(dim, keepdim=True)).exp()
    return powers / powers.sum(dim, keepdim=True)
""",
    "A8_2-answer": """class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return x * self.weight + self.bias
""",
    "A8_3-answer": """def mean_of(numbers):
    return sum(numbers) / len(numbers)
""",
}
SOFTMAX = RIGHT["A8_1-answer"]
SCALE = RIGHT["A8_2-answer"]
MEAN = RIGHT["A8_3-answer"]

WRONG_SOFTMAX = """
def softmax(scores, dim=-1):
    return scores
"""
WRONG_SCALE = SCALE.replace("x * self.weight + self.bias", "x")
WRONG_MEAN = """
def mean_of(numbers):
    return -1.0
"""


def all_wrong(before: str) -> dict[str, str]:
    """Wrong answers to everything, the first one with an attack before it."""
    return {"A8_1-answer": before + WRONG_SOFTMAX, "A8_2-answer": WRONG_SCALE, "A8_3-answer": WRONG_MEAN}


# Finds the socket to the judge among the open files, and sends frames of the attacker's making down it.
CHANNEL = """
import json
import os
import socket
import stat
import struct


def channel():
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found = socket.socket(fileno=os.dup(number))
                if found.family == socket.AF_UNIX:
                    return found
        except OSError:
            pass
    raise OSError("there is no channel")


def send_frame(head, body=b""):
    channel().sendall(struct.pack("!Q", len(head)) + head + body)


def reply(body=b"", **header):
    send_frame(json.dumps({"sizes": [len(body)] if body else [], **header}).encode(), body)
"""

# Finds the course's root: among the folders where this process and its ancestors stand, and all above those.
ROOTS = '''
import glob
import os


def roots():
    pid, places = os.getpid(), [os.getcwd()]
    while pid > 1:
        try:
            places.append(os.readlink(f"/proc/{pid}/cwd"))
            with open(f"/proc/{pid}/stat") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            break
    for place in places:
        while place != os.path.dirname(place):
            if os.path.isdir(place + "/solutions/08-target"):
                yield place
            place = os.path.dirname(place)


def first(pattern):
    """The first file of the course that fits the pattern."""
    for root in roots():
        for path in glob.glob(os.path.join(root, pattern)):
            return path
    raise FileNotFoundError(pattern)
'''
