"""nbgrader_config.py says what the course's folders are, in words that nbgrader knows."""

from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from traitlets.config import Config, PyFileConfigLoader

ROOT = Path(__file__).parents[1]
CLASSES = {"CourseDirectory": CourseDirectory, "Execute": Execute}


@pytest.fixture(scope="module")
def config() -> Config:
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def test_every_option_is_one_that_nbgrader_has(config: Config):
    """traitlets passes over an option that no class has: a slip of the pen would just be ignored."""
    for section, options in config.items():
        assert set(options) <= set(CLASSES[section].class_trait_names(config=True)), section


def test_folders(config: Config):
    course = CourseDirectory(config=config)
    assert (course.source_directory, course.release_directory) == ("solutions", "assignments")
    assert course.solution_directory not in {"solution", "solutions"}, "one letter away from the sources"
