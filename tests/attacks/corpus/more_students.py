"""Connects to the socket that student processes are born at, and has one more made, without limits or a judge.

That socket is not in the sandbox.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + WRONG_SOFTMAX
    + """
CODE = "import subprocess; subprocess.Popen(['sleep', '97531'])"
try:
    with open(f"/proc/{os.getppid()}/cmdline") as file:
        paths = [word for word in file.read().split("\\0") if word.startswith("/") and os.path.exists(word)]
except OSError:
    paths = []
for path in paths:
    if stat.S_ISSOCK(os.stat(path).st_mode):
        more = socket.socket(socket.AF_UNIX)
        more.connect(path)
        more.settimeout(2)
        more.recv(1000)
        head = json.dumps({"op": "run", "chunks": [["<x>", CODE]], "sizes": [], "tensors": []}).encode()
        more.sendall(struct.pack("!Q", len(head)) + head)
        more.recv(1000)
"""
}
