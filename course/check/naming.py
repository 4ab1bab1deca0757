"""How messages speak of types, shapes and arguments. Nothing here shows a tensor's values."""

import inspect
from typing import Any

import torch


def type_name(value: Any) -> str:
    """The short name of a value's type: "tensor" for tensors, "NoneType", "list"…"""
    return "tensor" if isinstance(value, torch.Tensor) else type(value).__name__


def dtype_name(dtype: torch.dtype) -> str:
    """A dtype without its module: "float16"."""
    return str(dtype).removeprefix("torch.")


def wrong_type(actual: Any, wanted: str = "a tensor") -> str:
    """Say that `actual` is not what was wanted; None gets a hint at a missing `return`."""
    hint = ": does the function return its result?" if actual is None else ""
    return f"expected {wanted}, got {type_name(actual)}{hint}"


def argument_names(fn: Any, args: tuple, kwargs: dict) -> list[str]:
    """Names for messages: "argument 1 (q)" for positional arguments, "argument `mask`" for the others."""
    try:
        parameters = list(inspect.signature(getattr(fn, "forward", fn)).parameters.values())
    except (TypeError, ValueError):  # built-in functions, and stand-ins for functions of another process
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    positional = [f"argument {i + 1}" + (f" ({named[i]})" if i < len(named) else "") for i in range(len(args))]
    return positional + [f"argument `{key}`" for key in kwargs]
