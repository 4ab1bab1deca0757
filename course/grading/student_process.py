"""The student process: holds one exercise's answer and does what the judge asks, over one socket.

It holds no test, no expected value and no gradebook. Whatever it says is taken for a claim: see border.py. This module
runs beside the student's code and can't be protected from it; nothing in the judge depends on it being intact.
"""

import __future__

import ast
import asyncio
import contextlib
import functools
import hashlib
import inspect
import linecache
import operator
import os
import random
import socket
import sys
from collections.abc import Callable
from copy import deepcopy
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from course.grading import wire
from course.grading.watch_calls import CallWatch

MAX_MESSAGE = 2000
# Torch functions that a test may pass to an answer (`attend(torch.mul, …)`): by name, never as code.
TORCH_FUNCTIONS = {
    name: getattr(torch, name)
    for name in ("relu", "sigmoid", "tanh", "softmax", "matmul", "bmm", "add", "mul", "exp", "abs", "square")
} | {"gelu": nn.functional.gelu, "cosine_similarity": nn.functional.cosine_similarity}


class _Shell:
    """What `get_ipython()` answers here: magics that time a block run the block, all others do nothing."""

    def __init__(self, namespace: dict):
        self._namespace = namespace

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        if name in ("time", "timeit", "capture", "prun"):
            exec(compile(body, "<a cell>", "exec"), self._namespace)

    def __getattr__(self, name: str) -> Callable:
        return lambda *args, **kwargs: None


