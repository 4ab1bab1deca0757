"""Tensors inside tuples, lists and dictionaries: find them, or put others in their place."""

from collections.abc import Callable
from typing import Any

import torch


def map_leaves(change: Callable[[Any], Any], value: Any) -> Any:
    """Rebuild `value` with `change` applied to everything that is not a tuple, list or dict."""
    if isinstance(value, dict):
        return {key: map_leaves(change, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple takes its fields one by one
        return type(value)(*(map_leaves(change, item) for item in value))
    if isinstance(value, list):
        return [map_leaves(change, item) for item in value]
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        return tuple(map_leaves(change, item) for item in value)
    return change(value)


def leaves(value: Any) -> list[Any]:
    """Everything inside `value` that is not a tuple, list or dict, in order."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def tensors(value: Any) -> list[torch.Tensor]:
    """Every tensor inside `value`, in order."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, torch.Tensor)]


def floating(value: Any) -> list[torch.Tensor]:
    """Every floating-point tensor inside `value`, in order."""
    return [tensor for tensor in tensors(value) if tensor.is_floating_point()]
