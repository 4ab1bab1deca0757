"""Three kinds of models from sequence to sequence, one decoder: what holds for all of them, and for what it finds."""

import itertools
import math

import pytest
import torch

from course.models.attention import padding_mask
from course.models.bahdanau import BahdanauEncoderDecoder
from course.models.decoding import (
    Prefix,
    beam_search,
    generate,
    keep_top_k,
    keep_top_p,
    length_penalty,
    sampler,
    without_cache,
)
from course.models.recurrent import RecurrentEncoderDecoder
from course.models.transformer import Transformer

PAD, BOS, END = 0, 1, 2
B, S, T_, SOURCE_VOCAB, VOCAB = 5, 6, 7, 11, 8
LENGTHS = torch.tensor([4, 1, 6, 3, 2])
MASK = padding_mask(LENGTHS, S)


def transformer(norm, positions, source_vocab, vocab):
    sizes = {"d_model": 8, "heads": 2, "d_ff": 12, "layers": 2, "max_length": 20}
    return Transformer(source_vocab, vocab, dropout=0.0, norm=norm, positions=positions, **sizes)


MODELS = {
    "recurrent": lambda *vocabs: RecurrentEncoderDecoder(*vocabs, d_embedding=5, d_hidden=4),
    "recurrent, 2 layers": lambda *vocabs: RecurrentEncoderDecoder(
        *vocabs, d_embedding=5, d_hidden=4, layers=2, bidirectional=False
    ),
    "bahdanau": lambda *vocabs: BahdanauEncoderDecoder(*vocabs, d_embedding=5, d_hidden=4),
    **{
        f"transformer, {norm}, {positions}": lambda *vocabs, norm=norm, positions=positions: transformer(
            norm, positions, *vocabs
        )
        for norm in ("post", "pre")
        for positions in ("sinusoidal", "learned", "rotary")
    },
}


def make(name, vocab=VOCAB):
    """An untrained model in float64. A GRU's weights are trebled, so that what it writes depends on what it read."""
    torch.manual_seed(0)
    model = MODELS[name](SOURCE_VOCAB, vocab).double().eval()
    with torch.no_grad():
        for parameter in () if "transformer" in name else model.parameters():
            parameter.mul_(3)
    return model


@pytest.fixture(params=list(MODELS))
def model(request):
    return make(request.param)


FEW = pytest.mark.parametrize(  # one of each kind where every step of a search runs a model
    "name", ["recurrent, 2 layers", "bahdanau", "transformer, post, learned", "transformer, pre, rotary"]
)


