"""The Evoformer is AlphaFold's: outputs and gradients are those of its Supplement, index by index, and of ESMFold."""

import random
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course.models.evoformer import (
    Evoformer,
    EvoformerBlock,
    MSAColumnAttention,
    MSARowAttention,
    OuterProductMean,
    Transition,
    TriangleAttention,
    TriangleMultiplication,
)
from tests.support import evoformer_by_hand as by_hand
from tests.support.weights import shaken

SEEDS = range(3)


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another."""
    draw = random.Random(seed)
    B, (S, N, heads, pair_heads) = 2, draw.sample(range(3, 7), 4)
    d_head, pair_d_head, d_outer, d_triangle, d_pair, d_msa = draw.sample(range(7, 19), 6)
    options = {
        "heads": heads,
        "d_head": d_head,
        "d_outer": d_outer,
        "d_triangle": d_triangle,
        "pair_heads": pair_heads,
        "pair_d_head": pair_d_head,
        "factor": draw.choice([2, 3]),
    }
    return SimpleNamespace(B=B, S=S, N=N, d_msa=d_msa, d_pair=d_pair, options=options, **options)


def block_of(n: SimpleNamespace, seed: int, **options) -> EvoformerBlock:
    return shaken(EvoformerBlock(n.d_msa, n.d_pair, **n.options, **options), seed)


def inputs(n: SimpleNamespace, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """m and z."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (n.B, n.S, n.N, n.d_msa), (n.B, n.N, n.N, n.d_pair)
    return tuple(torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes)


def masks(n: SimpleNamespace, seed: int, masked: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """With holes anywhere, and a sequence, a residue and a row of pairs of which nothing is real."""
    generator = torch.Generator().manual_seed(seed)
    msa, pair = (torch.rand(shape, generator=generator) < 0.7 for shape in ((n.B, n.S, n.N), (n.B, n.N, n.N)))
    msa[0, 1], msa[1, :, 1], pair[1, 0] = False, False, False
    return (msa, pair) if masked else (torch.ones_like(msa), torch.ones_like(pair))


def assert_same_with_gradients(ours, theirs, tensors) -> None:
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn(ours.shape, dtype=ours.dtype, generator=torch.Generator().manual_seed(2))
    found, expected = (torch.autograd.grad(x, tensors, upstream, materialize_grads=True) for x in (ours, theirs))
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(a, b, msg=lambda text, number=number: f"gradient {number}: {text}")


# --- the Supplement, index by index


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["7", "8", "9", "10", "11", "12", "13", "14", "15"])
def test_each_layer_is_its_algorithm(name: str, masked: bool, seed: int):
    n = sizes(seed)
    m, z = inputs(n, seed)
    msa, pair = masks(n, seed, masked)
    pairs, rows = by_hand.algorithm_11_12, by_hand.algorithm_13_14
    layer, arguments, reference = {
        "7": (MSARowAttention(n.d_msa, n.d_pair, n.heads, n.d_head), (m, z, msa), by_hand.algorithm_7),
        "8": (MSAColumnAttention(n.d_msa, n.heads, n.d_head), (m, msa), by_hand.algorithm_8),
        "9": (Transition(n.d_msa, n.factor), (m,), by_hand.algorithm_9),
        "10": (OuterProductMean(n.d_msa, n.d_outer, n.d_pair), (m, msa), by_hand.algorithm_10),
        "11": (TriangleMultiplication(n.d_pair, n.d_triangle, outgoing=True), (z, pair), pairs),
        "12": (TriangleMultiplication(n.d_pair, n.d_triangle, outgoing=False), (z, pair), pairs),
        "13": (TriangleAttention(n.d_pair, n.pair_heads, n.pair_d_head, starting=True), (z, pair), rows),
        "14": (TriangleAttention(n.d_pair, n.pair_heads, n.pair_d_head, starting=False), (z, pair), rows),
        "15": (Transition(n.d_pair, n.factor), (z,), by_hand.algorithm_9),
    }[name]
    which = {"11": {"outgoing": True}, "12": {"outgoing": False}, "13": {"starting": True}, "14": {"starting": False}}
    shaken(layer, seed)
    expected = torch.stack([reference(layer, *x, **which.get(name, {})) for x in zip(*arguments, strict=True)])
    learned = [x for x in arguments if x.requires_grad] + list(layer.parameters())
    ours = layer(*arguments) if masked else layer(*(x for x in arguments if x.is_floating_point()))
    assert_same_with_gradients(ours, expected, learned)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_block_is_algorithm_6(masked: bool, seed: int):
    n = sizes(seed)
    m, z = inputs(n, seed)
    both = masks(n, seed, masked)
    block = block_of(n, seed)
    ours = block(m, z, *both) if masked else block(m, z)
    expected = [by_hand.algorithm_6(block, *x) for x in zip(m, z, *both, strict=True)]
    expected = [torch.stack(x) for x in zip(*expected, strict=True)]
    learned = [m, z, *block.parameters()]
    assert_same_with_gradients(*(torch.cat([x.flatten() for x in out]) for out in (ours, expected)), learned)


