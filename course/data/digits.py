"""Handwritten digits of 8 × 8 pixels: small enough to train a vision transformer while a class watches.

Datasheet
    What: 1,797 grey pictures of the digits 0 to 9, 174 to 183 of each; a number from 0 to 1 (in sixteenths) is how
        much ink a pixel has.
    From: scikit-learn (tested with 1.9.1), `datasets/data/digits.csv.gz`: the test part of UCI's "Optical Recognition
        of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998). Nothing is downloaded.
    Licence: scikit-learn is BSD-3; UCI gives the data under CC BY 4.0 (DOI 10.24432/C50P49).
    Size: 1,797 × 64 numbers. Train 1,258, validation 180, test 359.
    Made: 13 people wrote on forms; bitmaps of 32 × 32 pixels were cut into squares of 4 × 4 whose ink was counted.
    Good for: a vision transformer in seconds; what positions are for; how it compares with older methods.
    Flaws: easy, and so small that a support vector machine is better. It does not say who wrote what, so each person
        is in all parts: new hands would be harder. 359 test pictures tell accuracies apart to one or two percent.
    Splits: fixed, the same share of each digit in each part.
"""

from functools import lru_cache

from course.data.pictures import Pictures, PictureSplit, read, split

SIDE, CLASSES = 8, 10


@lru_cache(maxsize=1)
def digits() -> Pictures:
    """All pictures, (1797, 1, 8, 8), and their labels.

    Raises:
        CourseError: scikit-learn is not installed, or damaged.
    """
    return read("sklearn", "datasets/data/digits.csv.gz", SIDE, ink=16, pip_name="scikit-learn")


def split_digits() -> PictureSplit:
    """Train 1,258, validation 180, test 359."""
    return split(digits(), valid=0.1, test=0.2)