@pytest.fixture
def source():
    return torch.randint(SOURCE_VOCAB, (B, S), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def target():
    return torch.randint(VOCAB, (B, T_), generator=torch.Generator().manual_seed(2))


def first(rows=B):
    return torch.full((rows,), BOS)


# --- what the three models promise


def test_step_by_step_is_teacher_forcing(model, source, target):
    expected, state = model(source, target, MASK), model.start(source, MASK)
    for i in range(T_):
        logits, state = model.step(target[:, i], state)
        torch.testing.assert_close(logits, expected[:, i])


def test_a_padded_batch_is_each_pair_alone(model, source, target):
    logits = model(source, target, MASK)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(source[row : row + 1, :length], target[row : row + 1])
        torch.testing.assert_close(logits[row], alone[0])


def test_neither_what_padding_holds_nor_its_length_changes_anything(model, source, target):
    other = torch.where(MASK, source, (source + 1) % SOURCE_VOCAB)
    longer, longer_mask = torch.nn.functional.pad(other, (0, 3)), torch.nn.functional.pad(MASK, (0, 3))
    torch.testing.assert_close(model(longer, target, longer_mask), model(source, target, MASK))
    assert not torch.allclose(model(other, target), model(source, target))


def test_the_future_of_the_target_changes_no_earlier_logit(model, source, target):
    logits = model(source, target, MASK)
    for i in range(T_):
        other = target.clone()
        other[:, i:] = (other[:, i:] + 1) % VOCAB
        changed = model(source, other, MASK)
        torch.testing.assert_close(changed[:, :i], logits[:, :i])
        assert not torch.isclose(changed[:, i], logits[:, i]).all(-1).any()


def test_a_state_chooses_rows_and_leaves_the_rest_alone(model, source, target):
    rows = torch.tensor([3, 0, 3, 4, 2, 1, 1])
    state = model.start(source, MASK)
    for i in range(3):
        _, state = model.step(target[:, i], state)
    chosen = state.select(rows)
    for i in range(3, T_):  # the two go on side by side with different tokens: what they share would show
        logits_chosen, chosen = model.step(target[rows, i], chosen)
        logits, state = model.step(target[:, -i], state)
        torch.testing.assert_close(logits_chosen, model(source, target, MASK)[rows, i])
    read = torch.cat([target[:, :3], target.flip(1)[:, 2 : T_ - 1]], dim=1)
    torch.testing.assert_close(logits, model(source, read, MASK)[:, -1])


# --- greedy decoding


def uncached(model, source, mask):
    """`step` and state of the same model that keeps nothing and reads its whole prefix again for every token."""
    step = without_cache(lambda written, source, mask: model(source, written, mask))
    return step, Prefix(torch.empty(len(source), 0, dtype=torch.long), (source, mask))


def greedy(model, source, mask, max_length=T_):
    return generate(model.step, model.start(source, mask), first(len(source)), end=END, max_length=max_length)


def test_greedy_takes_the_most_likely_token_each_time_and_pads_behind_the_end(model, source):
    written = greedy(model, source, MASK)
    logits = model(source, torch.cat([first()[:, None], written], dim=1), MASK)
    for row, row_logits in zip(written.tolist(), logits, strict=True):
        stop = row.index(END) + 1 if END in row else T_
        assert row[:stop] == row_logits[:stop].argmax(-1).tolist()
        assert set(row[stop:]) <= {PAD}


def test_untrained_models_write_different_things_and_some_end():
    written = [greedy(make(name), torch.arange(40).reshape(20, 2) % SOURCE_VOCAB, None) for name in MODELS]
    assert all(len({tuple(row) for row in rows.tolist()}) > 1 for rows in written)
    assert sum((rows == END).any().item() for rows in written) >= 2
    assert any(((rows == END).sum(1) == 0).any() for rows in written)


@FEW
def test_rows_of_a_batch_do_not_know_each_other(name, source):
    model = make(name)
    together = greedy(model, source, MASK)
    for row in range(B):
        alone = greedy(model, source[row : row + 1], MASK[row : row + 1])[0]
        assert together[row, : len(alone)].tolist() == alone.tolist()
        assert not together[row, len(alone) :].any()


def test_without_a_cache_the_same_is_written(model, source):
    step, state = uncached(model, source, MASK)
    again = generate(step, state, first(), end=END, max_length=T_)
    assert torch.equal(again, greedy(model, source, MASK))


def always(*tokens):
    """A `step` that wants row i to get the i-th of `tokens`, and a state for it."""

    class Rows:
        def select(self, rows):
            return self

    return (lambda token, state: (torch.eye(VOCAB)[list(tokens)], state)), Rows()


def test_decoding_stops_when_all_rows_have_ended():
    step, state = always(END, END)
    assert generate(step, state, first(2), end=END, max_length=9).tolist() == [[END], [END]]
    step, state = always(END, 5)
    assert generate(step, state, first(2), end=END, max_length=3).tolist() == [[END, PAD, PAD], [5, 5, 5]]
    assert generate(step, state, first(2), end=END, max_length=0).shape == (2, 0)


# --- beam search


def search(model, source, mask, **options):
    options = {"max_length": T_, **options}
    return beam_search(model.step, model.start(source, mask), first(len(source)), end=END, **options)


def log_probabilities(model, sentence, sequences):
    """Of each sequence behind BOS, as the model itself gives it in one pass over the unpadded source (1, length)."""
    longest = max(map(len, sequences))
    written = torch.tensor([[BOS, *tokens] + [PAD] * (longest - len(tokens)) for tokens in sequences])
    log_p = model(sentence.expand(len(sequences), -1), written[:, :-1]).log_softmax(-1)
    log_p = log_p.gather(-1, written[:, 1:, None]).squeeze(-1)  # (sequences, longest)
    return [row[: len(tokens)].sum().item() for row, tokens in zip(log_p, sequences, strict=True)]


@FEW
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_one_beam_is_greedy_at_any_alpha(name, source, alpha):
    model = make(name)
    written, searched = greedy(model, source, MASK).tolist(), search(model, source, MASK, beams=1, alpha=alpha)
    for row, found in zip(written, searched, strict=True):
        assert len(found) == 1
        assert found[0].tokens == (row[: row.index(END) + 1] if END in row else row)


@FEW
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5])
def test_a_beam_as_wide_as_all_sequences_lists_them_all_from_the_best_to_the_worst(name, source, alpha):
    vocab, longest = 4, 3
    model = make(name, vocab)
    going_on = [token for token in range(vocab) if token != END]
    ended = [[*start, END] for length in range(longest) for start in itertools.product(going_on, repeat=length)]
    sequences = ended + [list(tokens) for tokens in itertools.product(going_on, repeat=longest)]
    found = search(model, source[:2], MASK[:2], beams=len(sequences), max_length=longest, alpha=alpha)
    for row in range(2):
        log_p = log_probabilities(model, source[row : row + 1, : LENGTHS[row]], sequences)
        scores = [p / ((5 + len(tokens)) / 6) ** alpha for p, tokens in zip(log_p, sequences, strict=True)]
        expected = sorted(zip(scores, sequences, strict=True), reverse=True)
        assert [hypothesis.tokens for hypothesis in found[row]] == [tokens for _, tokens in expected]
        assert [hypothesis.score for hypothesis in found[row]] == pytest.approx([score for score, _ in expected])


