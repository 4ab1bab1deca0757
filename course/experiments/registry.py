"""All experiments by name. A module of its own: `wmt`, in each of its processes, needs none of them."""

from course.experiments import assistant, heads, language, minilm, pretraining, toy, translation
from course.experiments.common import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (translation, toy, heads, language, pretraining, minilm, assistant)
}
