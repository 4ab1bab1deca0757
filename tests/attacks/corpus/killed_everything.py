"""Sends SIGKILL to everything that it may send it to: process 1, its group, all processes.

All of them are the attacker's own.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
HARMS = "it would end every process"
# Only where it is fenced in: there its own number is small, and process 1 is Python or can't be seen.
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import os
import signal

try:
    with open("/proc/1/comm") as file:
        fenced = file.read().startswith(("python", "course", "student"))
except OSError:
    fenced = True
if fenced and os.getpid() < 50:
    for kill, number in ((os.kill, 1), (os.kill, os.getppid()), (os.killpg, 0), (os.kill, -1)):
        try:
            kill(number, signal.SIGKILL)
        except (OSError, ValueError):
            pass
"""
}