@FEW
@pytest.mark.parametrize("beams", [2, 20])
def test_scores_are_the_models_own_log_probabilities(name, source, beams):
    model, alpha = make(name), 0.6
    for row, found in enumerate(search(model, source, MASK, beams=beams, alpha=alpha)):
        sequences = [hypothesis.tokens for hypothesis in found]
        assert len(found) == len(set(map(tuple, sequences))) == beams
        assert found == sorted(found, key=lambda hypothesis: -hypothesis.score)
        expected = log_probabilities(model, source[row : row + 1, : LENGTHS[row]], sequences)
        assert [hypothesis.log_probability for hypothesis in found] == pytest.approx(expected)
        for hypothesis, log_p in zip(found, expected, strict=True):
            assert END not in hypothesis.tokens[:-1]
            assert hypothesis.tokens[-1] == END or len(hypothesis.tokens) == T_
            assert hypothesis.score == pytest.approx(log_p / length_penalty(len(hypothesis.tokens), alpha))


@FEW
def test_a_beam_searches_each_row_alone_and_with_or_without_a_cache(name, source):
    model = make(name)
    step, state = uncached(model, source, MASK)
    together = search(model, source, MASK, beams=3)
    again = beam_search(step, state, first(), end=END, max_length=T_, beams=3)
    for row in range(B):
        (alone,) = search(model, source[row : row + 1], MASK[row : row + 1], beams=3)
        for other in (again[row], alone):
            assert [hypothesis.tokens for hypothesis in other] == [hypothesis.tokens for hypothesis in together[row]]
            scores = [hypothesis.score for hypothesis in together[row]]
            assert [hypothesis.score for hypothesis in other] == pytest.approx(scores)


def by_hand(model, sentence, beams):
    """Beam search on whole prefixes, in lists: the sequences that are found for one sentence, the best first."""
    live, finished = [([], 0.0)], []
    while live and len(live[0][0]) < T_:
        prefixes = torch.tensor([[BOS, *tokens] for tokens, _ in live])
        steps = model(sentence.expand(len(live), -1), prefixes)[:, -1].log_softmax(-1).tolist()
        continued = [
            ([*tokens, token], log_p + more)
            for (tokens, log_p), step in zip(live, steps, strict=True)
            for token, more in enumerate(step)
        ]
        best = sorted(continued, key=lambda pair: -pair[1])[: beams - len(finished)]
        finished += [pair for pair in best if pair[0][-1] == END]
        live = [pair for pair in best if pair[0][-1] != END]
    return [tokens for tokens, _ in sorted(finished + live, key=lambda pair: -pair[1])]


