"""`python -m course.experiments.weights [NAME …]`: train the models that lectures load, and write course/weights.

Each is a run of the table of results, with seed 0. About 16 minutes for all on two cores.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import torch
from torch import nn

from course.data import canvases, dialogues, topics
from course.device import seed_everything
from course.experiments import (
    assistant,
    captioning,
    clip,
    couplings,
    decision,
    heads,
    language,
    pretraining,
    proteins,
    toy,
    translation,
    vision,
    vision_data,
)
from course.models.bert import Bert
from course.pretrained import ALPHABET, Pretrained, save, words_of
from course.training import History
from course.translator import Languages

SEED = 0


def course_of(history: History) -> list[float]:
    """Every tenth loss, with four digits: enough for a curve."""
    return [float(f"{loss:.4g}") for loss in history.losses[9::10]]


def both_words(languages: Languages) -> dict[str, list[str]]:
    return {"english": words_of(languages.english), "french": words_of(languages.french)}


def translator(kind: str, model: nn.Module, languages: Languages, history: History, sizes: dict) -> Pretrained:
    arguments = {"source_vocab": len(languages.english), "target_vocab": len(languages.french), **sizes}
    return Pretrained(model, kind, arguments, both_words(languages), course_of(history))


def cldr(variant: str, kind: str, name: str) -> Iterator[tuple[str, Pretrained]]:
    model, history = translation.fit(variant, SEED)
    languages = translation.corpus().languages
    yield name, translator(kind, model, languages, history, translation.SIZES[variant])


def grammar() -> Iterator[tuple[str, Pretrained]]:
    seed_everything(SEED)
    parts = heads.questions(SEED)
    trained, history = heads.fit(SEED, {sentence.english for sentence in [*parts.valid, *parts.test]})
    sizes = translation.SIZES["transformer"]
    yield "grammar", translator("Transformer", trained.model, trained.languages, history, sizes)


def plain(
    name: str, kind: str, arguments: dict, fit: Callable, setting: str | bool
) -> Iterator[tuple[str, Pretrained]]:
    """A model without words, as its experiment trains it with this setting."""
    model, history = fit(setting, SEED)
    yield name, Pretrained(model, kind, arguments, losses=course_of(history))


def toy_net(variant: str) -> Iterator[tuple[str, Pretrained]]:
    task, kind = variant.split(": ")
    return plain(f"toy-{task}-{kind.replace(' + ', '-')}", "ToyNet", {"kind": kind}, toy.fit, variant)


def gpt(width: str) -> Iterator[tuple[str, Pretrained]]:
    model, history = language.fit(width, SEED)
    arguments = {"vocab": len(topics.characters()), **language.sizes(int(width))}
    yield (
        f"gpt-{width}",
        Pretrained(model, "GPT", arguments, {ALPHABET: [*topics.characters().alphabet]}, course_of(history)),
    )


def bert() -> Iterator[tuple[str, Pretrained]]:
    seed_everything(SEED)
    words = pretraining.vocabulary()
    arguments = {"vocab": len(words), **pretraining.SIZES}
    model, history = pretraining.fit(Bert(**arguments), SEED)
    yield "bert", Pretrained(model, "BertPretraining", arguments, {"words": words_of(words)}, course_of(history))


def assistants() -> Iterator[tuple[str, Pretrained]]:
    words = dialogues.vocabulary()
    arguments = {"vocab": len(words), **assistant.SIZES}
    names = {
        assistant.PRETRAINED: "assistant-1-read",
        assistant.TAUGHT: "assistant-2-taught",
        assistant.PREFERRING: "assistant-3-preferring",
    }
    for stage, model in assistant.stages(SEED):
        if stage in names:  # all but the control
            yield names[stage], Pretrained(model, "GPT", arguments, {"words": words_of(words)})


def captioner() -> Iterator[tuple[str, Pretrained]]:
    model, history = captioning.fit(captioning.ATTENTION, SEED)
    arguments, words = captioning.sizes(captioning.ATTENTION), {"words": words_of(canvases.vocabulary())}
    yield "captioner", Pretrained(model, "Captioner", arguments, words, course_of(history))


def clip_of_letters() -> Iterator[tuple[str, Pretrained]]:
    model, history = clip.fit(clip.CLIP, SEED)
    arguments, words = {"image": clip.IMAGE, "text": clip.text_sizes()}, {"words": words_of(clip.vocabulary())}
    yield "clip", Pretrained(model, "Clip", arguments, words, course_of(history))


MOVING_VIT = vision_data.VIT + vision_data.MOVED
PLAIN = {  # name -> what builds it, its arguments, what trains it, with which setting
    "vit-digits": ("ViT", vision.sizes(vision.VIT), vision.fit, vision.VIT),
    "vit-digits-no-positions": ("ViT", vision.sizes(vision.BLIND), vision.fit, vision.BLIND),
    "vit-mnist": ("ViT", vision_data.SIZES, vision_data.fit, MOVING_VIT),
    "couplings": ("FactoredAttention", couplings.SIZES, couplings.fit, False),
    **{
        name: ("DecisionTransformer", decision.sizes(variant), decision.fit, variant)
        for name, variant in (
            ("decision", decision.RETURNS),
            ("decision-cloning", decision.CLONING),
            ("decision-best-tenth", decision.BEST_CLONING),
        )
    },
    **{
        f"distances-{kind}": ("DistanceNet", proteins.SIZES[kind], proteins.fit, kind)
        for kind in ("none", "multiplication", "attention")
    },
}
JOBS: dict[str, tuple[Callable, tuple]] = {
    "thought-vector": (cldr, ("thought vector", "RecurrentEncoderDecoder", "thought-vector")),
    "bahdanau": (cldr, ("Bahdanau attention", "BahdanauEncoderDecoder", "bahdanau")),
    "transformer": (cldr, ("transformer", "Transformer", "transformer")),
    "grammar": (grammar, ()),
    "bert": (bert, ()),
    "assistant": (assistants, ()),
    "captioner": (captioner, ()),
    "clip": (clip_of_letters, ()),
    **{name: (plain, (name, *row)) for name, row in PLAIN.items()},
    **{f"gpt-{width}": (gpt, (str(width),)) for width in language.WIDTHS},
    **{f"toy: {variant}": (toy_net, (variant,)) for variant in toy.EXPERIMENT.variants},
}


def make(job: str) -> list[str]:
    """Train and write one of them; returns a line for each file."""
    torch.set_num_threads(1)
    begun = time.process_time()
    function, arguments = JOBS[job]
    lines = []
    for name, trained in function(*arguments):
        path = save(name, trained, command=f"python -m course.experiments.weights '{job}'")
        lines.append(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {time.process_time() - begun:.0f} CPU-seconds")
    return lines


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of: {', '.join(JOBS)}")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(JOBS)
    if unknown:
        parser.error(f"no such weights: {', '.join(sorted(unknown))}")
    with ProcessPoolExecutor(options.jobs, max_tasks_per_child=1) as pool:
        for lines in pool.map(make, options.names or JOBS):
            print(*lines, sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
