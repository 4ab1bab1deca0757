"""Values on the wire between the judge and a student process: JSON and raw buffers, never pickle.

A frame is a length, a JSON header and raw buffers. A value is a JSON tree whose tensors are rows of a table
(dtype, shape, stride, offset, storage); tensors that share a storage share one buffer, so `f(x, x)` and expanded
inputs arrive as what they are. Everything that is received is checked before a tensor is made of it.
"""

import builtins
import json
import math
import socket
import struct
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MAX_HEADER_BYTES = 4_000_000
MAX_BODY_BYTES = 256_000_000
MAX_BUFFERS = 4096
MAX_DEPTH = 24
MAX_DIMENSIONS = 12
# Buffers keep their place modulo 16, so that a tensor of any dtype stays aligned in its copy.
ALIGNMENT = 16

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
        torch.complex64, torch.complex128,
    )
}  # fmt: skip
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

EXPECTED_TYPES = {name for name, value in vars(builtins).items() if isinstance(value, type)} | {
    "function", "method", "generator", "coroutine", "module", "ndarray", "float32", "float64", "int64", "Size",
    "Linear", "Module", "Sequential", "ModuleList", "Parameter", "Axes", "Figure", "DataFrame", "Series",
    "OrderedDict", "defaultdict", "Counter", "deque", "dict_keys", "dict_values", "dict_items",
}  # fmt: skip

Tree = Any
Named = Callable[[Any], Tree | None]


class WireError(Exception):
    """What arrived is no frame, or a value can't cross; the message says which."""


class Opaque:
    """Stands in the judge for a value that can't cross the border: all that is known of it is its type's name."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def opaque(type_name: str) -> Opaque:
    """A stand-in whose own type bears the name, so that a message about it names what the student returned.

    Only names that anybody could expect: one of the student's own making could tell of a hidden test.
    """
    return type(type_name if type_name in EXPECTED_TYPES else "object", (Opaque,), {})()


# ---- frames -----------------------------------------------------------------------------------------------------


def send(sock: socket.socket, header: dict, buffers: list[bytes]) -> None:
    """Send one frame. Raises WireError if it is larger than the other side would accept."""
    head = json.dumps({**header, "sizes": [len(buffer) for buffer in buffers]}).encode()
    if len(head) > MAX_HEADER_BYTES or sum(map(len, buffers)) > MAX_BODY_BYTES or len(buffers) > MAX_BUFFERS:
        raise WireError("the value is too large to cross the border")
    sock.sendall(struct.pack("!Q", len(head)) + head)
    for buffer in buffers:
        sock.sendall(buffer)


def receive(read: Callable[[int], bytearray], max_body_bytes: int = MAX_BODY_BYTES) -> tuple[dict, list[bytearray]]:
    """Read one frame through `read(n)`, which returns exactly n bytes or raises. Sizes are checked before reading."""
    (length,) = struct.unpack("!Q", read(8))
    if length > MAX_HEADER_BYTES:
        raise WireError("the header is too large")
    try:
        header = json.loads(read(length))
    except (ValueError, RecursionError):
        raise WireError("the header is not JSON") from None
    sizes = header.get("sizes") if isinstance(header, dict) else None
    if not isinstance(sizes, list) or len(sizes) > MAX_BUFFERS or not all(_is_count(size) for size in sizes):
        raise WireError("the header lists no buffers")
    if sum(sizes) > max_body_bytes:
        raise WireError("the value is too large to cross the border")
    return header, [read(size) for size in sizes]


def read_exactly(sock: socket.socket, count: int) -> bytearray:
    """Read `count` bytes from a blocking socket; EOFError if the other side closed it."""
    data = bytearray(count)
    view, filled = memoryview(data), 0
    while filled < count:
        got = sock.recv_into(view[filled:], min(1 << 20, count - filled))
        if got == 0:
            raise EOFError
        filled += got
    return data


# ---- values -> wire ---------------------------------------------------------------------------------------------


class Packer:
    """Collects values into trees, a table of tensors and raw buffers.

    named: maps a value that crosses by name (a function, a module) to its tree, any other value to None.
    opaque: a value of another type becomes an Opaque over there (True) or a WireError here (False).
    """

    def __init__(self, named: Named = lambda value: None, opaque: bool = False):
        self.tensors: list[Tensor] = []
        self._rows: dict[int, int] = {}
        self._named = named
        self._opaque = opaque

    def pack(self, value: Any, depth: int = 0) -> Tree:
        """The tree of one value; its tensors are added to the table, each object once."""
        if depth > MAX_DEPTH:
            raise WireError("the value is nested too deeply to cross the border")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return {"int": str(int(value))}
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, Tensor):
            return {"tensor": self._row(value)}
        if isinstance(value, torch.dtype):
            return {"dtype": DTYPE_NAMES[value]}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if (tree := self._named(value)) is not None:
            return tree
        if isinstance(value, list | tuple):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [self.pack(item, depth + 1) for item in value]}
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {"dict": {str(key): self.pack(item, depth + 1) for key, item in value.items()}}
        if self._opaque:
            return {"opaque": type(value).__name__[:80]}
        raise WireError(
            f"a {type(value).__name__} can't cross the border; pass tensors, numbers, strings or named functions"
        )

    def _row(self, tensor: Tensor) -> int:
        if id(tensor) not in self._rows:
            self._rows[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
        return self._rows[id(tensor)]

    def table(self) -> tuple[list[dict], list[bytes]]:
        """The rows of the tensors and the buffers of their storages."""
        dense = [_dense(tensor) for tensor in self.tensors]
        spans: dict[int, list[int]] = {}
        for tensor in dense:
            low, high = _span(tensor)
            span = spans.setdefault(tensor.untyped_storage().data_ptr(), [low, high])
            span[:] = min(span[0], low), max(span[1], high)
        places = {pointer: index for index, pointer in enumerate(spans)}
        buffers: list[bytes] = [b""] * len(spans)
        rows = []
        for tensor, original in zip(dense, self.tensors, strict=True):
            pointer = tensor.untyped_storage().data_ptr()
            low, high = spans[pointer]
            if high > low and not buffers[places[pointer]]:
                raw = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
                buffers[places[pointer]] = raw[low:high].numpy().tobytes()
            rows.append({
                "dtype": DTYPE_NAMES[tensor.dtype],
                "shape": list(tensor.shape),
                "stride": list(tensor.stride()),
                "offset": tensor.storage_offset() - low // tensor.element_size(),
                "storage": places[pointer],
                "grad": original.requires_grad,
            })  # fmt: skip
        return rows, buffers


def _dense(tensor: Tensor) -> Tensor:
    """A plain CPU tensor with the same values, shape and strides; WireError for a kind that can't cross."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        raise WireError("only dense tensors can cross the border")
    if tensor.dtype not in DTYPE_NAMES:
        raise WireError(f"a tensor of {tensor.dtype} can't cross the border")
    if tensor.device.type == "meta":
        raise WireError("a tensor on the meta device has no values")
    return tensor.detach().resolve_conj().resolve_neg().cpu()


