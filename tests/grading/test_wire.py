"""What crosses the border arrives as it was; what lies about itself is refused."""

import json
import socket
import struct
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.grading import wire


def through(value, named=lambda value: None):
    """Send a value through a real socket pair and unpack what arrives."""
    packer = wire.Packer(named=named, opaque=True)
    tree = packer.pack(value)
    rows, buffers = packer.table()
    left, right = socket.socketpair()
    sender = threading.Thread(target=wire.send, args=(left, {"value": tree, "tensors": rows}, buffers))
    sender.start()
    header, raw = wire.receive(lambda count: wire.read_exactly(right, count))
    sender.join()
    left.close()
    right.close()
    return wire.unpack(header["value"], wire.unpack_table(header["tensors"], raw))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
@settings(max_examples=60, deadline=None)
def test_plain_values_keep_type_and_value(value):
    arrived = through(value)
    assert arrived == value
    assert repr(arrived) == repr(value)  # 1 is not 1.0 and not True; a tuple is no list


@pytest.mark.parametrize("dtype", wire.DTYPES.values(), ids=wire.DTYPES)
def test_tensors_keep_bits_shape_and_strides(dtype):
    base = torch.randint(0, 2, (4, 6, 5)).to(dtype)
    for tensor in (base, base.mT, base[1:, ::2], base[0, 0, 0], base[:0], base[:, :1].expand(4, 9, 5)):
        arrived = through(tensor)
        assert arrived.dtype == dtype
        assert arrived.shape == tensor.shape
        assert torch.equal(arrived, tensor)
        if tensor.numel():
            assert arrived.stride() == tensor.stride()


def test_nan_and_infinity_cross_bit_by_bit():
    tensor = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0])
    assert torch.equal(through(tensor).view(torch.int32), tensor.view(torch.int32))
    assert through(float("inf")) == float("inf")


def test_one_object_stays_one_object_and_shared_memory_stays_shared():
    x = torch.randn(7, 3)
    one, two, row = through((x, x, x[2]))
    assert one is two
    row.zero_()
    assert torch.equal(one[2], torch.zeros(3))


def test_a_view_sends_only_what_it_sees():
    packer = wire.Packer()
    packer.pack(torch.zeros(1_000_000)[500_000:500_010])
    _, buffers = packer.table()
    assert sum(map(len, buffers)) <= 10 * 4 + wire.ALIGNMENT


def test_what_has_no_form_on_the_wire_is_named_not_guessed():
    assert repr(through({1, 2})) == "<set>"
    assert isinstance(through(torch.nn.Linear(1, 1)), wire.Opaque)
    with pytest.raises(wire.WireError, match="a set can't cross"):
        wire.Packer().pack({1, 2})
    packer = wire.Packer()
    packer.pack(torch.eye(3).to_sparse())
    with pytest.raises(wire.WireError, match="only dense"):
        packer.table()


def row(**changes):
    """The header of a float32 tensor of shape (2, 3), with lies."""
    return {"dtype": "float32", "shape": [2, 3], "stride": [3, 1], "offset": 0, "storage": 0, "grad": False} | changes


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [2, 4]},
        {"shape": [2, 3, 1]},
        {"shape": [-2, -3]},
        {"shape": [True, 3]},
        {"shape": [2.0, 3]},
        {"stride": [300, 1]},
        {"stride": [-3, 1]},
        {"offset": 1},
        {"offset": -1},
        {"offset": 1 << 70},
        {"storage": 1},
        {"storage": -1},
        {"dtype": "object"},
        {"dtype": ["float32"]},
        {"dtype": "float64"},
        {"shape": [1 << 30, 1 << 30], "stride": [0, 0]},
        {"shape": "23"},
        {"shape": None},
    ],
    ids=str,
)
def test_a_lying_tensor_header_is_refused(lie):
    buffer = bytearray(24)
    assert torch.equal(wire.unpack_table([row()], [buffer])[0], torch.zeros(2, 3))
    with pytest.raises(wire.WireError):
        wire.unpack_table([row(**lie)], [buffer])


@pytest.mark.parametrize(
    "tree",
    [
        {"tensor": 0},
        {"tensor": -1},
        {"int": "x"},
        {"int": "9" * 50},
        {"list": 3},
        {"dict": []},
        {"function": "f"},
        [],
        {},
        {"a": 1, "b": 2},
        {"device": "meta"},
        {"dtype": "object"},
        3,
    ],
    ids=repr,
)
def test_a_malformed_value_is_refused(tree):
    with pytest.raises(wire.WireError):
        wire.unpack(tree, [])


def test_deep_values_are_refused_on_both_sides():
    deep = tree = []
    for _ in range(100):
        deep, tree = [deep], {"list": [tree]}
    with pytest.raises(wire.WireError, match="deep"):
        wire.Packer().pack(deep)
    with pytest.raises(wire.WireError, match="deep"):
        wire.unpack(tree, [])


def frames(data: bytes):
    """A reader over bytes that counts how much was asked for."""
    stream = bytearray(data)

    def read(count):
        assert count <= wire.MAX_BODY_BYTES
        if len(stream) < count:
            raise EOFError
        taken = stream[:count]
        del stream[:count]
        return taken

    return read


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"null",
        b"[" * 100000,
        b'{"sizes": 3}',
        b'{"sizes": [-1]}',
        b'{"sizes": [true]}',
        b'{"sizes": [1e3]}',
        json.dumps({"sizes": [wire.MAX_BODY_BYTES, 1]}).encode(),
        json.dumps({"sizes": [0] * 5000}).encode(),
        b"\xff\xfe",
    ],
    ids=lambda header: header[:24].decode(errors="replace"),
)
def test_a_malformed_frame_is_refused_before_its_body_is_read(header):
    with pytest.raises(wire.WireError):
        wire.receive(frames(struct.pack("!Q", len(header)) + header))


def test_an_oversized_header_is_refused_unread():
    with pytest.raises(wire.WireError, match="too large"):
        wire.receive(frames(struct.pack("!Q", 1 << 50)))
