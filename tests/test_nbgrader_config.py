"""nbgrader_config.py says what the course's folders are and who grades, in words that nbgrader knows."""

from pathlib import Path

import pytest
from nbconvert.exporters import Exporter
from nbconvert.preprocessors import Preprocessor
from nbgrader.apps import ExportApp
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeFactory
from nbgrader.preprocessors import AssignLatePenalties, Execute, NbGraderPreprocessor
from traitlets.config import Config, PyFileConfigLoader
from traitlets.utils.importstring import import_item

ROOT = Path(__file__).parents[1]
CLASSES = {
    one.__name__: one
    for one in (
        AssignLatePenalties,
        Autograde,
        CourseDirectory,
        ExchangeFactory,
        Execute,
        ExportApp,
        GenerateFeedback,
    )
}


@pytest.fixture(scope="module")
def config() -> Config:
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def test_every_option_is_one_that_nbgrader_has(config: Config):
    """traitlets passes over an option that no class has: a slip of the pen would just be ignored."""
    for section, options in config.items():
        assert set(options) <= set(CLASSES[section].class_trait_names(config=True)), section


def test_every_name_of_a_class_is_one(config: Config):
    """A name that can't be imported would show itself when the first submission is graded."""
    preprocessors = [*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors]
    assert len(preprocessors) == 3
    for name in preprocessors:
        assert issubclass(import_item(name), NbGraderPreprocessor), name
    assert issubclass(import_item(config.Autograde.exporter_class), Exporter)
    for name in config.GenerateFeedback.preprocessors:
        assert issubclass(import_item(name), Preprocessor), name
    for place, name in (
        (AssignLatePenalties.plugin_class, config.AssignLatePenalties.plugin_class),
        (ExportApp.plugin_class, config.ExportApp.plugin_class),
        (ExchangeFactory.collect, config.ExchangeFactory.collect),
    ):
        assert issubclass(import_item(name), place.klass), name


def test_scores_are_written_by_the_course_alone(config: Config):
    """nbgrader's SaveAutoGrades would take scores from the notebook's outputs, and its Execute runs answers here."""
    names = [*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors]
    assert not {"SaveAutoGrades", "Execute"} & {name.rpartition(".")[2] for name in names}
    assert "AssignLatePenalties" in names[-1], "penalties come after the scores that they are a part of"
    assert "RenewPenalties" in config.GenerateFeedback.preprocessors[0], "and are new before a page shows them"


def test_folders(config: Config):
    course = CourseDirectory(config=config)
    assert (course.source_directory, course.release_directory) == ("solutions", "assignments")
    assert course.solution_directory not in {"solution", "solutions"}, "one letter away from the sources"
