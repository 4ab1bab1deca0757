"""The rules of the stand-in device: what is on it, what may mix with the CPU, what moves. See stand_in."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from course.check.nested import map_leaves, tensors

DEVICE = torch.device("cuda", 0)

MADE = "a tensor was made on the CPU instead of on its input's device (device=x.device for an input x)"
MOVED = "a tensor was moved to the CPU and not back (.cpu(), .to, .numpy())"
KEPT = "a tensor from before the call stayed on the CPU (a global, a cache, or an unregistered buffer)"
RESULT = "the result is on the CPU instead of on the device of the inputs, or the one that was asked for"
NUMPY = "a tensor on a GPU cannot become a NumPy array"
MISTAKES = (MADE, MOVED, KEPT, RESULT, NUMPY)

ATTRIBUTES = {"device": DEVICE, "is_cuda": True, "is_cpu": False}
LENDS_NO_VALUES = {"expand_as", "view_as", "reshape_as", "is_same_size", "result_type", "can_cast"}
COPIES = {"copy_", "new_tensor", "set_"}
MAY_MIX = (
    LENDS_NO_VALUES | COPIES | {"_has_compatible_shallow_copy_type", "_pack_padded_sequence", "_pad_packed_sequence"}
)
LIKE_THE_FIRST = LENDS_NO_VALUES | COPIES
LENGTHS_ON_THE_CPU = {"gru", "lstm", "rnn_tanh", "rnn_relu"}  # the batch sizes of packed sequences always are
FIRST_RESULT_ONLY = {"_pack_padded_sequence", "_pad_packed_sequence"}  # the second one: such batch sizes
NO_SCALARS = {"stack"}  # takes no scalar of the CPU among tensors of the device


class MixedDevices(RuntimeError):
    """Tensors of two devices met where they may not; the one-line message starts with one of MISTAKES."""


def memory(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """The storage that a tensor reads and writes; None for a layout that has none (sparse)."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # inside torch.vmap and torch.func.grad
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor.untyped_storage() if tensor.layout is torch.strided else None


def is_marked(tensor: torch.Tensor) -> bool:
    """Is this tensor on the other device?"""
    return getattr(memory(tensor), "on_stand_in", False)


def mark(tensor: torch.Tensor) -> torch.Tensor:
    """Say of this tensor's memory that it is on the other device."""
    if (storage := memory(tensor)) is not None:
        storage.on_stand_in = True
    return tensor


