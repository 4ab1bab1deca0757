"""Makes namespaces of its own, in which it is root, and mounts the machine's disk and /proc there.

No more namespaces can be made inside, and there is no device to mount.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
HARMS = "as root it would change the mounts of the process that it runs in"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
inside = os.getpid() < 50 and libc.unshare(0x10000000 | 0x00020000) == 0  # a user's and a mount namespace
mounted = inside and libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0


def softmax(scores, dim=-1):
    if mounted:
        raise RuntimeError("GOT" + "-IN to a namespace with mounts")
    return scores
"""
}
