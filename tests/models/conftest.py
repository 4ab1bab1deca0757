"""What the tests of models share."""

import pytest


@pytest.fixture(scope="session")
def transformers():
    """The library that BERT and GPT-2 are held to: imported when a test asks, since that takes seconds."""
    import transformers

    return transformers
