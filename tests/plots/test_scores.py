"""Pictures of scores show the numbers of the formula that they stand for."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from course.plots import scores as pictures
from tests.support.pictures import texts


def test_a_layer_in_boxes_says_scores_weights_and_output(ax):
    keys, values = torch.randn(3, 2), torch.randn(3, 4)
    scores = torch.tensor([0.0, 1.0, 2.0])
    pictures.attention_layer(ax, torch.randn(2), keys, values, scores)
    weights = scores.softmax(-1)
    assert {f"{number:.2f}" for number in (*scores, *weights)} <= set(texts(ax))
    assert f"output\n{pictures.row_of(weights @ values)}" in texts(ax)


def test_the_plane_shows_the_score_of_each_key_at_its_place(ax):
    pictures.scores_in_the_plane(ax, lambda Q, K: Q @ K.mT, torch.tensor([1.0, 0.0]), extent=2.0, title="dot")
    bands = ax.collections[0]
    assert bands.get_clim()[0] <= -2 and bands.get_clim()[1] >= 2
    for path, low in zip(
        bands.get_paths(), bands.levels[:-1], strict=False
    ):  # q = (1, 0): the score is the first entry
        assert path.vertices[:, 0].min() == pytest.approx(max(low, -2), abs=0.05)
    assert ax.lines[0].get_xydata().tolist() == [[1, 0]]


def test_outputs_stand_among_the_values_where_they_are(ax):
    values, inside, outside = torch.eye(3)[:, :2], torch.full((4, 2), 0.2), torch.rand(5, 2) + 3
    pictures.outputs_and_values(ax, values, {"outside": outside, "inside": inside})
    for line, points in zip(ax.lines, (outside, inside, values), strict=True):
        np.testing.assert_allclose(line.get_xydata(), points)
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["outside", "inside", "values"]
    np.testing.assert_allclose(ax.patches[0].get_xy()[:3], values)


def test_curves_against_width_have_dots_for_what_is_measured_and_lines_for_what_is_expected(ax):
    pictures.against_width(ax, [1, 2, 4], {"x": [1, 3, 5]}, expected={"x": [1, 2, 4]}, ylabel="y", logarithmic=True)
    measured, line = ax.lines[:2]
    assert (list(measured.get_ydata()), measured.get_linestyle(), measured.get_marker()) == ([1, 3, 5], "None", "o")
    assert (list(line.get_ydata()), line.get_linestyle()) == ([1, 2, 4], "-")
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("log", "log", "y")


def test_a_scale_has_the_same_colour_in_all_pictures(ax):
    pictures.against_width(ax, [1, 2], {name: [1, 2] for name in reversed(pictures.SCALES)}, ylabel="y")
    assert {line.get_label(): line.get_color() for line in ax.lines} == pictures.COLOUR_OF


def test_each_head_has_its_dot_above_its_layer(ax):
    measured = torch.rand(3, 4) + 0.5
    pictures.spreads(ax, measured)
    for number, (line, layer) in enumerate(zip(ax.lines, measured, strict=False), start=1):
        assert set(line.get_xdata()) == {number}
        np.testing.assert_allclose(line.get_ydata(), layer)


def test_entropy_lies_between_one_choice_and_none():
    weights = torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    torch.testing.assert_close(pictures.entropy(weights), torch.tensor([0.0, 2.0, 1.0]))


@pytest.mark.parametrize("scale", pictures.SCALES)
def test_scaling_draws_all_scores_and_the_weights_of_the_first_query(figure: Figure, scale: str):
    Q, K = torch.randn(20, 1, 64), torch.randn(20, 16, 64)
    sentence = pictures.scaling(figure, Q, K, d=16, scale=scale)
    z = torch.einsum("nid,nsd->ns", Q[..., :16], K[..., :16]) * {"none": 1, "1/√d": 1 / 4, "1/d": 1 / 16}[scale]
    counts, weights = (ax.patches[0].get_data().values for ax in figure.axes)
    assert counts.sum() == z.numel()
    np.testing.assert_allclose(weights, z[0].softmax(-1), rtol=1e-4)
    assert f"a spread of {z.std():.2f}" in sentence
    assert f"gradient {1 - z.softmax(-1).square().sum(-1).mean():.2f}" in sentence


def layer_in_numbers() -> tuple[torch.Tensor, ...]:
    return torch.randint(-3, 4, (3, 4)).float(), torch.randint(-3, 4, (5, 4)).float(), torch.randn(5, 2)


def test_a_layer_in_numbers_ends_with_what_torch_computes(ax):
    Q, K, V = layer_in_numbers()
    pictures.computation(ax, Q, K, V)
    shown = [text for text in texts(ax) if text[-1:].isdigit()]
    wanted = [f"{value:.2f}" for value in F.scaled_dot_product_attention(Q, K, V).flatten()]
    assert [f"{float(text):.2f}" for text in shown[-6:]] == wanted


@pytest.mark.parametrize(("stage", "cells"), [(1, 5), (2, 10), (3, 15), (4, 17)])
def test_the_numbers_of_a_query_appear_stage_by_stage(ax, stage: int, cells: int):
    Q, K, V = layer_in_numbers()
    sentence = pictures.computation(ax, Q, K, V, stage=stage, query=1)
    always = Q.numel() + K.numel() + V.numel()
    signs_and_names = 5 + 7
    assert len(ax.texts) == always + cells + signs_and_names
    assert sentence.startswith(f"Query 2, stage {stage}, {pictures.STAGES[stage - 1]}: (")


def test_the_row_of_the_query_that_is_followed_stands_out(ax):
    pictures.computation(ax, *layer_in_numbers(), query=2)
    opacity = ax.collections[0].get_array()[..., 3]  # of Q
    assert (opacity[2] > opacity[:2]).all()


def test_maps_of_a_layer_are_its_matrices(figure: Figure):
    Q, K, V = torch.randn(3, 6, 4, requires_grad=True).unbind()
    axes = pictures.layer_maps(figure, torch.randn(6), Q, K, V)
    A = F.scaled_dot_product_attention(Q, K, torch.eye(6))
    for name, matrix in {"Q": Q, "Kᵀ": K.mT, "Vᵀ": V.mT, "A": A, "Y": A @ V}.items():
        np.testing.assert_allclose(axes[name].images[0].get_array(), matrix.detach(), atol=1e-6)
    assert axes["A"].images[0].get_clim()[0] == 0
