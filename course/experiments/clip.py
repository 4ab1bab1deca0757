"""A small CLIP on letters and their Unicode names: can it name letters that it has never seen?"""

from functools import cache, partial
from random import Random
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.data import glyphs
from course.data.batches import Batches, pad
from course.data.vocabulary import BOS, EOS, Vocabulary
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, decay, extremes, facts_of, rows_of
from course.models.clip import Clip, ImageTower, TextTower, contrastive_loss
from course.training import History, train

VARIANTS = CLIP, FIXED, ONE_WAY, BAG, NEAREST = (
    "CLIP",
    "temperature fixed at 1",
    "pictures to texts only",
    "bag of words, no text tower",
    "nearest picture",
)
TOP_1, TOP_5, WORDS, FOUND, SCALE = "top-1", "top-5", "words", "finds the picture", "1/τ"
BATCH, STEPS, PEAK = 64, 1500, 2e-3
D_MODEL, D_SHARED = 64, 64
IMAGE = {
    "image_size": glyphs.SIDE,
    "patch_size": 8,
    "channels": 1,
    "d_model": D_MODEL,
    "heads": 4,
    "layers": 2,
    "d_ff": 2 * D_MODEL,
    "d_shared": D_SHARED,
}


class Pairs(NamedTuple):
    images: Tensor  # (B, 1, 32, 32)
    tokens: Tensor  # (B, T)
    words: Tensor  # (B, words): 1 where the caption has this word


@cache
def vocabulary() -> Vocabulary:
    """The words of the captions, held-out ones included: all of those are known from the training part."""
    return Vocabulary.of(letter.caption.split() for letter in glyphs.split().train)


def text_sizes() -> dict:
    """The text tower's arguments: one layer, and room for the longest caption with its two ends."""
    longest = max(len(letter.caption.split()) for letter in glyphs.letters())
    sizes = {"d_model": D_MODEL, "heads": 4, "layers": 1, "d_ff": 2 * D_MODEL, "d_shared": D_SHARED}
    return {"vocab": len(vocabulary()), "context": longest + 2, "end": EOS, **sizes}


def encode(captions: list[str]) -> Tensor:
    """<bos> words <eos> for each caption, padded, (texts, T)."""
    return pad([[BOS, *vocabulary().encode(caption.split()), EOS] for caption in captions])


def words_in(captions: list[str]) -> Tensor:
    """Which words each caption has, as 0 and 1, (texts, words)."""
    found = torch.zeros(len(captions), len(vocabulary()))
    for row, caption in zip(found, captions, strict=True):
        row[vocabulary().encode(caption.split())] = 1
    return found


def captions_of(letters: list[glyphs.Letter]) -> list[str]:
    return [letter.caption for letter in letters]


class TrainingPairs:
    """Batches by step: different letters, so that no text of a batch fits two pictures; each in a face by chance."""

    def __init__(self, seed: int):
        train_on = glyphs.split().train
        self.images = glyphs.pictures(train_on)  # (letters, faces, 1, 32, 32)
        self.tokens, self.words = encode(captions_of(train_on)), words_in(captions_of(train_on))
        self.seed, self.letters = seed, Batches(range(len(train_on)), torch.tensor, BATCH, seed)

    def __call__(self, step: int) -> Pairs:
        rows = self.letters(step)  # (B,)
        chance = Random(f"face {self.seed} {step}")
        faces = torch.tensor([chance.randrange(len(glyphs.FACES)) for _ in rows])
        return Pairs(self.images[rows, faces], self.tokens[rows], self.words[rows])


# --- what is trained


class WordTower(nn.Module):
    """The image tower alone, asked which words the caption has, each by itself (Figure 2's "bag of words")."""

    def __init__(self):
        super().__init__()
        self.image_tower = ImageTower(**IMAGE)
        self.output = nn.Linear(D_SHARED, len(vocabulary()))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.image_tower(images))


def both_ways(model: Clip, batch: Pairs) -> tuple[Tensor, int]:
    return len(batch.images) * contrastive_loss(model(batch.images, batch.tokens)), len(batch.images)


def one_way(model: Clip, batch: Pairs) -> tuple[Tensor, int]:
    logits = model(batch.images, batch.tokens)
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="sum"), len(logits)


def word_by_word(model: WordTower, batch: Pairs) -> tuple[Tensor, int]:
    loss = F.binary_cross_entropy_with_logits(model(batch.images), batch.words, reduction="sum")
    return loss, len(batch.images)


def fresh(variant: str = CLIP) -> Clip | WordTower:
    """The untrained model, with weights by chance."""
    if variant == BAG:
        return WordTower()
    model = Clip(ImageTower(**IMAGE), TextTower(**text_sizes()))
    if variant == FIXED:
        model.log_scale.requires_grad_(False).zero_()
    return model


def fit(variant: str, seed: int) -> tuple[Clip | WordTower, History]:
    """The trained model and how its training went."""
    seed_everything(seed)
    model = fresh(variant)
    history = train(
        model,
        TrainingPairs(seed),
        {ONE_WAY: one_way, BAG: word_by_word}.get(variant, both_ways),
        steps=STEPS,
        learning_rate=decay(PEAK, STEPS),
        seed=seed,
        progress=False,
    )
    return model, history


