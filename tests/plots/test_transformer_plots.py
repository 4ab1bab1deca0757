"""The diagram says of each box what the model itself says; the other pictures show the numbers they are given."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from torch import nn

from course.models.multi_head import MultiHeadAttention
from course.models.transformer import Embedding, FeedForward, Residual, Transformer
from course.plots import transformer as plots
from course.plots.transformer import PARTS, Sizes, facts
from tests.support.pictures import texts

SIZES = Sizes(B=2, S=7, T=5, d_model=12, H=3, V=11)


@pytest.fixture(scope="module")
def ran():
    """A layer of each kind that has run once: name of the module -> (module, shapes of its inputs, of its output)."""
    B, S, T, d, H, V = SIZES
    model = Transformer(V, V, d_model=d, heads=H, d_ff=4 * d, layers=1, dropout=0.0)
    found = {}

    def keep(name):
        def hook(module, given, result):
            inputs = tuple(tuple(x.shape) for x in given if isinstance(x, torch.Tensor))
            found[name] = module, inputs, tuple(result.shape)

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(keep(name))
    model(torch.randint(V, (B, S)), torch.randint(V, (B, T)))
    return found


WHERE = {
    "source embedding": ("source_embedding", Embedding),
    "encoder self-attention": ("encoder.layers.0.self_attention", MultiHeadAttention),
    "encoder add & norm": ("encoder.layers.0.residuals.0.norm", nn.LayerNorm),
    "encoder feed-forward": ("encoder.layers.0.feed_forward", FeedForward),
    "target embedding": ("target_embedding", Embedding),
    "masked self-attention": ("decoder.layers.0.self_attention", MultiHeadAttention),
    "decoder add & norm": ("decoder.layers.0.residuals.0.norm", nn.LayerNorm),
    "cross-attention": ("decoder.layers.0.cross_attention", MultiHeadAttention),
    "decoder feed-forward": ("decoder.layers.0.feed_forward", FeedForward),
    "linear": ("output", nn.Linear),
}


@pytest.mark.parametrize("part", WHERE)
def test_shapes_and_parameters_are_those_of_the_model(ran, part: str):
    name, kind = WHERE[part]
    module, inputs, output = ran[name]
    said = facts(part, SIZES)
    assert isinstance(module, kind)
    if "norm" not in part:  # its box takes both terms of the sum, its layer norm the sum
        assert said.inputs == inputs
    assert said.output == output
    assert said.parameters == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("part", [part for part in WHERE if "attention" in part])
def test_the_weights_inside_an_attention_have_the_shape_that_is_said(ran, part: str):
    module, inputs, _ = ran[WHERE[part][0]]
    weights = module.weights(*(torch.randn(shape) for shape in inputs))
    assert facts(part, SIZES).inside == ("weights", tuple(weights.shape))


def test_the_hidden_layer_has_the_shape_that_is_said(ran):
    for part in ("encoder feed-forward", "decoder feed-forward"):
        assert facts(part, SIZES).inside == ("hidden", ran[WHERE[part][0] + ".0"][2])


def test_what_has_no_parameters_says_so():
    for part in ("source positions", "target positions", "softmax"):
        said = facts(part, SIZES)
        assert said.parameters == 0 and said.formula.startswith("none") and said.inputs == (said.output,)


def test_a_layer_has_as_many_norms_as_the_diagram(ran):
    assert sum(isinstance(module, Residual) and "encoder" in name for name, (module, *_) in ran.items()) == 2
    assert (len(PARTS["encoder add & norm"].places), len(PARTS["decoder add & norm"].places)) == (2, 3)


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="12 is not one of 5"):
        facts("linear", SIZES._replace(H=5))


def test_the_diagram_has_every_box_with_its_number_and_its_shapes(ax):
    plots.diagram(ax, SIZES)
    shown = texts(ax)
    for part in PARTS.values():
        assert shown.count(part.text) >= len(part.places)
    numbers = sorted(text for text in shown if text.isdigit())
    assert numbers == sorted(str(part.number) for part in PARTS.values() for _ in part.places)
    for shape in ("(2, 7)", "(2, 5)", "(2, 7, 12)", "(2, 5, 12)", "(2, 5, 11)", "memory (2, 7, 12)"):
        assert shape in shown
    ax.clear()
    assert "memory (B, S, d_model)" in texts(plots.diagram(ax))


def test_a_part_is_framed_where_it_stands(ax):
    plots.highlight(ax, "decoder add & norm")
    centres = [(patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2) for patch in ax.patches]
    np.testing.assert_allclose(centres, PARTS["decoder add & norm"].places)
    with pytest.raises(KeyError):
        plots.highlight(ax, "no such box")


def test_stacks_have_so_many_layers_and_the_memory_goes_to_each(ax):
    plots.stacks(ax, 3)
    for side in ("encoder", "decoder"):
        assert [text for text in texts(ax) if text.startswith(side)] == [f"{side} layer {i}" for i in (1, 2, 3)]
    green = [patch for patch in ax.patches if patch.get_edgecolor() == to_rgba(plots.GREEN)]
    assert len(green) == 3


def test_each_step_shows_what_was_read_and_what_was_written(ax):
    plots.decoding_steps(ax, ["i", "sleep"], ["je", "dors", "EOS"], [0.9, 0.8, 1.0])
    shown = texts(ax)
    assert (shown.count("BOS"), shown.count("je"), shown.count("dors"), shown.count("EOS")) == (3, 3, 2, 1)
    assert [text for text in shown if "." in text] == ["0.90", "0.80", "1.00"]
    with pytest.raises(ValueError, match="argument"):
        plots.decoding_steps(ax, ["i"], ["je", "EOS"], [1.0])


def test_running_times_are_drawn_in_milliseconds_on_logarithmic_axes(ax):
    plots.running_times(ax, [16, 64], {"GRU": [0.001, 0.004], "attention": [0.0005, 0.002]})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 4])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.5, 2])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "ms" in ax.get_ylabel()


def test_gradients_stand_in_the_panel_of_their_side(figure):
    norms = {"post-LN": ([1.0, 2.0], [3.0, 4.0, 5.0]), "pre-LN": ([6.0, 7.0], [8.0, 9.0, 10.0])}
    plots.gradient_norms(figure, norms)
    for side, ax in enumerate(figure.axes):
        for line, both in zip(ax.lines, norms.values(), strict=True):
            np.testing.assert_allclose(line.get_ydata(), both[side])
            np.testing.assert_allclose(line.get_xdata(), range(1, len(both[side]) + 1))
    assert [ax.get_xlabel() for ax in figure.axes] == ["encoder layer", "decoder layer"]


def test_bars_show_millions_and_shares(ax):
    plots.parameter_bars(ax, {"a": 3_000_000, "b": 1_000_000})
    assert [bar.get_width() for bar in ax.patches] == [3, 1]
    assert [text.strip() for text in texts(ax)] == ["3.00 M, 75.0%", "1.00 M, 25.0%"]
    assert ax.yaxis_inverted()


def test_rates_and_targets_are_drawn_as_they_are(figure):
    left, right = figure.subplots(1, 2)
    plots.learning_rates(left, {"warm": [0.1, 0.3, 0.2]})
    assert left.lines[0].get_xdata().tolist() == [1, 2, 3] and list(left.lines[0].get_ydata()) == [0.1, 0.3, 0.2]
    targets = {"hard": torch.tensor([0.0, 1.0]), "soft": torch.tensor([0.25, 0.75])}
    plots.token_targets(right, ["a", "b"], targets)
    np.testing.assert_allclose([bar.get_height() for bar in right.patches], [0, 1, 0.25, 0.75])
    places = [bar.get_x() + bar.get_width() / 2 for bar in right.patches]
    np.testing.assert_allclose(np.mean([places[:2], places[2:]], axis=0), [0, 1], atol=1e-6)


def test_rows_of_images_show_the_images_and_their_names(figure):
    rows = {"input": torch.rand(3, 4, 5), "output": torch.rand(2, 4, 5)}
    plots.image_rows(figure, rows)
    for i, (name, images) in enumerate(rows.items()):
        line = figure.axes[3 * i : 3 * i + 3]
        assert texts(line[0]) == [name]
        for ax, image in zip(line, images, strict=False):
            np.testing.assert_allclose(ax.images[0].get_array(), image.numpy())
