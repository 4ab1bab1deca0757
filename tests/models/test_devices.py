"""Every model runs on another device than the CPU: held with a stand-in that needs no GPU, and on CUDA where it is."""

from functools import partial

import pytest
import torch
from torch import nn

from course import check
from course.models.attention import AdditiveScore, AttentionLayer, attention, attention_weights, padding_mask
from course.models.bahdanau import BahdanauEncoderDecoder
from course.models.bert import Bert, BertClassifier, BertPretraining
from course.models.classifier import SequenceClassifier
from course.models.decoding import Prefix, beam_search, generate, without_cache
from course.models.gpt import GPT
from course.models.recurrent import RecurrentEncoderDecoder
from course.models.toy import KINDS, ToyNet
from course.models.transformer import Transformer

B, S, T, V = 3, 7, 5, 11
WHOLE = {"d_model": 16, "heads": 2, "d_ff": 24, "layers": 2, "dropout": 0.0}


def tokens(length: int) -> torch.Tensor:
    return torch.randint(4, V, (B, length), generator=torch.Generator().manual_seed(length))


def mask() -> torch.Tensor:
    return padding_mask(torch.tensor([7, 2, 4]), S)


def translators() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    kinds = [(norm, positions) for norm in ("post", "pre") for positions in ("sinusoidal", "learned", "rotary")]
    made = {f"transformer, {n}, {p}": Transformer(V, V, norm=n, positions=p, **WHOLE) for n, p in kinds}
    return made | {"recurrent": RecurrentEncoderDecoder(V, V), "Bahdanau": BahdanauEncoderDecoder(V, V)}


def others() -> dict[str, tuple[nn.Module, tuple]]:
    torch.manual_seed(0)
    bert = Bert(V, 16, 2, 2, 24, max_length=9, dropout=0.0)
    segments = torch.tensor([[0, 0, 0, 1, 1, 1, 1]]).expand(B, -1).contiguous()
    texts = (tokens(S), segments, mask())
    found = {
        "GPT": (GPT(V, 9, 16, 2, 2, 0.0), (tokens(S),)),
        "BERT": (bert, texts),
        "BERT, pre-training": (BertPretraining(bert), texts),
        "BERT, classifier": (BertClassifier(bert, 3), texts),
        "attention layer": (
            AttentionLayer(AdditiveScore(4, 5, 3)),
            (torch.randn(T, 4), torch.randn(S, 5), torch.randn(S, 6)),
        ),
    }
    for encoder in ("transformer", "recurrent"):
        found[f"classifier, {encoder}"] = (SequenceClassifier(V, 3, encoder=encoder, d_model=16), (tokens(S), mask()))
    return found | {f"toy, {kind}": (ToyNet(kind), (torch.randn(2, 1, 20),)) for kind in KINDS}


@pytest.mark.parametrize("name", translators())
def test_translators_read_and_write_on_any_device(name: str):
    model = translators()[name].eval()
    arguments = tokens(S), tokens(T), mask()
    check.runs_on_any_device(model, *arguments, expected=model(*arguments))

    def translate(model, source, source_mask, first):
        state = model.start(source, source_mask)
        return generate(model.step, state, first, end=2, max_length=6)

    first = torch.ones(B, dtype=torch.long)
    expected = translate(model, tokens(S), mask(), first)
    check.runs_on_any_device(translate, model, tokens(S), mask(), first, expected=expected)


@pytest.mark.parametrize("name", others())
def test_other_models_run_on_any_device(name: str):
    model, arguments = others()[name]
    model.eval()
    check.runs_on_any_device(model, *arguments, expected=model(*arguments))


@pytest.mark.parametrize("cached", [True, False])
def test_gpt_writes_on_any_device(cached: bool):
    model = GPT(V, 20, 16, 2, 2, 0.0).eval()

    def write(model, prompt):
        step, state = (
            (model.step, model.start(prompt[:, :-1])) if cached else (without_cache(model), Prefix(prompt[:, :-1]))
        )
        return generate(step, state, prompt[:, -1], end=2, max_length=8)

    check.runs_on_any_device(write, model, tokens(4), expected=write(model, tokens(4)))


def test_beam_search_runs_on_any_device():
    model = translators()["transformer, post, sinusoidal"].eval()

    def scores(model, source, first):
        found = beam_search(model.step, model.start(source), first, end=2, max_length=4, beams=3)
        return source.new_tensor([[h.score for h in row] for row in found], dtype=torch.float32)

    first = torch.ones(B, dtype=torch.long)
    check.runs_on_any_device(scores, model, tokens(S), first, expected=scores(model, tokens(S), first))


def test_causal_attention_makes_its_mask_where_the_queries_are():
    Q, K = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
    causal = partial(attention, causal=True)
    check.runs_on_any_device(causal, Q, K, K, expected=causal(Q, K, K))
    check.runs_on_any_device(attention_weights, Q, K, expected=attention_weights(Q, K))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", translators())
def test_on_cuda_the_values_are_those_of_the_cpu(name: str):
    model = translators()[name].eval()
    arguments = tokens(S), tokens(T), mask()
    expected = model(*arguments)
    with torch.backends.cudnn.flags(allow_tf32=False):  # a recurrent layer would round to 10 bits of mantissa
        there = model.cuda()(*(argument.cuda() for argument in arguments))
    torch.testing.assert_close(there.cpu(), expected, atol=1e-4, rtol=1e-4)
