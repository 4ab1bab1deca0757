"""Pictures are what their datasheets say: sizes, splits that share nothing, shifts that lose nothing, sources."""

import sys

import pytest
import torch

from course.data import digits, mnist, photographs, pictures
from course.data.pictures import PictureBatches, Pictures, shifted, split
from course.errors import CourseError

SETS = [
    (digits.digits, digits.split_digits, (1258, 180, 359), 8),
    (mnist.mnist, mnist.split_mnist, (3600, 400, 1000), 28),
]


@pytest.mark.parametrize(("everything", "parts", "sizes", "side"), SETS)
def test_sets_are_as_large_as_their_datasheets_say_and_parts_share_nothing(everything, parts, sizes, side):
    images, labels = everything()
    assert images.shape == (sum(sizes), 1, side, side) and images.dtype == torch.float32
    assert (images.min(), images.max()) == (0, 1)
    assert set(labels.tolist()) == set(range(10))
    found = parts()
    assert tuple(len(part.labels) for part in found) == sizes
    rows = [row.tobytes() for part in found for row in part.images.numpy()]
    together = {row.tobytes() for row in images.numpy()}
    assert set(rows) == together
    apart = [{row.tobytes() for row in part.images.numpy()} for part in found]
    # two people may draw one picture of 8 × 8; MNIST's pictures are all distinct
    assert sum(map(len, apart)) - len(together) <= (0 if side == 28 else 2)


@pytest.mark.parametrize(("everything", "parts", "sizes", "side"), SETS)
def test_every_part_has_each_digit_in_its_share_and_in_turn(everything, parts, sizes, side):
    labels = everything().labels
    share = labels.bincount() / len(labels)
    for part in parts():
        expected = share * len(part.labels)
        assert (part.labels.bincount() - expected).abs().max() <= 1
        for start in (0, 50):
            assert sorted(part.labels[start : start + 10].tolist()) == list(range(10))


def test_a_picture_keeps_its_label_and_splits_depend_on_the_seed_alone():
    images = torch.arange(60.0).reshape(60, 1, 1, 1)
    labels = torch.arange(60) % 3
    once, again, other = (split(Pictures(images, labels), 0.2, 0.25, seed) for seed in (1, 1, 2))
    for part in once:
        assert torch.equal(part.images.flatten().long() % 3, part.labels)
    assert [len(part.labels) for part in once] == [33, 12, 15]
    assert torch.equal(once.train.images, again.train.images)
    assert not torch.equal(once.train.images, other.train.images)
    for shares in ((0.5, 0.5), (-0.1, 0.2)):
        with pytest.raises(ValueError, match="nothing to train on"):
            split(Pictures(images, labels), *shares)


def test_some_are_others_each_time_until_all_are_used():
    part = mnist.split_mnist().train
    drawn = [part.some(600, which).images for which in range(7)]
    assert all(not torch.equal(drawn[0], other) for other in drawn[1:6])
    assert torch.equal(drawn[6], drawn[0])
    assert torch.cat(drawn[:6]).equal(part.images)
    assert set(part.some(100, 2).labels.bincount().tolist()) == {10}
    with pytest.raises(ValueError, match="3601"):
        part.some(3601)


def test_a_shift_moves_each_picture_by_itself_and_paper_comes_in():
    images = torch.zeros(300, 1, 7, 5)
    images[:, :, 3, 2] = 1.0
    moved = shifted(images, 2, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(300))
    places = {divmod(picture.argmax().item(), 5) for picture in moved}
    assert places == {(y, x) for y in range(1, 6) for x in range(5)}  # every shift occurs, in both directions
    edge = torch.ones(50, 1, 4, 4)
    assert {picture.sum().item() for picture in shifted(edge, 1, torch.Generator().manual_seed(0))} == {16.0, 12.0, 9.0}


def test_batches_are_a_function_of_the_step_and_an_epoch_has_every_picture_once():
    part = Pictures(torch.arange(50.0).reshape(50, 1, 1, 1).expand(50, 1, 3, 3), torch.arange(50))
    batches, again = (PictureBatches(part, 20, seed=1, shift=1) for _ in range(2))
    for step in (4, 0, 2):
        for x, y in zip(batches(step), again(step), strict=True):
            assert torch.equal(x, y)
    assert sorted(torch.cat([batches(step)[1] for step in range(3)]).tolist()) == list(range(50))
    images, labels = batches(1)
    assert torch.equal(images[:, 0, 1, 1].long(), labels)  # the middle of a picture in one colour stays
    assert not torch.equal(batches(0)[0], PictureBatches(part, 20, seed=1)(0)[0])


def test_packages_are_not_imported_and_what_is_missing_or_damaged_is_named(tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="pip install nowhere"):
        pictures.read("nowhere", "x.csv.gz", 8, 16, "nowhere")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "broken" / "x.csv.gz").write_bytes(b"nothing")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(CourseError, match=r"broken/x.csv.gz is damaged"):
        pictures.read("broken", "x.csv.gz", 8, 16, "broken")
    with pytest.raises(CourseError, match=r"broken/y.csv.gz is damaged"):
        pictures.read("broken", "y.csv.gz", 8, 16, "broken")


@pytest.mark.parametrize("name", photographs.SOURCES)
def test_photographs_are_squares_in_colour_with_a_credit(name: str):
    photo = photographs.photograph(name, 32)
    assert photo.shape == (3, 32, 32) and photo.dtype == torch.float32
    assert 0 <= photo.min() < 0.4 and 0.6 < photo.max() <= 1
    assert (photo[0] - photo[2]).abs().max() > 0.1  # in colour
    assert "CC0" in photographs.SOURCES[name].credit or "public domain" in photographs.SOURCES[name].credit


def test_a_photograph_is_averaged_not_sampled():
    from skimage import data

    raw = torch.from_numpy(data.astronaut()[:448, 32:480]).float() / 255  # (448, 448, 3)
    expected = raw.reshape(224, 2, 224, 2, 3).mean((1, 3)).permute(2, 0, 1)  # (3, 224, 224)
    torch.testing.assert_close(photographs.photograph("astronaut"), expected)
    with pytest.raises(ValueError, match="astronaut, cat"):
        photographs.photograph("dog")