# --- what it reaches


def run(variant: str, seed: int) -> Outcome:
    parts = glyphs.split()
    if variant == NEAREST:
        valid, test = (scores(nearest(part), part) for part in (parts.valid, parts.test))
        return Outcome(valid, test)
    model, history = fit(variant, seed)
    scored = partial(by_words, model) if variant == BAG else partial(by_caption, model)
    valid, test = (scores(scored(part), part) for part in (parts.valid, parts.test))
    scale = {} if variant == BAG else {SCALE: model.scale().item()}
    return Outcome(valid | scale, test | scale, facts_of(model, history))


@torch.no_grad()
def by_caption(model: Clip, part: list[glyphs.Letter]) -> Tensor:
    """Logits of all captions of a part, (letters · faces, letters)."""
    return model(glyphs.pictures(part).flatten(0, 1), encode(captions_of(part)))


@torch.no_grad()
def by_words(model: WordTower, part: list[glyphs.Letter]) -> Tensor:
    """Log-probability of all captions of a part if each word came by itself, (letters · faces, letters)."""
    logits, words = model(glyphs.pictures(part).flatten(0, 1)), words_in(captions_of(part))
    return F.logsigmoid(logits) @ words.T + F.logsigmoid(-logits) @ (1 - words).T


def nearest(part: list[glyphs.Letter]) -> Tensor:
    """Share of words in common with the nearest training picture's caption, by pixels (letters · faces, letters)."""
    seen = glyphs.split().train
    pixels, known = (glyphs.pictures(letters).flatten(2).flatten(0, 1) for letters in (part, seen))
    found = torch.cdist(pixels, known).argmin(dim=1) // len(glyphs.FACES)  # (letters · faces): a seen letter
    its, words = words_in(captions_of(seen))[found], words_in(captions_of(part))
    shared = its @ words.T
    return shared / (its.sum(dim=1, keepdim=True) + words.sum(dim=1) - shared)


def scores(logits: Tensor, part: list[glyphs.Letter]) -> Metrics:
    """What comes of the logits of every picture (row) and caption (column) of a part."""
    faces = len(glyphs.FACES)
    true = torch.arange(len(part)).repeat_interleave(faces)  # (letters · faces)
    hits = logits.topk(5, dim=1).indices == true.unsqueeze(1)  # (letters · faces, 5)
    words = words_in(captions_of(part))
    right = (words[logits.argmax(dim=1)] * words[true]).sum(dim=1) / words[true].sum(dim=1)
    found = logits.unflatten(0, (-1, faces)).argmax(dim=0)  # (faces, letters): for each caption a picture of this face
    return {
        TOP_1: mean(hits[:, 0]),
        TOP_5: mean(hits.any(dim=1)),
        WORDS: mean(right),
        FOUND: mean(found == torch.arange(len(part))),
    }


def mean(values: Tensor) -> float:
    return values.float().mean().item()


def about_directions(outcomes: dict[str, list[Outcome]]) -> str:
    """What the second direction of the loss is for."""
    span = partial(extremes, outcomes)
    return f"""**Two directions.** Trained on "which text?" alone, the same network names {span(ONE_WAY, TOP_1)} of
the pictures, and {span(CLIP, TOP_1)} if "which picture?" is asked, too. The other way round, it finds the picture of a
name in {span(ONE_WAY, FOUND)} and in {span(CLIP, FOUND)} of the cases."""


EXPERIMENT = Experiment(
    name="clip",
    title="CLIP: naming letters that were never seen",
    setting=f"""1,006 letters in eight faces and their Unicode names to train on (`course.data.glyphs`); 100 others
for validation, 100 for test, whose words are known and whose pictures are not. `course.models.clip`: a vision
transformer on patches of 8 × 8 (2 layers, width {D_MODEL}), a text transformer of one layer, Adam, batches of {BATCH}
different letters, {STEPS:,} steps. *Top-1* and *top-5*: the true name among 100, for 800 pictures; chance is 0.01 and
0.05. *Words*: the share of the true name's words that the first choice has. *Finds the picture*: the other way round,
for a name the right one of 100 pictures in one face. *Bag of words* asks the same image tower for each word by itself
and takes the name whose words are likeliest; *nearest picture* takes the name that has most words in common with that
of the nearest training picture, pixel by pixel.""",
    run=run,
    rows=rows_of(VARIANTS),
    columns={name: name for name in (TOP_1, TOP_5, WORDS, FOUND, SCALE)},
    remarks=about_directions,
    claims=(
        Claim("CLIP names letters never seen better than the nearest picture does", (CLIP, TOP_1), (NEAREST, TOP_1)),
        Claim("A learned temperature beats one fixed at 1", (CLIP, TOP_1), (FIXED, TOP_1)),
        Claim("Matching whole captions beats guessing word by word", (CLIP, TOP_1), (BAG, TOP_1)),
    ),
)
