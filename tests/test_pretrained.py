"""The committed weights are small, whole, and reach what the table of results says."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from course import metrics, pretrained
from course.data import canvases, cldr, grammar, topics
from course.data.splits import split
from course.data.vocabulary import tokenize
from course.errors import CourseError
from course.experiments import captioning
from course.experiments.language import LAYERS, WIDTHS
from course.experiments.weights import JOBS
from course.models.gpt import GPT
from course.pretrained import Pretrained, load, load_translator, names

FILES = sorted(pretrained.FOLDER.glob("*.safetensors"))


def about(path: Path) -> dict:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["course"])


def test_each_file_is_small_and_all_together_too():
    sizes = [path.stat().st_size for path in FILES]
    assert max(sizes) <= 1_000_000
    assert sum(sizes) <= 6_000_000


def test_every_job_has_left_its_files_and_every_file_says_how_it_is_made():
    commands = {about(path)["command"] for path in FILES}
    assert commands == {f"python -m course.experiments.weights '{job}'" for job in JOBS}


@pytest.mark.parametrize("name", names())
def test_each_loads_whole_in_single_precision(name: str):
    model = load(name).model
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "weights")
    return tmp_path / "weights"


SIZES = {"vocab": 7, "context": 5, "d_model": 8, "heads": 2, "layers": 1, "dropout": 0.0}


def test_what_is_saved_comes_back_up_to_half_precision(folder: Path):
    model = GPT(**SIZES)
    pretrained.save("small", Pretrained(model, "GPT", SIZES, {"words": ["a"]}, [1.5]), command="by hand")
    found = load("small")
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(found.model.state_dict()[name], weight, rtol=1e-3, atol=1e-3)
    assert (found.words, found.losses, found.command) == ({"words": ["a"]}, [1.5], "by hand")


class Normalised(torch.nn.Module):
    """Batch normalisation, and a buffer that every new model makes anew."""

    def __init__(self, d: int):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(d)
        self.register_buffer("ramp", torch.arange(float(d)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x) + self.ramp


def test_running_statistics_come_back_and_other_buffers_are_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pretrained.BUILDERS, "Normalised", Normalised)
    model, x = Normalised(3), 5 + 2 * torch.randn(50, 3)
    for _ in range(40):
        model(x)
    path = pretrained.save("normalised", Pretrained(model, "Normalised", {"d": 3}), command="")
    torch.testing.assert_close(load("normalised").model(x), model.eval()(x), rtol=1e-2, atol=1e-2)
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == {"norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"}
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118, it is no dict


def test_a_file_without_its_running_statistics_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pretrained.BUILDERS, "Normalised", Normalised)
    with monkeypatch.context() as before:
        before.setattr(pretrained, "learned", lambda model: dict(model.named_parameters()))
        pretrained.save("normalised", Pretrained(Normalised(3), "Normalised", {"d": 3}), command="")
    with pytest.raises(CourseError, match="`make weights` makes it anew"):
        load("normalised")


@pytest.mark.parametrize("name", names())
def test_what_is_loaded_and_saved_again_is_the_same_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found, before = load(name), (pretrained.FOLDER / f"{name}.safetensors").read_bytes()
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    assert pretrained.save(name, found, found.command).read_bytes() == before


def test_an_unknown_name_lists_those_that_are_there(folder: Path):
    pretrained.save("small", Pretrained(GPT(**SIZES), "GPT", SIZES), command="")
    with pytest.raises(CourseError, match="no trained weights of that name: large"):
        load("large")


@pytest.mark.parametrize("harm", ["cut", "other sizes", "unknown class"])
def test_a_file_that_does_not_fit_says_what_to_do(folder: Path, harm: str):
    sizes = SIZES | ({"d_model": 6} if harm == "other sizes" else {})
    path = pretrained.save("small", Pretrained(GPT(**SIZES), "LSTM" if "class" in harm else "GPT", sizes), command="")
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CourseError, match="`make weights` makes it anew"):
        load("small")


def test_an_alphabet_of_another_python_is_told(folder: Path):
    pretrained.save("small", Pretrained(GPT(**SIZES), "GPT", SIZES, {"alphabet": ["a", "b"]}), command="")
    with pytest.raises(CourseError, match="the help texts of another Python"):
        load("small")


def test_each_gpt_knows_the_alphabet_that_it_reads():
    for width in WIDTHS:
        assert load(f"gpt-{width}").words["alphabet"] == [*topics.characters().alphabet]


# --- what they reach; the same splits as in the table of results


def exact(name: str, pairs: list) -> float:
    translations = load_translator(name).translate([pair[0] for pair in pairs])
    return metrics.exact_match(translations, [tokenize(pair[1]) for pair in pairs])


@pytest.mark.parametrize(
    ("name", "kind", "low", "high"),
    [
        ("bahdanau", "units", 0.95, 1.0),
        ("transformer", "units", 0.8, 1.0),
        ("thought-vector", "units", 0.2, 0.6),
        ("thought-vector", "numbers", 0.9, 1.0),
        ("bahdanau", "dates", 0.98, 1.0),
    ],
)
def test_translators_are_those_of_the_table(name: str, kind: str, low: float, high: float):
    pairs = split(cldr.pairs(kind, 5000, seed=0), 300, 300).test[:100]
    assert low <= exact(name, pairs) <= high


def test_the_captioner_says_what_is_there_and_looks_at_what_it_names():
    reached = captioning.scores(load("captioner").model, canvases.canvases(500, "test"))
    assert reached[captioning.EXACT] >= 0.95
    assert reached[captioning.NAMED] >= 0.9
    assert reached[captioning.OTHER] <= 0.1


def test_the_seeds_own_sentences_are_translated():
    assert exact("grammar", [(s.english, s.french) for s in grammar.seeds()]) >= 0.8


def test_a_larger_gpt_was_trained_to_a_lower_loss():
    last = [sum(load(f"gpt-{width}").losses[-20:]) for width in WIDTHS]
    assert last == sorted(last, reverse=True)
    assert load("gpt-64").arguments["layers"] == LAYERS
