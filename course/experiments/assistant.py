"""From a language model to an assistant: the same questions after each of three trainings."""

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course.data import dialogues, world
from course.data.batches import Batches
from course.data.dialogues import END, Dialogue
from course.data.vocabulary import BOS, detokenize, tokenize
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, Row, decay, parameters
from course.models.assistant import dialogue_loss, frozen_copy, preference_loss, reply
from course.models.gpt import GPT
from course.training import train

STAGES = PRETRAINED, TAUGHT, PREFERRING = "pre-training", "+ dialogues", "+ preferences"
CONTROL = "(+ dialogues + chosen answers, without the rejected ones)"
CONTEXT, BATCH = 64, 32
SIZES = {"context": CONTEXT, "d_model": 64, "heads": 4, "layers": 2, "dropout": 0.0}
LINES, PRETRAINING_STEPS, PRETRAINING_PEAK = 20_000, 1500, 3e-3
CARELESS = 0.4  # share of the demonstrations that have a flaw
DIALOGUE_STEPS, DIALOGUE_PEAK = 400, 1e-3
PREFERENCES, PREFERENCE_STEPS, PREFERENCE_PEAK, BETA = 2000, 100, 2e-4, 0.1


Texts = tuple[Tensor, Tensor, Tensor]  # input, target, and True where the target is to be learned: (B, T) each


class Pairs(NamedTuple):
    """The same questions with two answers each."""

    chosen: Texts
    rejected: Texts


def plain_text(line: str) -> tuple[list[int], list[bool]]:
    ids = [BOS, *dialogues.vocabulary().encode([*tokenize(line), END])]
    return ids, [True] * len(ids)


def spoken(question: str, answer: str) -> tuple[list[int], list[bool]]:
    return dialogues.encode(Dialogue(question, answer), dialogues.vocabulary())


def imitation_loss(model: nn.Module, batch: Texts) -> tuple[Tensor, Tensor]:
    """Of plain text every token counts, of a dialogue the assistant's."""
    tokens, targets, own = batch
    return dialogue_loss(model(tokens), targets, own)


def stages(seed: int) -> Iterator[tuple[str, GPT]]:
    """The name of each training and the model behind it: one model that goes on learning, and for CONTROL a copy."""
    seed_everything(seed)
    model = GPT(len(dialogues.vocabulary()), **SIZES)

    def learn(model: GPT, examples, collate, loss, steps: int, peak: float) -> GPT:
        batches = Batches(examples, collate, BATCH, seed)
        train(model, batches, loss, steps=steps, learning_rate=decay(peak, steps), seed=seed, progress=False)
        return model

    imitate = dialogues.dialogue_batch, imitation_loss
    lines = [plain_text(line) for line in world.text(LINES, seed)]
    yield PRETRAINED, learn(model, lines, *imitate, PRETRAINING_STEPS, PRETRAINING_PEAK)
    demonstrations = [spoken(*dialogue) for dialogue in dialogues.dialogues(seed, careless=CARELESS).train]
    yield TAUGHT, learn(model, demonstrations, *imitate, DIALOGUE_STEPS, DIALOGUE_PEAK)
    judged = dialogues.preferences(PREFERENCES, seed)
    chosen = [spoken(preference.question, preference.chosen) for preference in judged]
    rejected = [spoken(preference.question, preference.rejected) for preference in judged]
    last = PREFERENCE_STEPS, PREFERENCE_PEAK
    yield CONTROL, learn(copy.deepcopy(model), chosen, *imitate, *last)
    prefer = partial(judged_loss, frozen_copy(model))
    yield PREFERRING, learn(model, list(zip(chosen, rejected, strict=True)), stack_pairs, prefer, *last)


def run(variant: str, seed: int) -> Outcome:
    asked = dialogues.dialogues(seed, careless=CARELESS)
    valid, test = {}, {}
    for stage, model in stages(seed):
        for found, rephrased, unasked in (
            (valid, asked.rephrased[::2], asked.valid),
            (test, asked.rephrased[1::2], asked.test),
        ):
            reached = scores(model, rephrased) | {"right, only read": scores(model, unasked)["right"]}
            found |= {f"{name}, {stage}": value for name, value in reached.items()}
    return Outcome(valid, test, {"parameters": parameters(model)})


