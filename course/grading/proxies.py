"""What a test cell holds of a student's functions and modules: proxies that look like the student's own objects.

Nothing in here runs the student's code; a proxy asks the student process through its border (border.py), and takes what
comes back for a claim.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from course.grading import wire

# A parameter's name is an attribute's, so it is short; a module of modules is a few levels deep.
MAX_NAME, MAX_LEVELS = 200, 20
MAX_LINES = 10_000
# Weights that are as good as zero show nothing of what is done with them: those are drawn here.
TELLING = 1e-2


class StudentError(Exception):
    """The student's code raised: the type's name and ancestry, its message, the line in the student's cell."""

    def __init__(self, report: dict):
        self.type_name = _text(report.get("type"), 80) or "Exception"
        ancestry = report.get("mro")
        self.mro = [_text(name, 80) for name in ancestry[:20]] if isinstance(ancestry, list) else []
        self.message = _text(report.get("message"), 2000)
        line = report.get("line")
        self.line = line if type(line) is int and 0 < line < MAX_LINES else None
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


class RemoteFunction:
    """A student's function. course.check asks it for `changed_by_last_call` and `on_stand_in_device`."""

    def __init__(self, border: Any, name: str):
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

    _border: Any
    _class_name: str

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        reply, tensors = self._border.new(self._class_name, args, kwargs)
        self._adopt(reply, lambda tree: self._border._unpack(tree, tensors))
        with torch.no_grad():
            for value in self.parameters():
                if value.numel() > 1 and value.is_floating_point() and not bool((value.abs() > TELLING).any()):
                    bound = value.shape[-1] ** -0.5
                    value.uniform_(-bound, bound)

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
        if len(name) > MAX_NAME or len(path) > MAX_LEVELS:
            raise StudentGone("the reply holds a parameter whose name is too long")
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

    def take_state(self, states: Any, unpack: Callable, parameters: bool) -> None:
        """Take over what a call changed in place over there: buffers, and `parameters` after training.

        A test may compute what it expects from the weights after the call: they must not be the student's word.
        """
        mine = states.get(str(self.handle), {}) if isinstance(states, dict) else {}
        current = self._state() if parameters else dict(self.named_buffers())
        for name, tree in mine.items() if isinstance(mine, dict) else ():
            if name not in current:
                continue
            value = unpack(tree)
            if isinstance(value, Tensor) and value.shape == current[name].shape:
                with torch.no_grad():
                    current[name].copy_(value)
                self._crossed[name] = value.detach().clone()

    def share_parameters(self, other: nn.Module) -> None:
        """Have the parameters of a module of ours, under the same names, for one's own."""
        for name, parameter in other.named_parameters():
            *path, leaf = name.split(".")
            self.get_submodule(".".join(path))._parameters[leaf] = parameter

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


def given_class(own: type[nn.Module], make_twin: Callable[[tuple, dict], RemoteModule]) -> type[nn.Module]:
    """A class of ours whose instances can be handed to a student's function: there a twin with these weights stands in.

    The twin is made when it is first needed; its parameters are the instance's own, so gradients reach them.
    """

    class Given(own):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self._made_with = args, kwargs
            self._twin: tuple[RemoteModule, ...] = ()  # in a tuple, so that it is no sub-module

        def twin(self) -> RemoteModule:
            if not self._twin:
                self._twin = (make_twin(*self._made_with),)
                self._twin[0].share_parameters(self)
            return self._twin[0].train(self.training)

        def __deepcopy__(self, memo: dict) -> "Given":
            copy = Given(*self._made_with[0], **self._made_with[1])
            copy.load_state_dict(self.state_dict())
            for mine, other in zip(copy.parameters(), self.parameters(), strict=True):
                mine.data = other.detach().clone()  # another dtype, too
            return copy.train(self.training)

    Given.__name__ = Given.__qualname__ = own.__name__
    return Given


class Graph(torch.autograd.Function):
    """Ties the outputs of a remote call to its inputs; the backward pass is a remote vector–Jacobian product."""

    @staticmethod
    def forward(ctx, border: Any, graph: int, outputs: list[Tensor], flags: list[bool], *inputs: Tensor):
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


def _text(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


def argument_names(args: tuple, kwargs: dict, tensors: list[Tensor]) -> dict[int, str]:
    places = {id(value): f"argument {i + 1}" for i, value in enumerate(args)}
    places |= {id(value): f"argument {name}" for name, value in kwargs.items()}
    return {row: places[id(tensor)] for row, tensor in enumerate(tensors) if id(tensor) in places}
