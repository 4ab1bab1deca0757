"""check.gradient: do gradients flow, and are they right?

The outputs of the function are projected on random directions; the gradient of that one number is compared
with autograd's through a reference, or with central finite differences where there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course.check.differences import Point, agree_along, best_step, slopes
from course.check.errors import type_names
from course.check.failure import CheckFailed, check
from course.check.naming import argument_names, wrong_type
from course.check.nested import floating, map_leaves
from course.check.values import Rules, held_to, mismatch

CUT = "the result is cut off from its inputs (.detach(), .item(), .numpy() or torch.no_grad())"
RULES = Rules(slack=4)  # a gradient passes through more roundings than a value
DIRECTIONS = 3


@dataclass(frozen=True)
class Pulled:
    """A call of a function, and the gradients of its projected outputs: {name: gradient or None}."""

    outputs: list[torch.Tensor]
    directions: list[torch.Tensor]
    inputs: dict[str, torch.Tensor]
    gradients: dict[str, torch.Tensor | None]

    def reaches(self, name: str) -> bool:
        """Did a gradient that is not zero everywhere come back to this input?"""
        return self.gradients[name] is not None and bool(self.gradients[name].any())

    def at(self, name: str) -> torch.Tensor:
        """The gradient of this input, zeros if none came."""
        return self.gradients[name] if self.reaches(name) else torch.zeros_like(self.inputs[name])


@check
def gradient(
    fn: Callable, *args: Any, reference: Callable | None = None, mistakes: dict[str, Callable] | None = None
) -> None:
    """Hold that the gradients of `fn(*args)` with respect to its floating arguments are right.

    `fn` returns a tensor or a tuple of them; every floating tensor in it counts. With `reference`, a function
    of the same arguments, gradients are compared with autograd's; if both are modules with the same parameter
    names, those of the parameters too. Without it they are compared with finite differences in float64.

    Args:
        mistakes: {message: a wrong function of the same arguments}. If the gradients are that function's, the
            failure's message is that message. Needs a reference.

    Raises:
        CheckFailed: they are not; it names a graph that was cut.
        TypeError: no argument is floating.
    """
    if not floating(args):
        raise TypeError("check.gradient: no argument is a floating tensor")
    if mistakes and reference is None:
        raise TypeError("check.gradient: mistakes need a reference")
    with torch.enable_grad():
        if reference is None:
            against_differences(fn, args)
        else:
            against_reference(fn, reference, args, mistakes or {})


def against_reference(fn: Callable, reference: Callable, args: tuple, mistakes: dict[str, Callable]) -> None:
    """Compare with autograd through the reference, at the same inputs, along the same directions."""
    own, wanted = (dict(f.named_parameters()) if isinstance(f, nn.Module) else {} for f in (fn, reference))
    parameters = own.keys() == wanted.keys()
    names = argument_names(fn, args, {})
    truth = pull(reference, args, names, wanted if parameters else {})
    yours = pull(fn, args, names, own if parameters else {}, truth)
    for name, value in truth.inputs.items():
        # Where the true gradient is zero, the reference may still hold rounding noise: that is no sign of a cut.
        is_zero = mismatch(torch.zeros_like(value), truth.at(name), RULES) is None
        if not yours.reaches(name) and not is_zero:
            raise CheckFailed(f"{CUT}: no gradient reaches {name}", CUT)
    for name in truth.inputs:
        if mismatch(yours.at(name), truth.at(name), RULES) is not None:
            mistake = recognise(yours, truth, args, names, mistakes)
            if mistake is not None:
                raise CheckFailed(mistake, mistake)
            held_to(yours.at(name), truth.at(name), RULES, name=f"the gradient of {name}")


def pull(
    fn: Callable,
    args: tuple,
    names: list[str],
    parameters: dict[str, nn.Parameter],
    truth: Pulled | None = None,
) -> Pulled:
    """Call `fn` on copies of the arguments and pull random directions (or those of `truth`) back."""
    inputs: dict[str, torch.Tensor] = {}
    copies = tuple(map_leaves(lambda v, n=name: leaf(v, n, inputs), arg) for arg, name in zip(args, names, strict=True))
    inputs |= {f"parameter `{name}`": p for name, p in parameters.items() if p.requires_grad}
    result = fn(*copies)
    outputs = floating(result)
    if not outputs:
        raise CheckFailed(wrong_type(result, "a floating tensor"))
    if any(out.isnan().any() for out in outputs):
        raise CheckFailed("the result holds NaN")
    if truth is not None:
        outputs = matched(outputs, truth.outputs)
    directions = [torch.randn_like(out) for out in outputs]
    if truth is not None:
        directions = [d.to(out) for d, out in zip(truth.directions, outputs, strict=True)]
    attached = [(out, d) for out, d in zip(outputs, directions, strict=True) if out.requires_grad]
    if not attached:
        raise CheckFailed(CUT, CUT)
    ends, along = zip(*attached, strict=True)
    found = torch.autograd.grad(ends, list(inputs.values()), along, allow_unused=True)
    return Pulled(outputs, directions, inputs, dict(zip(inputs, found, strict=True)))


def leaf(value: Any, name: str, inputs: dict[str, torch.Tensor]) -> Any:
    """A copy of a floating tensor that asks for a gradient, noted under its name; others as they are."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().clone()
    if value.is_floating_point():
        parts = sum(known == name or known.startswith(f"{name}, tensor ") for known in inputs)
        inputs[f"{name}, tensor {parts + 1}" if parts else name] = value.requires_grad_()
    return value


