"""Sends a pickle to the judge where a frame is expected.

Its first bytes read as a length beyond any limit; the process counts as gone.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "research §3, 20"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
import pickle


class Parcel:
    def __reduce__(self):
        return os.system, ("sleep 97531 &",)


channel().sendall(pickle.dumps(Parcel()))
"""
    + WRONG_SOFTMAX
}
