"""Never returns, and ignores the signals that would make it.

SIGKILL can't be ignored.
"""

SOURCE = "research §3, 24"
ANSWERS = {
    "A8_1-answer": """
import signal

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)


def softmax(scores, dim=-1):
    while True:
        pass
"""
}
