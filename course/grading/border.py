"""The judge's side of the border: proxies for a student's functions, modules and values.

A test cell uses them as if they were the student's own objects in a plain kernel. What comes back is a claim: values
are checked for form here and for truth by the test. Nothing of the student's is ever run, unpickled or imported here.
"""

import random
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from course.grading import wire
from course.grading.cgroup import Cgroup
from course.grading.limits import Limits
from course.grading.student_process import TORCH_FUNCTIONS
from course.grading.watch import Watch, ask_for_credentials

# How often what a student process uses is looked at while the judge waits for it.
LOOK_SECONDS = 0.2


class StudentError(Exception):
    """The student's code raised: the type's name and ancestry, its message, the line in the student's cell."""

    def __init__(self, report: dict):
        self.type_name = str(report.get("type", "Exception"))[:80]
        self.mro = [str(name)[:80] for name in report.get("mro", [])][:20]
        self.message = str(report.get("message", ""))[:2000]
        line = report.get("line")
        self.line = line if isinstance(line, int) else None
        where = f" (line {self.line} of the answer)" if self.line else ""
        super().__init__(f"{self.type_name}: {self.message}{where}")


class StudentTimeout(Exception):
    """The exercise has used up its time."""


class StudentGone(Exception):
    """The student process ended, or sent what is no reply."""


class NotConfined(Exception):
    """The student process did not come into being as it should: nothing was run, nobody is to blame but the machine."""


class AuthorError(Exception):
    """The test cell asks for something that does not cross the border: the author's to mend."""


class Border:
    """One connection to one student process, for one exercise.

    seconds: CPU time that the whole exercise may use. shared: names of setup-cell functions, which exist on both sides.
    """

    def __init__(
        self,
        sock: socket.socket,
        seconds: float,
        shared: dict[str, Any] | None = None,
        limits: Limits | None = None,
        forbids: tuple[str, ...] = (),
    ):
        self._sock = sock
        self._limits = limits or Limits()
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds * self._limits.wall_per_cpu_second
        self._shared = {id(value): name for name, value in (shared or {}).items() if callable(value)}
        self._seeds = random.Random(0)
        self._watch: Watch | None = None
        self._cgroup: Cgroup | None = None
        self._next_look = 0.0
        self._forbids = forbids
        self.forbidden: dict[str, int | None] = {}
        credentials = ask_for_credentials(sock)
        first = {"limits": self._limits.to_dict(), "seconds": seconds, "forbids": list(forbids)}
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
        self.request("forget")

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
        for module in involved:
            module.take_state(reply.get("states"), lambda tree: self._unpack(tree, tensors))
        sources = [inputs[i] for i in leaves] + [m.get_parameter(name) for m, name in parameters]
        if sources and isinstance(reply.get("graph"), int):
            flags = [bool(row.get("grad")) and tensors[i].is_floating_point() for i, row in enumerate(reply["tensors"])]
            tensors = list(_Graph.apply(self, reply["graph"], tensors, flags, *sources))
        changed = reply.get("changed")
        named = _argument_names(args, kwargs, inputs)
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
        header |= {"op": op, "tensors": rows, "seed": self._seeds.getrandbits(48), "default_dtype": dtype}
        try:
            wire.send(self._sock, header, buffers)
        except OSError:
            raise StudentGone("the student process has ended") from None
        reply, raw = self._receive()
        self._note_forbidden(reply.get("forbidden"))
        if isinstance(reply.get("error"), dict):
            raise StudentError(reply["error"])
        try:
            return reply, wire.unpack_table(reply.get("tensors", []), raw, self._limits.reply_mb * 1_000_000)
        except wire.WireError as error:
            raise StudentGone(f"the reply can't be read: {error}") from None

    def _note_forbidden(self, calls: Any) -> None:
        """Forbidden calls that the student process reports of itself: the one claim that can only cost points."""
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, list) and len(call) == 2 and call[0] in self._forbids:
                self.forbidden[call[0]] = call[1] if isinstance(call[1], int) else None

    def _unpack(self, tree: wire.Tree, tensors: list[Tensor]) -> Any:
        try:
            return wire.unpack(tree, tensors)
        except wire.WireError as error:
            raise StudentGone(f"the reply can't be read: {error}") from None

    def _receive(self) -> tuple[dict, list[bytearray]]:
        try:
            return wire.receive(self._read, self._limits.reply_mb * 1_000_000)
        except wire.WireError as error:
            raise StudentGone(f"the reply can't be read: {error}") from None
        except (EOFError, OSError):
            raise StudentGone("the student process has ended") from None

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


class RemoteFunction:
    """A student's function. course.check asks it for `changed_by_last_call` and `on_stand_in_device`."""

    def __init__(self, border: Border, name: str):
        self._border = border
        self.__name__ = name
        self.changed_by_last_call: list[str] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, self.changed_by_last_call = self._border.call(("function", self.__name__), args, kwargs)
        return value

    def on_stand_in_device(self, *args: Any, **kwargs: Any) -> Any:
        """The value that the function computes when its tensors seem to live on another device."""
        return self._border.call(("function", self.__name__), args, kwargs, stand_in=True)[0]

    def __repr__(self) -> str:
        return f"<the student's {self.__name__}>"


