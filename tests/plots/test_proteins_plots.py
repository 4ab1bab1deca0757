"""Pictures of proteins show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from course.plots import proteins

LETTERS = "-ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture
def true() -> torch.Tensor:
    places = 8 * torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    return torch.cdist(places, places)


@pytest.fixture
def hidden() -> torch.Tensor:
    above = (torch.rand(9, 9, generator=torch.Generator().manual_seed(1)) < 0.5).triu(1)
    return above | above.mT


def test_every_amino_acid_has_one_group():
    for letter in LETTERS:
        assert sum(letter in letters for letters, _ in proteins.GROUPS.values()) == 1
    assert proteins.group_of("W") == proteins.group_of("Y") != proteins.group_of("K")
    assert proteins.group_of("X") == proteins.group_of("-")


def test_the_alignment_shows_letters_in_the_colours_of_their_groups(figure):
    rows, bits = ["WK-", "YEG"], torch.tensor([2.0, 0.5, 1.0])
    grid = proteins.alignment(figure, rows, ["W1", "K2", "G3"], bits)
    numbers = grid.images[0].get_array()
    assert numbers.tolist() == [[proteins.group_of(letter) for letter in row] for row in rows]
    assert [text.get_text() for text in grid.texts] == [*"WK-YEG"]
    colours = [grid.images[0].cmap(grid.images[0].norm(n))[:3] for n in numbers[0]]
    for colour, letter in zip(colours, "WK-", strict=True):
        wanted = next(colour for letters, colour in proteins.GROUPS.values() if letter in letters)
        assert colour == pytest.approx(proteins.pale(wanted), abs=0.01)
    assert [bar.get_height() for bar in figure.axes[0].patches] == bits.tolist()
    assert {text.get_text() for text in figure.legends[0].texts} == set(proteins.GROUPS)


def test_black_letters_can_be_read_on_every_group():
    for _, colour in proteins.GROUPS.values():
        red, green, blue = proteins.pale(colour)
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 > to_rgb("black")[0]


def test_conservation_is_nought_for_even_columns_and_most_for_one_letter():
    counts = torch.tensor([[5.0, 5.0, 5.0, 5.0], [9.0, 0.0, 0.0, 0.0], [4.0, 4.0, 0.0, 0.0]])
    torch.testing.assert_close(proteins.conservation(counts), torch.tensor([0.0, 2.0, 1.0]))


def test_a_joint_table_counts_pairs():
    tokens = torch.tensor([[0, 1, 2], [0, 2, 2], [1, 1, 0], [0, 1, 1]])
    joint = proteins.joint_of(tokens, 0, 1, 3)
    torch.testing.assert_close(joint, torch.tensor([[0.0, 0.5, 0.25], [0.0, 0.25, 0.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(proteins.joint_of(tokens, 1, 0, 3), joint.mT)


def test_mutual_information_of_copies_is_their_entropy_and_of_strangers_nought():
    copies = torch.tensor([0.5, 0.25, 0.25]).diag()
    assert proteins.mutual_information(copies) == pytest.approx(1.5)
    strangers = torch.outer(torch.tensor([0.2, 0.8]), torch.tensor([0.5, 0.3, 0.2]))
    assert proteins.mutual_information(strangers) == pytest.approx(0.0, abs=1e-6)


def test_the_table_shows_what_is_more_than_chance_for_the_commonest_letters(ax):
    joint = torch.zeros(21, 21)
    joint[4, 7], joint[4, 1], joint[9, 1] = 0.6, 0.1, 0.3
    proteins.joint_table(ax, joint, LETTERS, "E12", "H27")
    rows, columns = ([label.get_text() for label in axis.get_ticklabels()] for axis in (ax.yaxis, ax.xaxis))
    assert (rows, columns) == (["E", "K"], ["H", "A"])
    expected = 100 * torch.tensor([[0.6 - 0.7 * 0.6, 0.1 - 0.7 * 0.4], [-0.3 * 0.6, 0.3 - 0.3 * 0.4]])
    np.testing.assert_allclose(ax.images[0].get_array(), expected, rtol=1e-4)
    assert [text.get_text() for text in ax.texts] == ["60.0", "10.0", "30.0"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("letter in E12", "letter in H27")


def test_two_maps_share_a_square_each_to_its_own_scale(ax):
    upper, lower = (10 * torch.rand(5, 5) for _ in range(2))
    proteins.couplings(ax, upper, lower, list("abcde"), marked=torch.tensor([[0, 3], [1, 4]]))
    shown = torch.tensor(ax.images[0].get_array().data)
    torch.testing.assert_close(shown.triu(1), (upper / upper.max()).triu(1))
    torch.testing.assert_close(shown.tril(-1), (lower / lower.max()).tril(-1))
    circles = ax.lines[-1]
    assert (list(circles.get_xdata()), list(circles.get_ydata())) == ([3, 4], [0, 1])  # above the diagonal


def test_a_map_leaves_white_what_is_hidden(ax, true, hidden):
    proteins.distance_map(ax, true, hidden)
    shown = ax.images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(shown)).tolist() == hidden.tolist()
    np.testing.assert_allclose(shown[~hidden.numpy()], true[~hidden])
    assert not true.isnan().any()


def test_completions_name_their_errors(figure, true, hidden):
    found = {"well": true, "badly": torch.where(hidden, true + 1.5, true)}
    proteins.completions(figure, true, hidden, found)
    titles = [ax.get_title() for ax in figure.axes[:6]]
    share = f"given: {proteins.share_known(hidden):.0%}"
    assert titles == ["true", "well", "badly", share, "wrong by 0.00 Å", "wrong by 1.50 Å"]
    np.testing.assert_allclose(figure.axes[5].images[0].get_array(), 1.5 * hidden, atol=1e-5)


def test_the_share_known_counts_pairs_of_different_residues(hidden):
    above = [(i, j) for i in range(9) for j in range(i)]
    assert proteins.share_known(hidden) == pytest.approx(sum(not hidden[i, j] for i, j in above) / len(above))


def test_bars_are_sorted_and_say_who_learned(ax):
    proteins.errors_by_method(ax, {"a": 3.0, "b": 1.0, "c": 2.0}, ["c"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "c", "a"]
    assert [bar.get_width() for bar in ax.patches] == [1.0, 2.0, 3.0]
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert colours[0] == colours[2] != colours[1]


def test_curves_are_dashed_where_nothing_was_learned(ax):
    proteins.errors_by_share(ax, [0.1, 0.5], {"net": [2.0, 1.0], "bounds": [3.0, 2.5]}, ["net"])
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert [list(line.get_ydata()) for line in ax.lines] == [[2.0, 1.0], [3.0, 2.5]]
    assert [text.get_text() for text in ax.get_legend().texts] == ["net", "bounds"]
    assert ax.get_ylim()[0] == 0


def test_a_chain_runs_through_its_places(figure):
    places = torch.randn(6, 3) * torch.tensor([10.0, 5.0, 2.0])
    axes = proteins.chain(figure, places, slice(2, 5), "a chain")
    centred = places - places.mean(0)
    assert len(axes.lines) == 5
    for n, line in enumerate(axes.lines):
        np.testing.assert_allclose(np.stack(line.get_data_3d(), -1), centred[n : n + 2], rtol=1e-4, atol=1e-5)
    assert [line.get_linewidth() > 2 for line in axes.lines] == [False, False, True, True, False]
    plt.close(figure)