def test_the_stack_reads_the_single_representation_from_the_first_sequence():
    n = sizes(0)
    m, z = inputs(n, 0)
    stack = shaken(Evoformer(2, n.d_msa, n.d_pair, d_single=5, **n.options))
    found = stack(m, z)
    for block in stack.blocks:
        m, z = block(m, z)
    expected = m, z, m[:, 0] @ stack.single.weight.T + stack.single.bias
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


# --- ESMFold's triangles

THEIR_MULTIPLICATION = {
    "layer_norm_in": "norm",
    "layer_norm_out": "hidden_norm",
    "linear_a_p": "left",
    "linear_b_p": "right",
    "linear_a_g": "left_gate",
    "linear_b_g": "right_gate",
    "linear_g": "gate",
    "linear_z": "output",
}
THEIR_ATTENTION = {
    "layer_norm": "norm",
    "linear": "third_side",
    "mha.linear_q": "attention.W_Q",
    "mha.linear_k": "attention.W_K",
    "mha.linear_v": "attention.W_V",
    "mha.linear_g": "attention.W_G",
    "mha.linear_o": "attention.W_O",
}


def hold_to(theirs: nn.Module, ours: nn.Module, names: dict[str, str], z: torch.Tensor, mask, where) -> None:
    """With their weights, our output and our gradients are theirs, at the pairs that `where` marks."""
    translated = {}
    for name, value in theirs.state_dict().items():
        path, _, kind = name.rpartition(".")
        translated[f"{names[path]}.{kind}"] = value
    ours.load_state_dict(translated)
    ours.double()
    found = ours(z, mask)[where]
    expected = theirs(z, None if mask is None else mask.to(z.dtype))[where]
    torch.testing.assert_close(found, expected)
    upstream = torch.randn(found.shape, dtype=found.dtype, generator=torch.Generator().manual_seed(2))
    own = dict(ours.named_parameters())
    pairs = [(parameter, own[f"{names[path]}.{kind}"]) for (path, _, kind), parameter in
             ((name.rpartition("."), p) for name, p in theirs.named_parameters())]  # fmt: skip
    a = torch.autograd.grad(found, [z, *(mine for _, mine in pairs)], upstream)
    b = torch.autograd.grad(expected, [z, *(yours for yours, _ in pairs)], upstream)
    assert len(a) == len(list(ours.parameters())) + 1
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y)


def their_masks(n: SimpleNamespace, kind: str, seed: int) -> tuple[torch.Tensor | None, torch.Tensor]:
    """A mask, and the pairs at which both are defined: ESMFold lets a query without keys look at all of them."""
    whole = torch.ones(n.B, n.N, n.N, dtype=torch.bool)
    if kind == "no mask":
        return None, whole
    if kind == "padded residues":
        real = torch.arange(n.N) < torch.tensor([n.N - row % n.N for row in range(n.B)])[:, None]
        return real[:, :, None] & real[:, None, :], real[:, :, None] & real[:, None, :]
    mask = torch.rand(n.B, n.N, n.N, generator=torch.Generator().manual_seed(seed)) < 0.6
    return mask | torch.eye(n.N, dtype=torch.bool), whole


MASKS = ["no mask", "padded residues", "holes anywhere"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("outgoing", [True, False])
def test_triangle_multiplication_is_that_of_esmfold(outgoing: bool, kind: str, seed: int, transformers):
    from transformers.models.esm.modeling_esmfold import EsmFoldTriangleMultiplicativeUpdate as Theirs

    n = sizes(seed)
    theirs = shaken(Theirs(SimpleNamespace(pairwise_state_dim=n.d_pair), _outgoing=outgoing), seed)
    ours = TriangleMultiplication(n.d_pair, n.d_pair, outgoing=outgoing)  # theirs has no size of its own inside
    hold_to(theirs, ours, THEIR_MULTIPLICATION, inputs(n, seed)[1], *their_masks(n, kind, seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("starting", [True, False])
def test_triangle_attention_is_that_of_esmfold(starting: bool, kind: str, seed: int, transformers):
    from transformers.models.esm.modeling_esmfold import EsmFoldTriangleAttention as Theirs

    n = sizes(seed)
    theirs = shaken(Theirs(n.d_pair, n.pair_d_head, n.pair_heads, starting=starting), seed)
    ours = TriangleAttention(n.d_pair, n.pair_heads, n.pair_d_head, starting=starting)
    hold_to(theirs, ours, THEIR_ATTENTION, inputs(n, seed)[1], *their_masks(n, kind, seed))
