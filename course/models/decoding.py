"""From a model of the next token to a sequence: greedy, beam, and sampling.

A model that can be decoded has `start(…) -> state` and `step(token, state) -> logits, state`; a state has
`select(rows)`. So one decoder serves GRU, Bahdanau's model, the transformer and GPT, with a cache or without.

Sources: beam search with a length penalty as in Wu et al. 2016 (arXiv:1609.08144), §7, used by the transformer
(§6.1: beam 4, α = 0.6); top-k in Fan et al. 2018 (arXiv:1805.04833), §5.4; top-p (nucleus) in Holtzman et al. 2019
(arXiv:1904.09751), §3.1.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Tokens = Int[Tensor, "batch time"]
Logits = Float[Tensor, "*batch vocab"]


@runtime_checkable
class State(Protocol):
    """What a model remembers of the tokens that it has read."""

    def select(self, rows: Int[Tensor, " rows"]) -> "State":
        """These rows of the batch, in this order."""


Step = Callable[[Tensor, State], tuple[Tensor, State]]


# --- one sequence for each row: greedy and sampled

Choose = Callable[[Tensor], Tensor]


@torch.no_grad()
def generate(
    step: Step,
    state: State,
    first: Int[Tensor, " batch"],
    *,
    end: int,
    max_length: int,
    choose: Choose = lambda logits: logits.argmax(dim=-1),
    pad: int = 0,
) -> Tokens:
    """Append one chosen token after the other. Without `choose` the most likely one: greedy decoding.

    Args:
        step, state: of a model; the state has read everything before `first`.
        first: the token to start from (BOS, or the last one of a prompt).
        end: the token that ends a sequence; it is kept.
        max_length: most tokens that are appended.
        choose: from logits (B, V) to tokens (B,), for instance `sampler(…)`.
        pad: fills up rows that ended earlier.

    Returns:
        the tokens behind `first`, (B, at most max_length).
    """
    token, written = first, []
    running = torch.ones_like(first, dtype=torch.bool)
    while len(written) < max_length and running.any():
        logits, state = step(token, state)
        token = torch.where(running, choose(logits), pad)
        running = running & (token != end)
        written.append(token)
    return torch.stack(written, dim=1) if written else first.new_empty(len(first), 0)


def sampler(
    *,
    temperature: float | int = 1.0,
    top_k: int | None = None,
    top_p: float | int | None = None,
    generator: torch.Generator | None = None,
) -> Choose:
    """A `choose` for `generate`: draw from the model's distribution, cooled and cut as asked.

    Raises:
        ValueError: a temperature that is not positive, top_k < 1, or top_p outside (0, 1].
    """
    if temperature <= 0:
        raise ValueError(f"the temperature is positive, not {temperature}; for its limit 0 decode greedily")
    demand_cuts(top_k, top_p)

    def choose(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
        logits = keep_top_p(keep_top_k(logits / temperature, top_k), top_p)
        return torch.multinomial(F.softmax(logits, dim=-1), 1, generator=generator).squeeze(-1)

    return choose


def keep_top_k(logits: Logits, k: int | None) -> Logits:
    """All but the k largest logits become -inf. Ties with the k-th stay. None keeps all."""
    demand_cuts(top_k=k)
    if k is None:
        return logits
    smallest = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]  # (…, 1)
    return logits.masked_fill(logits < smallest, float("-inf"))


def keep_top_p(logits: Logits, p: float | int | None) -> Logits:
    """Keep the smallest set of most likely tokens whose probability reaches p (the nucleus). None and 1 keep all."""
    demand_cuts(top_p=p)
    if p is None or p == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    probability = F.softmax(ordered, dim=-1)
    before = probability.cumsum(dim=-1) - probability  # what stands in front of a token; the first has 0, so it stays
    return torch.full_like(logits, float("-inf")).scatter(-1, order, ordered.masked_fill(before >= p, float("-inf")))


def demand_cuts(top_k: int | None = None, top_p: float | int | None = None) -> None:
    """Raises ValueError: top_k < 1, or top_p outside (0, 1]."""
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is at least 1, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p lies in (0, 1], not {top_p}")


# --- many sequences for each row: beam search


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that beam search found. `score` is its log-probability over its `length_penalty`."""

    tokens: list[int]
    log_probability: float
    score: float


def length_penalty(length: int, alpha: float | int) -> float:
    """((5 + length) / 6)^α: what a log-probability is divided by (Wu et al., equation 14). α = 0 leaves it as it is."""
    return ((5 + length) / 6) ** alpha