class _Inner(nn.Module):
    """A sub-module of a student's module: it holds parameters; only the whole module can be called."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise AuthorError("a sub-module of a student's module can't be called from a test; call the module itself")


class RemoteModule(nn.Module):
    """A student's module: a real nn.Module whose parameters and buffers are local copies under the student's names.

    Each call sends those that changed since they last crossed; what training changes over there comes back.
    """

    _border: Border
    _class_name: str

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        reply, tensors = self._border.new(self._class_name, args, kwargs)
        self._adopt(reply, lambda tree: self._border._unpack(tree, tensors))

    def _adopt(self, reply: dict, unpack: Callable) -> None:
        if not isinstance(reply.get("handle"), int):
            raise StudentGone("the reply holds no module")
        self.handle: int = reply["handle"]
        self.changed_by_last_call: list[str] | None = None
        self._crossed: dict[str, Tensor] = {}
        for table in ("parameters", "buffers"):
            for name, tree in (reply.get(table) or {}).items():
                value = unpack(tree)
                if not isinstance(value, Tensor):
                    raise StudentGone("the reply holds a parameter that is no tensor")
                self._plant(name, value.clone(), table == "parameters")

    def _plant(self, name: str, value: Tensor, is_parameter: bool) -> None:
        *path, leaf = name.split(".")
        module: nn.Module = self
        for part in path:
            if part not in module._modules:
                module.add_module(part, _Inner())
            module = module._modules[part]
        if is_parameter:
            module.register_parameter(leaf, nn.Parameter(value, requires_grad=value.is_floating_point()))
        else:
            module.register_buffer(leaf, value)
        self._crossed[name] = value.detach().clone()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        value, self.changed_by_last_call = self._border.call(("module", self.handle), args, kwargs, modules=[self])
        return value

    def on_stand_in_device(self, *args: Any, **kwargs: Any) -> Any:
        """The value that the module computes when it and its arguments seem to live on another device."""
        return self._border.call(("module", self.handle), args, kwargs, modules=[self], stand_in=True)[0]

    def state_to_send(self, packer: wire.Packer) -> dict:
        """train/eval, and the values that were changed here since they last crossed."""
        values = {}
        for name, value in self._state().items():
            old = self._crossed[name]
            if value.dtype != old.dtype or not torch.equal(value.detach(), old):
                values[name] = (packer.pack(value)["tensor"], value.requires_grad)
                self._crossed[name] = value.detach().clone()
        return {"training": self.training, "values": values}

    def take_state(self, states: Any, unpack: Callable) -> None:
        """Take over what a call changed in place over there."""
        mine = states.get(str(self.handle), {}) if isinstance(states, dict) else {}
        current = self._state()
        for name, tree in mine.items() if isinstance(mine, dict) else ():
            value = unpack(tree)
            if name in current and isinstance(value, Tensor) and value.shape == current[name].shape:
                with torch.no_grad():
                    current[name].copy_(value)
                self._crossed[name] = value.detach().clone()

    def _state(self) -> dict[str, Tensor]:
        return dict(self.named_parameters()) | dict(self.named_buffers())

    def __deepcopy__(self, memo: dict) -> "RemoteModule":
        reply, tensors = self._border.request("copy", handle=self.handle)
        twin = type(self).__new__(type(self))
        nn.Module.__init__(twin)
        twin._adopt(reply, lambda tree: self._border._unpack(tree, tensors))
        with torch.no_grad():
            for name, value in twin._state().items():
                value.data = self._state()[name].detach().clone()
        return twin.train(self.training)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise AttributeError(
                f"{name!r} of a student's module can't be reached by a test: only parameters and buffers cross"
            ) from None


class _Graph(torch.autograd.Function):
    """Ties the outputs of a remote call to its inputs; the backward pass is a remote vector–Jacobian product."""

    @staticmethod
    def forward(ctx, border: Border, graph: int, outputs: list[Tensor], flags: list[bool], *inputs: Tensor):
        ctx.border, ctx.graph = border, graph
        ctx.inputs, ctx.flags = inputs, flags
        ctx.mark_non_differentiable(*(output for output, flag in zip(outputs, flags, strict=True) if not flag))
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, *cotangents: Tensor | None):
        wanted = [i for i, (c, flag) in enumerate(zip(cotangents, ctx.flags, strict=True)) if flag and c is not None]
        gradients = ctx.border.vjp(ctx.graph, wanted, [cotangents[i] for i in wanted], list(ctx.inputs))
        return (None, None, None, None, *gradients)


def _argument_names(args: tuple, kwargs: dict, tensors: list[Tensor]) -> dict[int, str]:
    places = {id(value): f"argument {i + 1}" for i, value in enumerate(args)}
    places |= {id(value): f"argument {name}" for name, value in kwargs.items()}
    return {row: places[id(tensor)] for row, tensor in enumerate(tensors) if id(tensor) in places}
