"""The judge's side of the border: asks a student process, and watches it while it waits.

Test cells don't see it: they hold proxies (proxies.py), as if these were the student's own objects. What comes back is
a claim: values are checked for form here and for truth by the test. Nothing of the student's is ever run, unpickled or
imported here.
"""

import random
import select
import socket
import time
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from course.grading import wire
from course.grading.cgroup import Cgroup
from course.grading.limits import MB, Limits
from course.grading.proxies import (
    AuthorError,
    Graph,
    NotConfined,
    RemoteFunction,
    RemoteModule,
    StudentError,
    StudentGone,
    StudentTimeout,
    argument_names,
    given_class,
)
from course.grading.student_process import TORCH_FUNCTIONS
from course.grading.watch import Watch, ask_for_credentials, set_send_deadline

# How often what a student process uses is looked at while the judge waits for it.
LOOK_SECONDS = 0.2


class Border:
    """One connection to one student process, for one exercise.

    seconds: CPU time that the whole exercise may use. shared: names of setup-cell functions, which exist on both sides.
    trainers: the functions that may change the parameters of a module that they are given; nobody else may.
    without_gpu: even where answers may use one.

    Raises:
        NotConfined: there is no student process, or it could not confine itself.
    """

    def __init__(
        self,
        sock: socket.socket,
        seconds: float,
        shared: dict[str, Any] | None = None,
        limits: Limits | None = None,
        forbids: tuple[str, ...] = (),
        trainers: Collection[str] = (),
        without_gpu: bool = False,
    ):
        self._sock = sock
        self._limits = limits or Limits()
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds * self._limits.wall_per_cpu_second
        self._shared = {id(value): name for name, value in (shared or {}).items() if callable(value)}
        self._seeds = random.Random(0)
        self._watch: Watch | None = None
        self._cgroup: Cgroup | None = None
        self._forget = False  # the next request begins a test cell
        self._next_look = 0.0
        self._forbids = forbids
        self._trainers = frozenset(trainers)
        self.forbidden: dict[str, int | None] = {}
        set_send_deadline(sock, self._deadline - time.monotonic())
        credentials = ask_for_credentials(sock)
        first = {
            "limits": self._limits.to_dict(), "seconds": seconds, "forbids": list(forbids), "without_gpu": without_gpu,
        }  # fmt: skip
        try:
            wire.send(sock, first, [])
            pid = credentials(self._deadline)
            hello, _ = self._receive()
        except (OSError, EOFError):
            raise NotConfined("the student process could not be started") from None
        if "refused" in hello:
            raise NotConfined(f"the sandbox is not whole: {hello['refused']}")
        self.pid = pid
        if pid is not None:
            self._watch = Watch(pid, self._limits)
            self._cgroup = Cgroup.around(pid, self._limits)

    def close(self) -> None:
        """End the student process, whatever it is doing: the zygote kills a child whose judge has hung up."""
        self._sock.close()
        if self._cgroup:
            self._cgroup.close()

    def begin(self, seed: int) -> None:
        """Start a test cell: calls draw their seeds from `seed`; graphs and modules of the cell before are dropped."""
        self._seeds = random.Random(seed)
        self._forget = True

    def run(self, chunks: list[tuple[str, str]]) -> list[dict]:
        """Run the program; returns the errors of its chunks, each with the chunk's label."""
        reply, _ = self.request("run", chunks=chunks)
        errors = reply.get("errors")
        return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []

    def proxy(self, name: str, kind: str) -> Any:
        """The proxy of a name that the reference defines: a function, a class of modules, or a value (fetched now)."""
        if kind == "function":
            return RemoteFunction(self, name)
        if kind == "class":
            return type(name, (RemoteModule,), {"_border": self, "_class_name": name})
        reply, tensors = self.request("get", name=name)
        return self._unpack(reply.get("value"), tensors)

    def given(self, name: str, value: Any) -> Any:
        """An object of ours that stands in for an earlier exercise, in a form in which it crosses by name.

        A test reads it here; only where it is handed to the student's code does the student process use its own copy.
        """
        if isinstance(value, type) and issubclass(value, nn.Module):
            return given_class(value, lambda args, kwargs: self.proxy(name, "class")(*args, **kwargs))
        if callable(value):
            self._shared[id(value)] = name
        return value

    # ---- calls --------------------------------------------------------------------------------------------------

    def call(
        self, callee: tuple[str, Any], args: tuple, kwargs: dict, modules=(), stand_in=False
    ) -> tuple[Any, list[str]]:
        """Call over there. Returns the value, tied into autograd here, and the names of arguments changed in place."""
        involved: list[RemoteModule] = list(modules)
        packer = wire.Packer(named=lambda value: self._name(value, involved))
        trees = {"args": packer.pack(list(args)), "kwargs": packer.pack(kwargs)}
        inputs = list(packer.tensors)
        grad = torch.is_grad_enabled() and not stand_in
        leaves = [i for i, tensor in enumerate(inputs) if tensor.requires_grad and grad]
        parameters = [(m, name) for m in involved for name, p in m.named_parameters() if p.requires_grad and grad]
        states = {m.handle: m.state_to_send(packer) for m in involved}
        reply, tensors = self.request(
            "call", packer, callee=callee, **trees, leaves=leaves, grad=torch.is_grad_enabled(), stand_in=stand_in,
            states=states, parameters=[(m.handle, name) for m, name in parameters],
        )  # fmt: skip
        trains = callee[0] == "function" and callee[1] in self._trainers
        for module in involved:
            module.take_state(reply.get("states"), lambda tree: self._unpack(tree, tensors), trains)
        sources = [inputs[i] for i in leaves] + [m.get_parameter(name) for m, name in parameters]
        if sources and isinstance(reply.get("graph"), int):
            flags = [bool(row.get("grad")) and tensors[i].is_floating_point() for i, row in enumerate(reply["tensors"])]
            tensors = list(Graph.apply(self, reply["graph"], tensors, flags, *sources))
        changed = reply.get("changed")
        named = argument_names(args, kwargs, inputs)
        changed = (
            [named.get(i, f"argument {i}") for i in changed if isinstance(i, int)] if isinstance(changed, list) else []
        )
        return self._unpack(reply.get("value"), tensors), changed

    def vjp(self, graph: int, outputs: list[int], cotangents: list[Tensor], like: list[Tensor]) -> list[Tensor | None]:
        """The product of cotangents with the Jacobian of a graph; each gradient is held to its input's shape."""
        packer = wire.Packer()
        packer.pack([cotangent.contiguous() for cotangent in cotangents])
        reply, tensors = self.request("vjp", packer, graph=graph, outputs=outputs)
        gradients = self._unpack(reply.get("value"), tensors)
        if not isinstance(gradients, list) or len(gradients) != len(like):
            raise StudentGone("the reply holds no gradients")
        for gradient, tensor in zip(gradients, like, strict=True):
            if gradient is not None and (not isinstance(gradient, Tensor) or gradient.shape != tensor.shape):
                raise StudentGone("a gradient has another shape than its input")
        return [None if g is None else g.to(t.dtype) for g, t in zip(gradients, like, strict=True)]

    def new(self, class_name: str, args: tuple, kwargs: dict) -> tuple[dict, list[Tensor]]:
        packer = wire.Packer(named=lambda value: self._name(value, []))
        trees = {"args": packer.pack(list(args)), "kwargs": packer.pack(kwargs)}
        return self.request("new", packer, name=class_name, **trees)

    def _name(self, value: Any, involved: list["RemoteModule"]) -> wire.Tree | None:
        if hasattr(type(value), "twin"):
            value = value.twin()
        if isinstance(value, RemoteModule):
            if all(value is not module for module in involved):
                involved.append(value)
            return {"module": value.handle}
        if isinstance(value, RemoteFunction):
            return {"function": value.__name__}
        if id(value) in self._shared:
            return {"function": self._shared[id(value)]}
        for name, function in TORCH_FUNCTIONS.items():
            if value is function:
                return {"torch": name}
        if callable(value) or isinstance(value, nn.Module):
            raise AuthorError(
                f"{value!r} can't cross the border: pass a setup-cell function or one of {', '.join(TORCH_FUNCTIONS)}"
            )
        return None

    # ---- requests -----------------------------------------------------------------------------------------------

    def request(self, op: str, packer: wire.Packer | None = None, **header: Any) -> tuple[dict, list[Tensor]]:
        """Send one request and wait for its reply. Raises StudentError, StudentTimeout or StudentGone."""
        rows, buffers = packer.table() if packer else ([], [])
        dtype = wire.DTYPE_NAMES[torch.get_default_dtype()]
        header |= {
            "forget": self._forget,
            "op": op,
            "tensors": rows,
            "seed": self._seeds.getrandbits(48),
            "default_dtype": dtype,
        }
        self._forget = False
        try:
            wire.send(self._sock, header, buffers)
        except OSError:
            raise StudentGone("the answer's process has ended: a crash, or an exit") from None
        reply, raw = self._receive()
        self._note_forbidden(reply.get("forbidden"))
        if "error" in reply:
            raise StudentError(reply["error"] if isinstance(reply["error"], dict) else {})
        try:
            return reply, wire.unpack_table(reply.get("tensors", []), raw, self._limits.reply_mb * MB)
        except wire.WireError as error:
            raise StudentGone(f"what the answer's process sent can't be read: {error}") from None

    def _note_forbidden(self, calls: Any) -> None:
        """Forbidden calls that the student process reports of itself: the one claim that can only cost points."""
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, list) and len(call) == 2 and call[0] in self._forbids:
                self.forbidden[call[0]] = call[1] if isinstance(call[1], int) else None

    def _unpack(self, tree: wire.Tree, tensors: list[Tensor]) -> Any:
        try:
            return wire.unpack(tree, tensors)
        except wire.WireError as error:
            raise StudentGone(f"what the answer's process sent can't be read: {error}") from None

    def _receive(self) -> tuple[dict, list[bytearray]]:
        try:
            return wire.receive(self._read, self._limits.reply_mb * MB)
        except wire.WireError as error:
            raise StudentGone(f"what the answer's process sent can't be read: {error}") from None
        except (EOFError, OSError):
            raise StudentGone("the answer's process has ended: a crash, or an exit") from None

    def _read(self, count: int) -> bytearray:
        """Read `count` bytes before the deadline, watching what the student's processes use."""
        data = bytearray()
        while len(data) < count:
            now = time.monotonic()
            if now > self._deadline:
                raise StudentTimeout(f"took longer than {self._seconds:g} s of computing time")
            if now > self._next_look:
                self._next_look = now + LOOK_SECONDS
                self._look()
            if select.select([self._sock], [], [], LOOK_SECONDS)[0]:
                got = self._sock.recv(min(1 << 20, count - len(data)))
                if not got:
                    raise EOFError
                data += got
        return data

    def _look(self) -> None:
        if self._watch is None:
            return
        if self._watch.cpu_seconds() > self._seconds:
            raise StudentTimeout(f"took longer than {self._seconds:g} s of computing time")
        if excess := self._watch.excess():
            raise StudentGone(excess)