@torch.no_grad()
def beam_search(
    step: Step,
    state: State,
    first: Int[Tensor, " batch"],
    *,
    end: int,
    max_length: int,
    beams: int = 4,
    alpha: float | int = 0.6,
) -> list[list[Hypothesis]]:
    """Follow the `beams` most likely beginnings at once; return what each row found, the best score first.

    In every step each beginning is continued by every token, and the most likely continuations are kept. One that
    ends is finished and leaves the beam, which is narrower by one from then on (Sutskever et al. 2014, §3.2). So one
    beam is greedy decoding, and a beam as wide as the number of sequences finds the best of all. What reaches
    `max_length` without an end counts as it is.

    Args:
        step, state, first, end, max_length: as in `generate`; the end is part of a hypothesis.
        beams: how many beginnings are kept, and how many hypotheses a row returns at most.
        alpha: exponent of `length_penalty`.

    Raises:
        ValueError: beams < 1 or max_length < 1, or the model gives NaN.
    """
    if beams < 1 or max_length < 1:
        raise ValueError(f"beams and max_length are at least 1, not {beams} and {max_length}")
    rows = [_Beam(beams, alpha, end, [[token]], [0.0]) for token in first.tolist()]
    for length in range(1, max_length + 1):
        last = [tokens[-1] for row in rows for tokens in row.prefixes]
        if not last:
            break
        logits, state = step(torch.tensor(last, device=first.device), state)
        if logits.isnan().any():
            raise ValueError(f"the model's logits of token {length} are NaN")
        blocks = F.log_softmax(logits.double(), dim=-1).cpu().split([len(row.prefixes) for row in rows])
        parents, begin = [], 0
        for row, log_p in zip(rows, blocks, strict=True):  # log_p (beginnings of this row, V)
            parents += [begin + parent for parent in row.advance(log_p, last_step=length == max_length)]
            begin += len(log_p)
        state = state.select(torch.tensor(parents, dtype=torch.long, device=first.device))
    return [sorted(row.finished, key=lambda found: -found.score) for row in rows]


@dataclass
class _Beam:
    """The live beginnings of one row (each with the first token in front), and what is finished."""

    width: int
    alpha: float | int
    end: int
    prefixes: list[list[int]]
    log_probabilities: list[float]
    finished: list[Hypothesis] = field(default_factory=list)

    def advance(self, log_p: Float[Tensor, "prefixes vocab"], *, last_step: bool) -> list[int]:
        """Continue; return for each new beginning the index of the one that it continues."""
        total = log_p + torch.tensor(self.log_probabilities, dtype=log_p.dtype)[:, None]
        room = min(self.width - len(self.finished), int(total.isfinite().sum()))
        values, indices = total.flatten().topk(room)
        before, self.prefixes, self.log_probabilities, parents = self.prefixes, [], [], []
        for value, index in zip(values.tolist(), indices.tolist(), strict=True):
            parent, token = divmod(index, log_p.shape[1])
            tokens = [*before[parent], token]
            if token == self.end or last_step:
                written = tokens[1:]
                score = value / length_penalty(len(written), self.alpha)
                self.finished.append(Hypothesis(written, value, score))
            else:
                self.prefixes.append(tokens)
                self.log_probabilities.append(value)
                parents.append(parent)
        return parents


# --- the same without a cache: to compare, and to see what a cache saves


class Prefix(NamedTuple):
    """All tokens so far (B, L), and what else the model reads: a state for models that keep nothing."""

    tokens: Tokens
    context: tuple[Tensor, ...] = ()

    def select(self, rows: Int[Tensor, " rows"]) -> "Prefix":
        return Prefix(self.tokens[rows], tuple(x[rows] for x in self.context))


def without_cache(logits_of: Callable[..., Tensor]) -> Step:
    """A `step` that runs the whole prefix through `logits_of(tokens, *context) -> (B, L, V)` for every token.

    Example:
        generate(without_cache(gpt), Prefix(prompt[:, :-1]), prompt[:, -1], end=end, max_length=20)
    """

    def step(token: Tensor, state: Prefix) -> tuple[Tensor, Prefix]:
        tokens = torch.cat([state.tokens, token[:, None]], dim=1)  # (B, L + 1)
        return logits_of(tokens, *state.context)[:, -1], Prefix(tokens, state.context)

    return step