def stack_pairs(examples: Sequence[tuple]) -> Pairs:
    return Pairs(*(dialogues.dialogue_batch(side) for side in zip(*examples, strict=True)))


def judged_loss(reference: nn.Module, model: nn.Module, batch: Pairs) -> tuple[Tensor, int]:
    """Preference, and imitation of the chosen answer with it: alone, preference makes both answers rare."""
    preference, rows = preference_loss(model, reference, batch.chosen, batch.rejected, BETA)
    imitation, tokens = imitation_loss(model, batch.chosen)
    return preference + rows * imitation / tokens, rows


@torch.no_grad()
def scores(model: GPT, asked: Sequence[Dialogue]) -> Metrics:
    """Shares of questions: answered at all, right, honest about what nobody knows, polite, brief, and all of these."""
    words = dialogues.vocabulary()
    end = words.encode([END])[0]
    found = {"ends": [], "right": [], "honest": [], "polite": [], "brief": [], "good": []}
    for question, model_answer in asked:
        known = model_answer != dialogues.DO_NOT_KNOW
        ids = reply(model, words.encode(dialogues.prompt(question)), end, max_length=30)
        answer = detokenize([words.words[i] for i in ids])
        right = dialogues.is_correct(question, answer)
        polite, brief = dialogues.is_polite(answer), dialogues.is_brief(answer)
        found["ends"].append(len(ids) < 30)
        found["right" if known else "honest"].append(right)
        found["polite"].append(polite)
        found["brief"].append(brief)
        found["good"].append(right and polite and brief)
    return {name: sum(values) / len(values) for name, values in found.items()}


def about_the_control(outcomes: dict[str, list[Outcome]]) -> str:
    """Was it the preference?"""
    good = {
        stage: [outcome.test[f"good, {stage}"] for outcome in outcomes["assistant"]] for stage in (PREFERRING, CONTROL)
    }
    spans = {stage: f"{min(values):.2f} to {max(values):.2f}" for stage, values in good.items()}
    return f"""**Was it the preference?** Not here. The control imitates the chosen answers as often and never sees
a rejected one, and is as good: {spans[CONTROL]}, beside {spans[PREFERRING]} with preferences. In a world this
small, two thousand clean answers say all there is to say. Preference pays where answers can be compared but not
written down. And a fact that no dialogue asked for stays hard to ask for: the model has read it, in other
words."""


EXPERIMENT = Experiment(
    name="assistant",
    title="From a language model to an assistant",
    setting=f"""A small world of facts (`course.data.world`, `dialogues`). A GPT of 2 layers and width 64 reads
{LINES:,} lines of text that state all facts, then imitates dialogues of which {CARELESS:.0%} have a careless
answer (rude, rambling, or invented), then learns from {PREFERENCES:,} preferences (direct preference
optimisation, with imitation of the chosen answers; β = {BETA}). Asked are known facts in a phrasing that no
dialogue had, and invented names, of which the right thing to say is that one doesn't know (*honest*). *Good*:
right or honest, polite and brief. *Only read*: no dialogue asks for the fact, the text states it. The last row
is a control: the third training without the rejected answers.""",
    run=run,
    rows=tuple(Row(stage, "assistant", f", {stage}") for stage in (*STAGES, CONTROL)),
    columns={
        "ends its turn": "ends",
        "right": "right",
        "right about facts only read": "right, only read",
        "honest": "honest",
        "polite": "polite",
        "brief": "brief",
        "good": "good",
    },
    remarks=about_the_control,
    claims=tuple(
        Claim(text, ("assistant", f"good, {after}"), ("assistant", f"good, {before}"))
        for text, before, after in (
            ("Fine-tuning on dialogues makes an assistant", PRETRAINED, TAUGHT),
            ("Preferences make it a better one", TAUGHT, PREFERRING),
        )
    ),
)