class StandIn(TorchFunctionMode):
    """Sees every torch call of one run; CPU tensors remember whether they were made or moved there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.device:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "_parse_to":  # what nn.Module.to makes of its arguments: (device, dtype, …)
            device, *rest = func(*args, **kwargs)
            return (DEVICE if any(map(is_marked, tensors((args, kwargs)))) else device, *rest)
        if name in ("__get__", "__set__"):
            return self.attribute(func, args, kwargs)
        if name in SPECIAL and args:
            return SPECIAL[name](self, func, *args, **kwargs)
        return self.compute(func, name, args, kwargs)

    def attribute(self, func, args, kwargs):
        """`x.device`, `x.is_cuda`, `x.is_cpu` by the mark; `x.grad` and the like are where x is."""
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        if not isinstance(args[0], torch.Tensor) or not is_marked(args[0]):
            return func(*args, **kwargs)
        if func.__name__ == "__get__" and attribute in ATTRIBUTES:
            return ATTRIBUTES[attribute]
        return self.settle(func(*args, **kwargs), True)

    def compute(self, func, name, args, kwargs):
        """Any other call: its tensors are of one device, and so is its result, unless `device=` differs."""
        asked = asked_device(args, kwargs)
        args, kwargs = on_cpu(args, kwargs)
        inputs = tensors((args, kwargs))
        if name not in MAY_MIX:
            self.refuse_mixed(name, args, inputs)
        deciding = inputs[:1] if name in LIKE_THE_FIRST else inputs
        there = asked if asked is not None else any(map(is_marked, deciding))
        result = func(*args, **kwargs)
        self.settle(result[0] if name in FIRST_RESULT_ONLY else result, there, inputs)
        return result

    def refuse_mixed(self, name, args, inputs):
        """Raise as a GPU does if tensors of both devices meet. A CPU scalar may be read, not written."""
        there = [t for t in inputs if is_marked(t)]
        if not there:
            return
        in_place = name.endswith("_") and not name.endswith("__")
        for tensor in inputs:
            if is_marked(tensor) or (name in LENGTHS_ON_THE_CPU and not tensor.is_floating_point()):
                continue
            if tensor.dim() > 0 or name in NO_SCALARS or (in_place and tensor is args[0]):
                self.refuse(tensor, there[0], name)

    def refuse(self, stranger, resident, name):
        """Say why `stranger` is on the CPU, and where it met a tensor of the device."""
        met = f"{tuple(stranger.shape)} on the CPU meets {tuple(resident.shape)} in {name.strip('_')}"
        raise MixedDevices(f"{self.origin(stranger)}: {met}")

    def origin(self, tensor):
        """Why a tensor is on the CPU: made or moved there during this run, or there from before."""
        run, reason = getattr(memory(tensor), "stand_in_origin", (None, KEPT))
        return reason if run is self else KEPT

    def settle(self, result, there, sources=(), origin=MADE):
        """Mark a result that is on the device; let others remember why they are on the CPU, as their
        sources.
        """
        old = [memory(t) for t in sources]
        origin = next((self.origin(t) for t in sources if not is_marked(t)), origin)
        for tensor in tensors(result):
            storage = memory(tensor)
            if there:
                mark(tensor)
            elif storage is not None and not any(storage is s for s in old):
                storage.stand_in_origin = (self, origin)
        return result

    def move(self, result, source, there):
        """The result of moving `source`: in memory of its own if the device changes, else as it is."""
        was_there = is_marked(source)
        if was_there != there and memory(result) is memory(source):
            result = result.clone()
        return self.settle(result, there, [source], MOVED if was_there else MADE)

    # --- calls that move, or that a GPU treats in its own way -----------------------------------------------

    def to(self, func, tensor, *args, **kwargs):
        target = next((kwargs[key] for key in ("device", "other") if kwargs.get(key) is not None), None)
        if target is None and args and isinstance(args[0], torch.device | str | int | torch.Tensor):
            target = args[0]
        there = is_marked(tensor) if target is None else is_there(target)
        if args and isinstance(args[0], str | int) and not isinstance(args[0], bool):
            args = (torch.device("cpu") if is_there(args[0]) else args[0], *args[1:])
        args, kwargs = on_cpu(args, kwargs)
        return self.move(func(tensor, *args, **kwargs), tensor, there)

    def cpu(self, func, tensor, *args, **kwargs):
        return self.move(func(tensor, *args, **kwargs), tensor, False)

    def cuda(self, func, tensor, *args, **kwargs):
        return self.move(tensor, tensor, True)

    def type(self, func, tensor, dtype=None, *args, **kwargs):
        if dtype is None:
            kind = func(tensor)
            return kind.replace("torch.", "torch.cuda.", 1) if is_marked(tensor) else kind
        if isinstance(dtype, torch.dtype):
            return self.settle(func(tensor, dtype, *args, **kwargs), is_marked(tensor), [tensor])
        kind = dtype if isinstance(dtype, str) else f"{dtype.__module__}.{dtype.__name__}"
        return self.move(func(tensor, kind.replace("cuda.", ""), *args, **kwargs), tensor, "cuda." in kind)

    def type_as(self, func, tensor, other):
        return self.move(func(tensor, other), tensor, is_marked(other))

    def tensor(self, func, data, *args, **kwargs):
        asked = asked_device(args, kwargs)
        args, kwargs = on_cpu(args, kwargs)
        result = func(data, *args, **kwargs)
        if isinstance(data, torch.Tensor):
            return self.move(result, data, is_marked(data) if asked is None else asked)
        return self.settle(result, bool(asked))  # a list of tensors is read value by value: the result is on the CPU

    def numpy(self, func, tensor, *args, **kwargs):
        if is_marked(tensor) and not kwargs.get("force"):
            raise MixedDevices(NUMPY)
        return func(tensor, *args, **kwargs)

    def get_device(self, func, tensor):
        return DEVICE.index if is_marked(tensor) else func(tensor)

    def getitem(self, func, tensor, index):
        there = is_marked(tensor)
        if not there:
            self.refuse_indices(tensor, index, "indexing")
        return self.settle(func(tensor, index), there, [tensor])

    def setitem(self, func, tensor, index, value):
        there = is_marked(tensor)
        if not there:
            self.refuse_indices(tensor, index, "indexing")
        picks = isinstance(index, list) or any(t.dim() for t in tensors(index))
        if picks and isinstance(value, torch.Tensor) and value.dim() and is_marked(value) != there:
            strangers = (value, tensor) if there else (tensor, value)
            self.refuse(*strangers, "indexing")
        return func(tensor, index, value)

    def index_put(self, func, tensor, indices, values, *args, **kwargs):
        self.refuse_mixed(func.__name__, (tensor,), [tensor, values])
        return self.settle(func(tensor, indices, values, *args, **kwargs), is_marked(tensor), [tensor])

    def refuse_indices(self, tensor, index, name):
        """A tensor of the CPU takes no index from the device, save a single one."""
        for picked in tensors(index):
            if picked.dim() and is_marked(picked):
                self.refuse(tensor, picked, name)


SPECIAL = {
    "to": StandIn.to,
    "cpu": StandIn.cpu,
    "cuda": StandIn.cuda,
    "type": StandIn.type,
    "type_as": StandIn.type_as,
    "tensor": StandIn.tensor,
    "as_tensor": StandIn.tensor,
    "asarray": StandIn.tensor,
    "numpy": StandIn.numpy,
    "__array__": StandIn.numpy,
    "get_device": StandIn.get_device,
    "__getitem__": StandIn.getitem,
    "__setitem__": StandIn.setitem,
    "index_put": StandIn.index_put,
    "index_put_": StandIn.index_put,
}


def is_there(target: Any) -> bool:
    """Does a device, its name or number, or a tensor stand for the other device? Any GPU's name does."""
    if isinstance(target, torch.Tensor):
        return is_marked(target)
    return isinstance(target, int) or torch.device(target).type == DEVICE.type


def asked_device(args: tuple, kwargs: dict[str, Any]) -> bool | None:
    """Does a call ask for the other device? None if it asks for none."""
    given = [kwargs.get("device"), *(a for a in args if isinstance(a, torch.device))]
    return next((is_there(device) for device in given if device is not None), None)


def on_cpu(args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The same arguments with the CPU in the place of the other device, which is not there to compute."""
    if kwargs.get("device") is not None and is_there(kwargs["device"]):
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if any(isinstance(a, torch.device) for a in args):
        args = map_leaves(lambda v: torch.device("cpu") if isinstance(v, torch.device) and is_there(v) else v, args)
    return args, kwargs