class Student:
    """The answer's namespace, the modules made of it, and the graphs that the judge may still differentiate."""

    def __init__(self, forbids: tuple[str, ...] = (), device: str = "cpu"):
        self.device = device
        self.watch = CallWatch(forbids)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        self.namespace["display"] = lambda *args, **kwargs: None
        self.namespace["get_ipython"] = lambda: _Shell(self.namespace)
        self.modules: list[nn.Module] = []
        self.graphs: dict[int, tuple[list[Tensor], list[Tensor]]] = {}

    def answer(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """Do one request; an error of the student's becomes the reply. With either go the forbidden calls so far."""
        if header["forget"]:  # a test cell has ended: nobody will ask for its graphs and modules
            self.graphs.clear()
            self.modules.clear()
        try:
            # What a cell calls while it is run (a comparison with torch's own, say) is no answer. The stand-in device
            # has a mode of its own; what is called there was called before.
            watched = header["op"] in ("call", "new") and not header.get("stand_in")
            with self.watch if watched else contextlib.nullcontext():
                reply, raw = getattr(self, f"do_{header['op']}")(header, buffers)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of an answer are its errors, too
            reply, raw = {"error": describe(error)}, []
        return reply | {"forbidden": list(self.watch.found.items())}, raw

    def do_run(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """Run the chunks of the program, the student's statement by statement. What fails (a trial, an import that is
        not to be had here) costs what needs it; the statements after it run all the same.
        """
        errors = []
        for label, code in header["chunks"]:
            try:
                if not label.startswith("<"):
                    exec(compile(code, label, "exec", dont_inherit=True), self.namespace)
                    continue
                statements = ast.parse(code, label).body
            except BaseException as error:
                errors.append({"label": label, **describe(error)})
                continue
            # inspect.getsource, and so torch.jit.script, finds a cell's text here, as in a kernel.
            linecache.cache[label] = (len(code), None, code.splitlines(keepends=True), label)
            flags = future_flags(statements) | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            for statement in statements:
                try:
                    self._execute(compile(ast.Module([statement], []), label, "exec", flags, dont_inherit=True))
                except BaseException as error:
                    errors.append({"label": label, **describe(error)})
        return {"errors": errors}, []

    def _execute(self, code: CodeType) -> None:
        """Run a statement; what is awaited at the top of a cell is waited for, as in a kernel."""
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, self.namespace))
        else:
            exec(code, self.namespace)

    def do_call(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """Call a function or a module with values; the reply holds values, and a graph's number if there is one."""
        tensors = wire.unpack_table(header["tensors"], buffers)
        function = self.named(*header["callee"])
        involved = [self.modules[int(handle)] for handle in header["states"]]
        for module, state in zip(involved, header["states"].values(), strict=True):
            load_state(module, state, tensors)
        for index in header["leaves"]:
            tensors[index].requires_grad_()
        args, kwargs = (
            wire.unpack(header["args"], tensors, self.named),
            wire.unpack(header["kwargs"], tensors, self.named),
        )
        digests = [digest(tensor) for tensor in tensors]
        states = [snapshot(module) for module in involved]
        seed(header["seed"], header["default_dtype"])
        with torch.set_grad_enabled(header["grad"]):
            if header["stand_in"]:
                from course.check import stand_in

                value = stand_in.run(function, tuple(args), kwargs)
                if self.device != "cpu":
                    value = on_device(self.device, function, args, kwargs)
            else:
                value = function(*args, **kwargs)
        packer = wire.Packer(opaque=True)
        reply = {"value": packer.pack(value), "graph": None}
        outputs = list(packer.tensors)
        reply["changed"] = [i for i, old in enumerate(digests) if digest(tensors[i]) != old]
        reply["states"] = {
            handle: {name: packer.pack(new) for name, new in changed_state(module, old)}
            for handle, module, old in zip(header["states"], involved, states, strict=True)
        }
        inputs = [tensors[i] for i in header["leaves"]]
        inputs += [self.modules[handle].get_parameter(name) for handle, name in header["parameters"]]
        if inputs and any(output.requires_grad for output in outputs):
            reply["graph"] = len(self.graphs)
            self.graphs[reply["graph"]] = (inputs, outputs)
        reply["tensors"], raw = packer.table()
        return reply, raw

    def do_vjp(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """The vector–Jacobian product of a graph; the graph is kept, since a test may differentiate twice."""
        inputs, outputs = self.graphs[header["graph"]]
        cotangents = wire.unpack_table(header["tensors"], buffers)
        pairs = [(outputs[i], cotangent) for i, cotangent in zip(header["outputs"], cotangents, strict=True)]
        pairs = [(output, cotangent.to(output)) for output, cotangent in pairs if output.requires_grad]
        # The product as the gradient of one number: with grad_outputs torch would import sympy, a third of a second.
        with torch.enable_grad():  # whatever the answer has switched off
            total = sum((output * cotangent.conj()).sum() for output, cotangent in pairs)
            total = total.real if total.is_complex() else total
        gradients = torch.autograd.grad(total, inputs, retain_graph=True, allow_unused=True)
        packer = wire.Packer()
        reply = {"value": packer.pack(list(gradients))}
        reply["tensors"], raw = packer.table()
        return reply, raw

    def do_new(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """Make an instance of a student's class; the reply holds its parameters and buffers."""
        tensors = wire.unpack_table(header["tensors"], buffers)
        seed(header["seed"], header["default_dtype"])
        args, kwargs = (
            wire.unpack(header["args"], tensors, self.named),
            wire.unpack(header["kwargs"], tensors, self.named),
        )
        return self._adopt(self.namespace[header["name"]](*args, **kwargs))

    def do_copy(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """A deep copy of a module under a handle of its own."""
        return self._adopt(deepcopy(self.modules[header["handle"]]))

    def do_get(self, header: dict, buffers: list[bytearray]) -> tuple[dict, list[bytes]]:
        """The value that the answer bound to a name."""
        if header["name"] not in self.namespace:
            raise NameError(f"name '{header['name']}' is not defined")
        packer = wire.Packer(opaque=True)
        reply = {"value": packer.pack(self.namespace[header["name"]])}
        reply["tensors"], raw = packer.table()
        return reply, raw

    def _adopt(self, module: Any) -> tuple[dict, list[bytes]]:
        if not isinstance(module, nn.Module):
            raise TypeError(f"expected an nn.Module, got {type(module).__name__}")
        self.modules.append(module)
        packer = wire.Packer()
        reply = {
            "handle": len(self.modules) - 1,
            "parameters": {name: packer.pack(value) for name, value in module.named_parameters()},
            "buffers": {name: packer.pack(value) for name, value in module.named_buffers()},
        }
        reply["tensors"], raw = packer.table()
        return reply, raw

    def named(self, kind: str, name: Any) -> Any:
        """What crosses by name: a module's handle, a function of the answer or of a setup cell, a function of torch."""
        if kind == "module":
            return self.modules[name]
        if kind == "torch":
            return TORCH_FUNCTIONS[name]
        if name not in self.namespace:
            raise NameError(f"name '{name}' is not defined")
        return self.namespace[name]


def on_device(device: str, function: Callable, args: Any, kwargs: dict) -> Any:
    """What a function or module computes on a real device, from copies of its arguments there."""
    args, kwargs = tree_map(lambda value: value.to(device) if isinstance(value, Tensor) else value, (args, kwargs))
    if isinstance(function, nn.Module):
        function = deepcopy(function).to(device)
    return function(*args, **kwargs)


def future_flags(statements: list[ast.stmt]) -> int:
    """The compiler's flags for `from __future__ import …`, compiled apart from what it is meant for."""
    names = [a.name for s in statements if isinstance(s, ast.ImportFrom) and s.module == "__future__" for a in s.names]
    return functools.reduce(operator.or_, (getattr(__future__, name).compiler_flag for name in names), 0)


def load_state(module: nn.Module, state: dict, tensors: list[Tensor]) -> None:
    """Set train/eval and the parameters and buffers that the judge changed since they last crossed."""
    module.train(state["training"])
    current = dict(module.named_parameters()) | dict(module.named_buffers())
    with torch.no_grad():
        for name, (row, requires_grad) in state["values"].items():
            target, value = current[name], tensors[row]
            if target.dtype == value.dtype and target.shape == value.shape:
                target.copy_(value)
            else:
                target.data = value.clone()
            if target.is_floating_point():
                target.requires_grad_(requires_grad)


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    return {name: value.detach().clone() for name, value in state.items()}


def changed_state(module: nn.Module, before: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """The parameters and buffers that a call changed in place (training does)."""
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    return [(name, v) for name, v in state.items() if name in before and not torch.equal(v.detach(), before[name])]


def digest(tensor: Tensor) -> bytes:
    raw = (
        tensor.detach().contiguous().view(-1).view(torch.uint8) if tensor.numel() else torch.empty(0, dtype=torch.uint8)
    )
    return hashlib.blake2b(raw.numpy().tobytes(), digest_size=16).digest()


def seed(number: int, default_dtype: str) -> None:
    """Every call starts from a seed of the judge's; no random state goes back."""
    torch.set_default_dtype(wire.DTYPES[default_dtype])
    if torch.cuda.is_initialized():
        torch.manual_seed(number)
    else:  # torch.manual_seed writes a stack trace down for each device that may come later: half a millisecond
        torch.default_generator.manual_seed(number)
    random.seed(number)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number % 2**32)


def describe(error: BaseException) -> dict:
    """An error as data: its type's name and ancestry, a short message, the line in the student's cell."""
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith("<"):
        line = error.lineno
    else:
        line = None
        trace = error.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_filename.startswith("<A"):
                line = trace.tb_lineno
            trace = trace.tb_next
    try:
        message = str(error)[:MAX_MESSAGE]
    except Exception:
        message = ""
    return {
        "type": type(error).__name__[:80],
        "mro": [ancestor.__name__[:80] for ancestor in type(error).__mro__][:20],
        "message": message,
        "line": line,
    }


def serve(sock: socket.socket, forbids: tuple[str, ...] = (), device: str = "cpu", gpu_share: float = 1.0) -> None:
    """Answer requests until the judge closes the socket."""
    if device == "cuda":
        torch.cuda.set_per_process_memory_fraction(gpu_share)
    student = Student(forbids, device)
    wire.send(sock, {"hello": os.getpid()}, [])

    def read(count: int) -> bytearray:
        return wire.read_exactly(sock, count)

    while True:
        try:
            header, buffers = wire.receive(read)
        except (EOFError, OSError):
            return
        reply, raw = student.answer(header, buffers)
        try:
            wire.send(sock, reply, raw)
        except wire.WireError as error:
            wire.send(sock, {"error": describe(error)}, [])
