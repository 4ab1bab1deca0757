"""The committed weights are small, whole, and reach what the table of results says."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from course import metrics, pretrained
from course.data import cldr, grammar, topics
from course.data.splits import split
from course.data.vocabulary import tokenize
from course.errors import CourseError
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


def test_the_seeds_own_sentences_are_translated():
    assert exact("grammar", [(s.english, s.french) for s in grammar.seeds()]) >= 0.8


def test_a_larger_gpt_was_trained_to_a_lower_loss():
    last = [sum(load(f"gpt-{width}").losses[-20:]) for width in WIDTHS]
    assert last == sorted(last, reverse=True)
    assert load("gpt-64").arguments["layers"] == LAYERS
