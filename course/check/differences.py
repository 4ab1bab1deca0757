"""Central finite differences of a function's projected outputs along a direction of its inputs."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course.check.nested import floating, map_leaves


@dataclass(frozen=True)
class Point:
    """A function and the arguments at which its slope is measured."""

    fn: Callable
    args: tuple

    @classmethod
    def in_float64(cls, fn: Callable, args: tuple) -> "Point":
        """The same in float64; a module is copied first."""
        if isinstance(fn, nn.Module):
            fn = copy.deepcopy(fn).double()
        return cls(fn, map_leaves(lambda v: v.double() if is_floating(v) else v, args))

    def moved(self, steps: list[torch.Tensor], by: float) -> tuple:
        """The arguments with `by` times its step added to each floating tensor, in order."""
        remaining = iter(steps)
        return map_leaves(lambda v: v.detach() + by * next(remaining) if is_floating(v) else copied(v), self.args)


def is_floating(value: Any) -> bool:
    """Is this a floating tensor?"""
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def copied(value: Any) -> Any:
    """A copy of a tensor, so that no call can change what the next one is given."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def slopes(point: Point, pulled: Any, steps: list[torch.Tensor], by: float) -> tuple[list[float], float]:
    """Slopes of the projected outputs along `steps`: central, forward, backward; and the rounding in them.

    Beside a kink (of relu, of max) one of the two sides is still straight.
    """
    with torch.no_grad():
        ends = [floating(point.fn(*point.moved(steps, side)))[: len(pulled.outputs)] for side in (by, -by)]
    forward, backward, size = 0.0, 0.0, 0.0
    for here, up, down, along in zip(pulled.outputs, *ends, pulled.directions, strict=True):
        here, up, down, along = (t.detach().double() for t in (here, up, down, along))
        forward += ((up - here) * along).sum().item() / by
        backward += ((here - down) * along).sum().item() / by
        size += (here * along).square().sum().sqrt().item()
    return [(forward + backward) / 2, forward, backward], 30 * size * rounding_step(point, pulled) / by


def rounding_step(point: Point, pulled: Any) -> float:
    """The coarsest eps of the dtypes that take part."""
    return max(torch.finfo(t.dtype).eps for t in [*pulled.outputs, *floating(point.args)])


def best_step(point: Point, pulled: Any) -> float:
    """The step at which a central difference errs least: the cube root of eps."""
    return rounding_step(point, pulled) ** (1 / 3)


def agree_along(point: Point, pulled: Any, gradients: list[torch.Tensor], steps: list[torch.Tensor]) -> bool:
    """Is the slope along `steps` what the gradients say? If not, it is measured again with a smaller step."""
    terms = torch.cat([(g * s.double()).flatten() for g, s in zip(gradients, steps, strict=True)])
    predicted, size = terms.sum().item(), terms.square().sum().sqrt().item()
    by = best_step(point, pulled)
    curvature = min(max(1e-6, 200 * by * by), 0.2)
    for step in (by, by / 8):
        found, noise = slopes(point, pulled, steps, step)
        if any(abs(slope - predicted) <= curvature * (abs(slope) + size) + noise for slope in found):
            return True
    return False
