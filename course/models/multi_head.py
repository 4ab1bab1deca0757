"""Multi-head attention: h small attentions side by side, each with projections of its own.

Source: Vaswani et al. 2017 (arXiv:1706.03762), §3.2.2.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.attention import attention, attention_weights

PerHead = Float[Tensor, "batch heads _ d_k"]  # `_`: queries and keys differ in number
Mask = Bool[Tensor, "..."]


class KeyValueCache:
    """The keys and values of the positions so far, (B, H, length, d_k) each.

    Room is made by doubling, so that appending L tokens one by one copies O(L) numbers, not O(L²).
    """

    def __init__(self) -> None:
        self.length = 0
        self._room: tuple[Tensor, Tensor] | None = None

    def append(self, K: PerHead, V: PerHead) -> tuple[PerHead, PerHead]:
        """Keep new keys and values behind the old ones; return them all."""
        end = self.length + K.shape[-2]
        if self._room is None:
            self._room = (K, V)  # as they are: the first append, of a whole prompt, copies nothing
        else:
            if end > self._room[0].shape[-2]:
                self._room = tuple(self._grown(x, 2 * end) for x in self._room)
            for room, new in zip(self._room, (K, V), strict=True):
                room[:, :, self.length : end] = new
        self.length = end
        return self.contents()

    def contents(self) -> tuple[PerHead, PerHead]:
        """The keys and values that were appended so far."""
        K, V = self._room
        return K[:, :, : self.length], V[:, :, : self.length]

    def select(self, rows: Int[Tensor, " rows"]) -> "KeyValueCache":
        """A cache with these rows of the batch, in this order, as beam search needs it."""
        chosen = KeyValueCache()
        if self._room is not None:
            chosen.length, chosen._room = self.length, tuple(x[rows] for x in self.contents())
        return chosen

    def _grown(self, x: Tensor, size: int) -> Tensor:
        room = x.new_empty(*x.shape[:2], size, x.shape[-1])  # (B, H, size, d_k)
        room[:, :, : self.length] = x[:, :, : self.length]
        return room


class MultiHeadAttention(nn.Module):
    """concat(head_1, …, head_H) W_O with head_i = attention(x W_Q_i, memory W_K_i, memory W_V_i).

    The projections of all heads lie side by side in one matrix each; `split` and `merge` are the only difference
    between one head and many.

    Args:
        d_model: size of the queries' vectors and of the output; each head has d_k = d_v = d_model / heads.
        heads: number of heads H.
        d_memory: size of the memory's vectors, if it is another.
        bias: whether projections have a bias, as nearly all implementations have; the paper's formulas have none.
        dropout: on the attention weights, while training.
        rotary: turns queries and keys (`RotaryPositions`), if given.

    Raises:
        ValueError: d_model is not a multiple of heads.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        *,
        d_memory: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        rotary: nn.Module | None = None,
    ):
        super().__init__()
        if d_model % heads:
            raise ValueError(f"d_model is a multiple of the number of heads: {d_model} is not one of {heads}")
        d_memory = d_memory or d_model
        self.heads, self.dropout, self.rotary = heads, dropout, rotary
        self.W_Q = nn.Linear(d_model, d_model, bias=bias)
        self.W_K = nn.Linear(d_memory, d_model, bias=bias)
        self.W_V = nn.Linear(d_memory, d_model, bias=bias)
        self.W_O = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Float[Tensor, "batch queries d_model"],
        memory: Float[Tensor, "batch keys d_memory"] | None = None,
        *,
        mask: Mask | None = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "batch queries d_model"]:
        """Self-attention over x, or, with a memory, cross-attention from x to it.

        Args:
            mask: broadcasts to (B, H, T, S); True means "may attend".
            causal: hide the future of each query.
            cache: self-attention appends the new keys and values and attends to all; cross-attention fills it once.
        """
        Q, K, V = self.project(x, memory, cache)
        dropout = self.dropout if self.training else 0.0
        return self.W_O(merge(attention(Q, K, V, mask, causal=causal, dropout=dropout)))

    def weights(
        self,
        x: Float[Tensor, "batch queries d_model"],
        memory: Float[Tensor, "batch keys d_memory"] | None = None,
        *,
        mask: Mask | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "batch heads queries keys"]:
        """What each head looks at, without dropout: the same projections and the same fused operation as `forward`."""
        Q, K, _ = self.project(x, memory)
        return attention_weights(Q, K, mask, causal=causal)

    def project(
        self, x: Tensor, memory: Tensor | None = None, cache: KeyValueCache | None = None
    ) -> tuple[PerHead, PerHead, PerHead]:
        """Queries, keys and values of all heads, with those of the past where a cache holds them."""
        past = cache.length if cache is not None and memory is None else 0
        Q = self.turn(split(self.W_Q(x), self.heads), past)  # (B, H, T, d_k)
        if cache is not None and memory is not None and cache.length:
            return Q, *cache.contents()  # a memory does not change while its translation is written
        source = x if memory is None else memory
        K = self.turn(split(self.W_K(source), self.heads), past)  # (B, H, S, d_k)
        V = split(self.W_V(source), self.heads)  # (B, H, S, d_v)
        return (Q, K, V) if cache is None else (Q, *cache.append(K, V))

    def turn(self, x: PerHead, offset: int) -> PerHead:
        return x if self.rotary is None else self.rotary(x, offset)


def split(x: Float[Tensor, "batch time d_model"], heads: int) -> PerHead:
    """Cut each vector into `heads` pieces: head i gets the i-th one."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, H, T, d_model / H)


def merge(x: PerHead) -> Float[Tensor, "batch time d_model"]:
    """Put the pieces of all heads behind each other again."""
    return x.transpose(1, 2).flatten(-2)  # (B, T, d_model)


@contextmanager
def recorded_weights(model: nn.Module) -> Iterator[dict[str, Float[Tensor, "batch heads queries keys"]]]:
    """While this context lasts, keep the attention weights of every `MultiHeadAttention` in `model` that runs.

    Yields:
        a dict that fills up: the module's name in the model -> the weights of its last call, without gradient.

    Example:
        with recorded_weights(bert) as weights:
            bert(tokens)
        weights["encoder.layers.3.self_attention"][0, 5]  # layer 3, first sentence, head 5: (T, S)
    """
    found: dict[str, Tensor] = {}

    def keep(name: str):
        @torch.no_grad()
        def hook(module: MultiHeadAttention, arguments: tuple, options: dict) -> None:
            if options.get("cache") is not None:
                raise ValueError("attention weights are recorded without a cache: run the whole sequence at once")
            found[name] = module.weights(*arguments, **{k: v for k, v in options.items() if k != "cache"})

        return hook

    modules = [(name, module) for name, module in model.named_modules() if isinstance(module, MultiHeadAttention)]
    hooks = [module.register_forward_pre_hook(keep(name), with_kwargs=True) for name, module in modules]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
