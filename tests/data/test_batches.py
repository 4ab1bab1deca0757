"""Batches are a function of the step: every example once an epoch, similar lengths together, and masks that fit."""

import random
from collections import Counter
from itertools import pairwise

import pytest
import torch

from course.data.batches import Batches, TranslationBatch, pad, translation_batch
from course.data.vocabulary import BOS, EOS, PAD

LENGTHS = random.Random(0).choices(range(1, 31), k=203)
WAYS = {
    "plain": {"batch_size": 17},
    "by length": {"batch_size": 17, "lengths": LENGTHS},
    "by tokens": {"lengths": LENGTHS, "max_tokens": 90},
}


def as_it_is(examples):
    return examples


def batches_of(n=203, seed=0, **ways):
    return Batches(list(range(n)), as_it_is, seed=seed, **ways)


def epoch(batches, number=0):
    return [batches(step) for step in range(number * len(batches), (number + 1) * len(batches))]


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def ways(request):
    return request.param


def test_padding_stands_at_the_end():
    assert pad([[5, 6], [7], [8, 9, 4]]).tolist() == [[5, 6, PAD], [7, PAD, PAD], [8, 9, 4]]
    assert pad([[5]]).dtype == torch.long


def test_a_translation_batch_shifts_the_target_by_one():
    batch = translation_batch([([5, 6, 7], [8]), ([9], [4, 5])])
    assert batch.source.tolist() == [[5, 6, 7], [9, PAD, PAD]]
    assert batch.source_mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.target_in.tolist() == [[BOS, 8, PAD], [BOS, 4, 5]]
    assert batch.target_out.tolist() == [[8, EOS, PAD], [4, 5, EOS]]


def test_masks_cover_exactly_the_real_tokens():
    rng = random.Random(1)
    pairs = [([rng.randint(4, 99) for _ in range(rng.randint(1, 9))], [rng.randint(4, 99)] * 3) for _ in range(40)]
    batch = translation_batch(pairs)
    assert batch.source_mask.sum(dim=1).tolist() == [len(source) for source, _ in pairs]
    for row, mask, (source, _) in zip(batch.source, batch.source_mask, pairs, strict=True):
        assert row[mask].tolist() == source
        assert (row[~mask] == PAD).all()


def test_a_batch_moves_as_a_whole():
    moved = translation_batch([([5], [6])]).to("meta")
    assert isinstance(moved, TranslationBatch)
    assert {part.device.type for part in moved} == {"meta"}


def test_a_source_without_tokens_is_refused():
    with pytest.raises(ValueError, match="no tokens"):
        translation_batch([([5], [6]), ([], [6])])


@pytest.mark.parametrize("number", [0, 1, 7])
def test_every_example_comes_exactly_once_an_epoch(ways, number):
    seen = [example for batch in epoch(batches_of(**ways), number) for example in batch]
    assert Counter(seen) == Counter(range(203))


def test_any_step_can_be_asked_for_at_any_time(ways):
    in_order = batches_of(**ways)
    all_steps = [in_order(step) for step in range(3 * len(in_order))]
    steps = list(range(3 * len(in_order)))
    random.Random(2).shuffle(steps)
    jumping = batches_of(**ways)
    assert all(jumping(step) == all_steps[step] for step in steps)


def test_epochs_and_seeds_differ(ways):
    batches = batches_of(**ways)
    assert epoch(batches, 0) != epoch(batches, 1)
    assert epoch(batches, 0) != epoch(batches_of(seed=1, **ways), 0)
    assert epoch(batches_of(seed=0, **ways), 1) != epoch(batches_of(seed=1, **ways), 0)


def test_chance_comes_from_a_generator_of_its_own(ways):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    batches_of(**ways)(5)
    assert torch.equal(before, torch.get_rng_state())


def test_the_rest_makes_one_smaller_batch():
    sizes = Counter(map(len, epoch(batches_of(**WAYS["plain"]))))
    assert sizes == {17: 11, 203 - 11 * 17: 1}


def padding_of(batches):
    """How many tokens of an epoch are padding."""
    return sum(len(batch) * max(LENGTHS[i] for i in batch) - sum(LENGTHS[i] for i in batch) for batch in epoch(batches))


def test_similar_lengths_share_a_batch():
    assert padding_of(batches_of(**WAYS["by length"])) < 0.1 * padding_of(batches_of(**WAYS["plain"]))


def test_batches_of_one_length_come_in_random_order():
    longest = [max(LENGTHS[i] for i in batch) for batch in epoch(batches_of(**WAYS["by length"]))]
    assert longest != sorted(longest)


def test_partners_in_a_batch_change_from_epoch_to_epoch():
    batches = batches_of(batch_size=5, lengths=LENGTHS)
    first, second = ({frozenset(batch) for batch in epoch(batches, number)} for number in (0, 1))
    assert len(first & second) < 0.2 * len(first)


@pytest.mark.parametrize("max_tokens", [30, 90, 1000])
def test_a_batch_holds_at_most_max_tokens_and_no_room_for_one_more(max_tokens):
    in_tokens = [
        sorted(LENGTHS[i] for i in batch) for batch in epoch(batches_of(lengths=LENGTHS, max_tokens=max_tokens))
    ]
    assert all(len(lengths) * lengths[-1] <= max_tokens for lengths in in_tokens)
    shortest_first = sorted(in_tokens, key=lambda lengths: (lengths[-1], lengths[0], -len(lengths)))
    assert all((len(left) + 1) * right[0] > max_tokens for left, right in pairwise(shortest_first))


def test_collate_makes_the_batch():
    pairs = [([i, i], [i]) for i in range(4, 20)]
    batch = Batches(pairs, translation_batch, batch_size=5)(0)
    assert batch.source.shape == (5, 2)
    assert torch.equal(batch.target_in[:, 1], batch.source[:, 0])


@pytest.mark.parametrize(
    ("n", "arguments", "message"),
    [
        (0, {}, "no examples"),
        (3, {"batch_size": 0}, "at least one"),
        (3, {"lengths": [1, 2]}, "3 examples need 3 lengths"),
        (3, {"max_tokens": 9}, "needs the lengths"),
        (3, {"lengths": [1, 2, 10], "max_tokens": 9}, "an example of 10 tokens"),
    ],
)
def test_what_makes_no_sense_is_refused(n, arguments, message):
    with pytest.raises(ValueError, match=message):
        batches_of(n, **arguments)


def test_steps_count_from_zero():
    with pytest.raises(ValueError, match="from 0"):
        batches_of()(-1)