def _span(tensor: Tensor) -> tuple[int, int]:
    """The bytes [low, high) of its storage that the tensor can see; low is aligned."""
    size = tensor.element_size()
    if tensor.numel() == 0:
        low = tensor.storage_offset() * size // ALIGNMENT * ALIGNMENT
        return low, low
    first = tensor.storage_offset()
    last = first + sum((extent - 1) * stride for extent, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return first * size // ALIGNMENT * ALIGNMENT, (last + 1) * size


# ---- wire -> values ---------------------------------------------------------------------------------------------


def unpack_table(rows: Any, buffers: list[bytearray], max_bytes: int = MAX_BODY_BYTES) -> list[Tensor]:
    """The tensors of a table. Every number in it is checked against the buffers; a lie is a WireError.

    max_bytes: what dense copies of all of them may take; an expanded tensor has many more elements than bytes.
    """
    if not isinstance(rows, list) or len(rows) > MAX_BUFFERS:
        raise WireError("the table of tensors is no list")
    storages = [
        torch.frombuffer(buffer or bytearray(ALIGNMENT), dtype=torch.uint8).untyped_storage() for buffer in buffers
    ]
    tensors, total = [], 0
    for row in rows:
        tensors.append(_unpack_row(row, storages, buffers))
        total += tensors[-1].numel() * tensors[-1].element_size()
        if total > max_bytes:
            raise WireError("the value is too large to cross the border")
    return tensors


def _unpack_row(row: Any, storages: list, buffers: list[bytearray]) -> Tensor:
    try:
        dtype, shape, stride = DTYPES[row["dtype"]], row["shape"], row["stride"]
        offset, place = row["offset"], row["storage"]
        counts = [*shape, *stride, offset, place]
    except (KeyError, TypeError):
        raise WireError("a tensor's header is incomplete") from None
    if not all(_is_count(count) for count in counts) or len(shape) != len(stride) or len(shape) > MAX_DIMENSIONS:
        raise WireError("a tensor's header holds something that is no shape")
    if place >= len(storages):
        raise WireError("a tensor's header names a buffer that was not sent")
    empty = torch.empty(0, dtype=dtype)
    if math.prod(shape) == 0:
        return empty.reshape(shape)
    end = offset + sum((extent - 1) * step for extent, step in zip(shape, stride, strict=True)) + 1
    if end * empty.element_size() > len(buffers[place]):
        raise WireError("a tensor's header reaches beyond its buffer")
    return empty.set_(storages[place], offset, shape, stride)


def unpack(tree: Tree, tensors: list[Tensor], named: Callable[[str, Any], Any] | None = None, depth: int = 0) -> Any:
    """The value of a tree. `named(kind, name)` finds what crosses by name; without it such a value is a WireError."""
    if depth > MAX_DEPTH:
        raise WireError("the value is nested too deeply")
    if tree is None or isinstance(tree, bool | float | str):
        return tree
    if not isinstance(tree, dict) or len(tree) != 1:
        raise WireError("a value is not of the wire's form")
    ((kind, body),) = tree.items()
    if kind == "int" and isinstance(body, str) and len(body) < 40:
        try:
            return int(body)
        except ValueError:
            raise WireError("a number is no number") from None
    if kind == "tensor" and _is_count(body) and body < len(tensors):
        return tensors[body]
    if kind in ("list", "tuple") and isinstance(body, list):
        items = [unpack(item, tensors, named, depth + 1) for item in body]
        return items if kind == "list" else tuple(items)
    if kind == "dict" and isinstance(body, dict):
        return {key: unpack(item, tensors, named, depth + 1) for key, item in body.items()}
    if kind == "dtype" and isinstance(body, str) and body in DTYPES:
        return DTYPES[body]
    if kind == "device" and body in ("cpu", "cuda", "cuda:0", "mps"):
        return torch.device(body)
    if kind == "opaque" and isinstance(body, str) and "\0" not in body:
        return opaque(body[:80])
    if named is not None:
        return named(kind, body)
    raise WireError("a value is not of the wire's form")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40
