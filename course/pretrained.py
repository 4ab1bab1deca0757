"""Models of the lectures that were trained before class: `load("bahdanau")`.

Their weights lie in `course/weights`, in half precision, a file of at most 1 MB for each. `make weights` makes them
anew, by the same trainings as the table of results (`course.experiments`, seed 0).
A file holds what is needed to build its model: the class, its arguments, and its words.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course.data import topics
from course.data.vocabulary import SPECIALS, Vocabulary
from course.errors import CourseError
from course.models.bahdanau import BahdanauEncoderDecoder
from course.models.bert import Bert, BertPretraining
from course.models.captioning import Captioner
from course.models.clip import Clip, ImageTower, TextTower
from course.models.coupling import FactoredAttention
from course.models.decision import DecisionTransformer
from course.models.distances import DistanceNet
from course.models.gpt import GPT
from course.models.recurrent import RecurrentEncoderDecoder
from course.models.toy import ToyNet
from course.models.transformer import Transformer
from course.models.vit import ViT
from course.translator import Languages, Translator

ALPHABET = "alphabet"  # the name of the characters of Python's help texts, which differ from Python to Python
FOLDER = Path(__file__).with_name("weights")


def pretraining(**sizes) -> BertPretraining:
    """BERT with the output layers of its pre-training."""
    return BertPretraining(Bert(**sizes))


def clip(image: dict, text: dict) -> Clip:
    """CLIP of towers of these sizes."""
    return Clip(ImageTower(**image), TextTower(**text))


BUILDERS = {
    "RecurrentEncoderDecoder": RecurrentEncoderDecoder,
    "BahdanauEncoderDecoder": BahdanauEncoderDecoder,
    "Transformer": Transformer,
    "ToyNet": ToyNet,
    "GPT": GPT,
    "BertPretraining": pretraining,
    "Captioner": Captioner,
    "Clip": clip,
    "ViT": ViT,
    "FactoredAttention": FactoredAttention,
    "DistanceNet": DistanceNet,
    "DecisionTransformer": DecisionTransformer,
}


@dataclass(frozen=True)
class Pretrained:
    """A trained model and what was written down about it.

    Attributes:
        kind, arguments: what builds it, a name of `BUILDERS`.
        words: vocabularies by name ("english", "french"), without the special tokens.
        losses: of the training, every tenth step.
        command: what made it.
    """

    model: nn.Module
    kind: str
    arguments: dict
    words: dict[str, list[str]] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    command: str = ""

    def vocabulary(self, name: str) -> Vocabulary:
        return Vocabulary(self.words[name])


def words_of(vocabulary: Vocabulary) -> list[str]:
    """What `Vocabulary(…)` makes the same vocabulary of."""
    return vocabulary.words[len(SPECIALS) :]


def learned(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: the parameters, and the running means and variances of batch normalisation.

    Other buffers (masks, positions) a model makes for itself.
    """
    statistics = {key: x for key, x in model.named_buffers() if key.endswith(("running_mean", "running_var"))}
    return dict(model.named_parameters()) | statistics


def names() -> list[str]:
    """What `load` knows."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load(name: str, device: torch.device | str = "cpu") -> Pretrained:
    """The model of this name in eval mode, in single precision, on `device`.

    Raises:
        CourseError: there is none, its file is damaged, or its alphabet is not that of this Python's help texts.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.exists():
        raise CourseError(f"no trained weights of that name: {name} (there are {', '.join(names()) or 'none'})")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["course"])
            weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118, it is no dict
        model = BUILDERS[about["kind"]](**about["arguments"])
        missing, unexpected = model.load_state_dict(weights, strict=False)
        left_out = set(missing) & set(learned(model))  # tied ones are written once
        if left_out or unexpected:
            raise KeyError(*left_out, *unexpected)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CourseError(f"{path} does not fit this version of the course: `make weights` makes it anew") from error
    alphabet = about["words"].get(ALPHABET)
    if alphabet is not None and alphabet != topics.characters().alphabet:
        raise CourseError(f"{name} was trained on the help texts of another Python: `make weights` trains it on yours")
    return Pretrained(model.to(device).eval(), **about)


def load_translator(name: str, device: torch.device | str = "cpu") -> Translator:
    """A translation model with its vocabularies."""
    found = load(name, device)
    return Translator(found.model, Languages(found.vocabulary("english"), found.vocabulary("french")))


def save(name: str, trained: Pretrained, command: str) -> Path:
    """Write it to `FOLDER`, in half precision, with the command that made it. What two layers share is written once."""
    about = {key: getattr(trained, key) for key in ("kind", "arguments", "words", "losses")} | {"command": command}
    weights = {key: value.detach().half().contiguous().cpu() for key, value in learned(trained.model).items()}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    save_file(weights, path, {"course": json.dumps(about, ensure_ascii=False)})
    return path
