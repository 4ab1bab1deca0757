"""All experiments by name. A module of its own: `wmt`, in each of its processes, needs none of them."""

from course.experiments import (
    assistant,
    captioning,
    clip,
    couplings,
    decision,
    heads,
    language,
    minilm,
    pretraining,
    proteins,
    toy,
    translation,
    vision,
    vision_data,
)
from course.experiments.common import Experiment

MODULES = (  # in the order of the page
    translation,
    toy,
    heads,
    language,
    pretraining,
    minilm,
    assistant,
    captioning,
    clip,
    couplings,
    decision,
    proteins,
    vision,
    vision_data,
)
EXPERIMENTS: dict[str, Experiment] = {module.EXPERIMENT.name: module.EXPERIMENT for module in MODULES}
