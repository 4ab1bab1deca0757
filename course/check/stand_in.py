"""A stand-in for a GPU: tensors that say they are on one while they compute on the CPU.

A mark on a tensor's *memory* (its storage) says "this is on the other device". A torch function mode
(stand_in_mode) sees every call of torch while `run` lasts. It answers questions about devices by the mark,
marks what is made on the device, passes the mark on from arguments to results, and raises MixedDevices where
a real GPU would raise. The computing itself is the CPU's own, so values are those of a plain run. Views,
in-place changes, autograd, torch.vmap and modules need no special care, since they all keep to the memory.

As on a GPU, these may mix: scalars (0 axes) of the CPU with tensors of the device, copies between the devices
(`copy_`, `out[i] = …`), CPU tensors as indices, and arguments that only lend a shape or dtype.

Not seen: what TorchScript computes, and torch.Generator objects, which cannot be made for a device that is
not there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from course.check.nested import leaves, map_leaves, tensors
from course.check.stand_in_mode import DEVICE, MISTAKES, RESULT, MixedDevices, StandIn, is_marked, mark

# What code behind `if q.is_cuda:` asks of the GPU, and what a GPU that is not there says to it.
GPU_CALLS = {
    "synchronize": None,
    "empty_cache": None,
    "reset_peak_memory_stats": None,
    "memory_allocated": 0,
    "max_memory_allocated": 0,
    "memory_reserved": 0,
    "get_device_name": "a stand-in",
}

__all__ = ["DEVICE", "MISTAKES", "MixedDevices", "run"]


def run(fn: Callable, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
    """Call `fn(*args, **kwargs)` as if its tensors were on another device; the result is plain CPU tensors.

    Tensors inside the arguments are copied; parameters and buffers of modules (`fn` itself, the module of a
    bound method, modules among the arguments) are lent a copy and get their own values back. A torch.device
    among the arguments becomes the other device.

    Raises MixedDevices where a GPU would raise, and where a tensor of the result is not on the device.
    """
    kwargs = kwargs or {}
    given = [fn, getattr(fn, "__self__", None), *leaves(args), *leaves(kwargs)]
    modules = [value for value in given if isinstance(value, nn.Module)]
    moved: dict[int, torch.Tensor] = {}  # one copy for each tensor: in f(x, x) both stay the same one
    args, kwargs = map_leaves(lambda v: onto_device(v, moved), (args, kwargs))
    with on_device(modules) as lent, quiet_gpu(), StandIn():
        result = fn(*args, **kwargs)
    has_device = moved or lent or any(isinstance(v, torch.device) for v in leaves((args, kwargs)))
    for tensor in tensors(result):
        if has_device and not is_marked(tensor):
            raise MixedDevices(f"{RESULT}: its shape is {tuple(tensor.shape)}")
    return map_leaves(lambda v: v.detach().clone() if isinstance(v, torch.Tensor) else v, result)


def onto_device(value: Any, moved: dict[int, torch.Tensor]) -> Any:
    """A marked copy of a tensor, the other device for a device, anything else as it is."""
    if isinstance(value, torch.device):
        return DEVICE
    if not isinstance(value, torch.Tensor):
        return value
    if id(value) not in moved:
        moved[id(value)] = mark(value.detach().cpu().clone()).requires_grad_(value.requires_grad)
    return moved[id(value)]


@contextmanager
def on_device(modules: list[nn.Module]) -> Iterator[int]:
    """Lend every parameter and buffer a marked copy, give all back at the end; yields how many there are."""
    registered = {id(t): t for m in modules for t in [*m.parameters(), *m.buffers()]}
    before = [(tensor, tensor.data) for tensor in registered.values()]
    buffers = [(m, dict(m._buffers)) for top in modules for m in top.modules()]
    try:
        for tensor, data in before:
            tensor.data = mark(data.cpu().clone())
        yield len(before)
    finally:
        for tensor, data in before:
            tensor.data = data
        for module, own in buffers:  # a forward pass may have put new buffers in their places
            module._buffers.clear()
            module._buffers.update(own)


@contextmanager
def quiet_gpu() -> Iterator[None]:
    """Have the calls of torch.cuda that only wait, measure or tidy up do so without a GPU.

    And keep cuDNN out of it: where there is a GPU, a recurrent layer would have it lay out weights that lie on the CPU.
    """
    before = {name: getattr(torch.cuda, name) for name in GPU_CALLS}
    cudnn = torch.backends.cudnn.enabled
    try:
        torch.backends.cudnn.enabled = False
        for name, answer in GPU_CALLS.items():
            setattr(torch.cuda, name, lambda *args, answer=answer, **kwargs: answer)
        yield
    finally:
        torch.backends.cudnn.enabled = cudnn
        for name, function in before.items():
            setattr(torch.cuda, name, function)
