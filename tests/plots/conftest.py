"""What the tests of plots share."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture
def ax():
    """Axes of a figure that is closed afterwards."""
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def figure():
    """An empty figure that is closed afterwards."""
    figure = plt.figure()
    yield figure
    plt.close(figure)