def matched(outputs: list[torch.Tensor], wanted: list[torch.Tensor]) -> list[torch.Tensor]:
    """As many outputs as the reference has, of the same shapes."""
    if len(outputs) < len(wanted):
        raise CheckFailed(f"expected {len(wanted)} floating tensors in the result, got {len(outputs)}")
    for mine, expected in zip(outputs, wanted, strict=False):
        if mine.shape != expected.shape:
            raise CheckFailed(f"the result has shape {tuple(mine.shape)}, expected {tuple(expected.shape)}")
    return outputs[: len(wanted)]


def recognise(yours: Pulled, truth: Pulled, args: tuple, names: list[str], mistakes: dict[str, Callable]) -> str | None:
    """The message of the first mistake whose gradients these are, with respect to every argument."""
    arguments = [name for name in yours.inputs if not name.startswith("parameter ")]
    for message, wrong in mistakes.items():
        try:
            theirs = pull(wrong, args, names, {}, truth)
        except CheckFailed:  # another shape, or no gradient at all: not this one
            continue
        if all(mismatch(yours.at(n), theirs.at(n), Rules(slack=4, nan_is_equal=True)) is None for n in arguments):
            return message
    return None


def against_differences(fn: Callable, args: tuple) -> None:
    """Compare with how the projected outputs change along random directions of all arguments together."""
    names = argument_names(fn, args, {})
    try:
        point = Point.in_float64(fn, args)
        yours = pull(point.fn, point.args, names, {})
    except Exception as error:
        if "RuntimeError" not in type_names(error):
            raise
        # the answer mixes in float32 of its own: then differences are taken there, and are coarser
        point = Point(fn, args)
        yours = pull(fn, args, names, {})
    inputs = list(yours.inputs.values())
    gradients = [yours.at(name).double() for name in yours.inputs]
    if not all(g.isfinite().all() for g in gradients):
        raise CheckFailed("the gradient holds NaN or infinite values")
    directions = [[torch.randn_like(t) for t in inputs] for _ in range(DIRECTIONS)]
    wrong = [steps for steps in directions if not agree_along(point, yours, gradients, steps)]
    if len(wrong) > 1:  # a single one may have stepped over a kink, of relu or max
        raise blame(point, yours, gradients)


def blame(point: Point, yours: Pulled, gradients: list[torch.Tensor]) -> CheckFailed:
    """Move one argument at a time to find the one whose gradient is wrong."""
    for place, name in enumerate(yours.inputs):
        steps = [
            torch.randn_like(t) if i == place else torch.zeros_like(t) for i, t in enumerate(yours.inputs.values())
        ]
        if agree_along(point, yours, gradients, steps):
            continue
        if not yours.reaches(name):
            return CheckFailed(f"{CUT}: no gradient reaches {name}", CUT)
        (change, *_), _ = slopes(point, yours, steps, best_step(point, yours))
        predicted = sum((g * s).sum().item() for g, s in zip(gradients, steps, strict=True))
        details = f"along a random direction the result changes by {change:.4g}, not by {predicted:.4g}"
        return CheckFailed(f"the gradient of {name} differs from finite differences", details=details)
    return CheckFailed("the gradient differs from finite differences")