@FEW
def test_a_narrow_beam_keeps_what_a_search_by_hand_keeps(name, source):
    model = make(name)
    for row, found in enumerate(search(model, source, MASK, beams=4, alpha=0.0)):
        expected = by_hand(model, source[row : row + 1, : LENGTHS[row]], beams=4)
        assert [hypothesis.tokens for hypothesis in found] == expected


def test_the_length_penalty_is_wus():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(13, 0.5) == pytest.approx(math.sqrt(3))
    assert length_penalty(13, 0.0) == 1


def test_impossible_beams_are_refused():
    step, state = always(5)
    for options in ({"beams": 0}, {"max_length": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            beam_search(step, state, first(1), end=END, **{"max_length": 3, **options})


# --- sampling

LOGITS = torch.tensor([[1.3, -0.4, 0.2, 2.1, -1.7, 0.9, 0.5]], dtype=torch.float64)


def draw(n, seed=0, **options):
    choose = sampler(generator=torch.Generator().manual_seed(seed), **options)
    return choose(LOGITS.expand(n, -1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_drawn_as_often_as_the_cooled_softmax_says(temperature):
    n = 20_000
    count = draw(n, temperature=temperature).bincount(minlength=LOGITS.shape[1])
    expected = n * torch.softmax(LOGITS[0] / temperature, dim=-1)
    assert ((count - expected) ** 2 / expected).sum() < 40  # six degrees of freedom: more in 5 of ten million draws


def test_a_cut_leaves_the_proportions_of_what_it_keeps():
    n, kept = 20_000, [0, 3]
    count = draw(n, top_k=2).bincount(minlength=LOGITS.shape[1])
    expected = n * torch.softmax(LOGITS[0, kept], dim=-1)
    assert count.sum() == count[kept].sum()
    assert ((count[kept] - expected) ** 2 / expected).sum() < 25  # one degree of freedom


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}], ids=str)
def test_limits_of_sampling_are_greedy(model, source, options):
    sampled = generate(
        model.step, model.start(source, MASK), first(), end=END, max_length=T_, choose=sampler(**options)
    )
    assert torch.equal(sampled, greedy(model, source, MASK))


def test_the_same_generator_draws_the_same():
    assert torch.equal(draw(50, seed=3), draw(50, seed=3))
    assert not torch.equal(draw(50, seed=3), draw(50, seed=4))


def random_logits():
    return torch.randn(6, VOCAB, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 3, VOCAB, VOCAB + 5])
def test_top_k_keeps_the_k_largest(k):
    logits = random_logits()
    for row, kept in zip(logits, keep_top_k(logits, k), strict=True):
        best = sorted(range(VOCAB), key=lambda token: -row[token])[:k]
        assert {token for token in range(VOCAB) if kept[token] > -math.inf} == set(best)
        assert torch.equal(kept[best], row[best])


@pytest.mark.parametrize("p", [0.05, 0.3, 0.7, 0.95, 1.0])
def test_top_p_keeps_the_smallest_set_that_reaches_p(p):
    logits = random_logits()
    for row, kept in zip(logits, keep_top_p(logits, p), strict=True):
        probability, best, total = row.softmax(-1), [], 0.0
        for token in sorted(range(VOCAB), key=lambda token: -row[token]):
            if total >= p:
                break
            best.append(token)
            total += probability[token].item()
        assert {token for token in range(VOCAB) if kept[token] > -math.inf} == set(best)
        assert torch.equal(kept[best], row[best])


def test_ties_with_the_kth_stay_and_none_keeps_all():
    tied = torch.tensor([[2.0, 1.0, 1.0, 0.0]])
    assert keep_top_k(tied, 2).isfinite().tolist() == [[True, True, True, False]]
    assert keep_top_k(tied, None) is tied and keep_top_p(tied, None) is tied


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature is positive"),
        ({"temperature": -1.0}, "temperature is positive"),
        ({"top_k": 0}, "at least 1, not 0"),
        ({"top_p": 0.0}, r"in \(0, 1\], not 0"),
        ({"top_p": 1.5}, r"in \(0, 1\], not 1.5"),
    ],
    ids=str,
)
def test_impossible_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        draw(1, **options)
