"""Sends tensors whose headers reach beyond their bytes: shapes, strides, offsets and buffers that are not there.

Every number of a header is checked against the bytes that came with it.
"""

from tests.attacks.answers import CHANNEL

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
LIES = [
    {"shape": [1000000]}, {"stride": [1 << 39]}, {"offset": 1 << 39}, {"storage": 5}, {"shape": [-1]},
    {"shape": [0, 1 << 39, 1 << 39], "stride": [1, 1, 1]}, {"dtype": "quint8"}, {"shape": [1] * 5000},
    {"dtype": "complex128"}, {"stride": [-1]}, {"shape": "2"}, {"offset": 0.5},
]


def softmax(scores, dim=-1):
    row = {"dtype": "float32", "shape": [2], "stride": [1], "offset": 0, "storage": 0, "grad": False}
    lie = LIES[torch.randint(len(LIES), ()).item()]
    reply(bytes(8), value={"tensor": 0}, tensors=[{**row, **lie}], changed=[], states={}, graph=None)
    return scores
"""
}
