"""The clocks of sinusoidal positions, to turn by hand."""

import math
from collections.abc import Callable

import ipywidgets
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.positions import clock, pair_of_waves
from course.widgets.explorer import Explorer

SIZES = (4, 8, 16, 64, 128, 512)
T = 64  # positions that are drawn
FRAME = {"left": 0.09, "right": 0.98, "bottom": 0.17, "top": 0.86, "wspace": 0.22}


def clocks(angles: Callable[[int, int], Tensor]) -> Explorer:
    """One pair of the table as the hand of a clock at two positions, k apart.

    Moving t turns both hands and leaves the angle between them: a shift by k is a rotation by ωk. Moving the pair
    shows fast clocks (the seconds of a position) and slow ones; moving d_model shows how densely they are spaced.

    Args:
        angles: `angles(T, d_model)` gives ωt of every position and pair, (T, pairs): `course.models.positions.angles`.
    """
    d_model = ipywidgets.Dropdown(options=SIZES, value=16, description="d_model")
    pair = ipywidgets.IntSlider(1, min=0, max=7, description="pair i")

    def limit_pairs(change: dict) -> None:
        pair.max = change["new"] // 2 - 1

    d_model.observe(limit_pairs, names="value")  # before the explorer's own, so that no pair is drawn that isn't there

    def draw(figure: Figure, d_model: int, pair: int, t: int, k: int) -> str:
        omega = angles(2, d_model)[1, pair].item()  # the angle of position 1
        return draw_clock(figure, omega, pair, d_model, t, k)

    controls = {
        "d_model": d_model,
        "pair": pair,
        "t": ipywidgets.IntSlider(4, min=0, max=40, description="position t"),
        "k": ipywidgets.IntSlider(3, min=-20, max=20, description="offset k"),
    }
    return Explorer(draw, controls, title="A shift is a rotation", size=(6.4, 2.9))


def draw_clock(figure: Figure, omega: float, pair: int, d_model: int, t: int, k: int) -> str:
    """Draw the clock and its two waves; say how long the wave is and by how much the hand turns."""
    figure.set_layout_engine("none")  # a fixed layout: working one out takes half of the time
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5), gridspec_kw=FRAME)
    clock(left, omega, t, k)
    pair_of_waves(right, omega, t, k, T)
    turn, wavelength = omega * k, 2 * math.pi / omega
    return (
        f"Pair {pair} of {d_model // 2}, d_model = {d_model}: ω = {omega:.4g}, a turn in {wavelength:,.1f} positions. "
        f"From t = {t} to {t + k} the hand turns by ωk = {turn:.3f} rad ({math.degrees(turn):.1f}°), whatever t is; "
        f"cos ωk = {math.cos(turn):.2f} is this pair's share of PE_t · PE_s."
    )
