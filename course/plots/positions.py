"""Positions as pictures: the table, its waves and clocks, and which positions are alike."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Arc
from torch import Tensor

from course.plots.palette import BLUE, COLOURS, GREEN, GREY, VERMILION

Number = int | float


def table(ax: Axes, PE: Float[Tensor, "positions d_model"]) -> Axes:
    """A row for each position, from -1 (orange) to 1 (violet)."""
    picture = ax.imshow(PE.detach().cpu().numpy(), cmap="PuOr", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    ax.set(xlabel="coordinate", ylabel="position t")
    ax.figure.colorbar(picture, ax=ax, label="PE")
    return ax


def waves(ax: Axes, PE: Float[Tensor, "positions d_model"], columns: Sequence[int], at: int) -> Axes:
    """Some columns of the table, one below the other; the dots of position `at` are part of its row."""
    for line, (column, colour) in enumerate(zip(columns, COLOURS, strict=False)):
        values = PE[:, column].detach().cpu().numpy() - 2.6 * line
        ax.plot(values, color=colour, linewidth=1.4)
        ax.plot(at, values[at], "o", color=colour)
        halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
        ax.text(at + 0.6, values[at], f"{PE[at, column].item():.2f}", va="bottom", fontsize=8, bbox=halo)
    ax.axvline(at, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_yticks([-2.6 * line for line in range(len(columns))], [f"column {column}" for column in columns])
    ax.set(xlabel="position t", xlim=(0, len(PE) - 1))
    return ax


def wavelengths(ax: Axes, lengths: Float[Tensor, " pairs"], T: int) -> Axes:
    """The wavelength of each pair on a logarithmic scale, and the length of the longest sequence."""
    lengths = lengths.detach().cpu().numpy()
    ax.semilogy(range(len(lengths)), lengths, ".", color=BLUE)
    ax.axhline(T, color=VERMILION, linestyle="--", label=f"T = {T}")
    ax.set(xlabel="pair i", ylabel="wavelength, positions")
    ax.legend()
    return ax


def clock(ax: Axes, omega: float, t: Number, k: Number) -> Axes:
    """A pair as the hand of a clock: where it points at t and at t + k, and the angle ωk between the two.

    The hand lies at (cos ωt, sin ωt), so that it starts on the right and turns counter-clockwise.
    """
    circle = torch.linspace(0, 2 * math.pi, 200)
    ax.plot(circle.cos(), circle.sin(), color=GREY, linewidth=0.8)
    hands = (t, BLUE, f"● t = {t:g}", 0.0, "left"), (t + k, VERMILION, f"● t + k = {t + k:g}", 1.0, "right")
    for when, colour, name, place, side in hands:
        x, y = math.cos(omega * when), math.sin(omega * when)
        ax.plot([0, x], [0, y], color=colour, linewidth=2.5)
        ax.text(place, 1.04, name, color=colour, ha=side, transform=ax.transAxes)  # faster than a legend
        ax.plot(x, y, "o", color=colour)
    low, high = sorted((omega * t, omega * (t + k)))
    span = min(high - low, 2 * math.pi)
    arc = Arc((0, 0), 0.8, 0.8, theta1=math.degrees(low), theta2=math.degrees(low + span), color=GREEN, linewidth=2.5)
    ax.add_patch(arc)
    ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set_xlabel("cos ωt")
    ax.set_ylabel("sin ωt", labelpad=-4)
    return ax


def pair_of_waves(ax: Axes, omega: float, t: Number, k: Number, T: int) -> Axes:
    """The sine and the cosine of one pair over T positions, and the two positions that the clock compares."""
    positions = torch.linspace(0, T - 1, 400, dtype=torch.float64)
    ax.plot(positions, (omega * positions).sin(), "-", color=GREY)
    ax.plot(positions, (omega * positions).cos(), "--", color=GREY)
    for when, colour in ((t, BLUE), (t + k, VERMILION)):
        ax.axvline(when, color=colour, linewidth=1)
        ax.plot([when, when], [math.sin(omega * when), math.cos(omega * when)], "o", color=colour)
    ax.set(xlabel="position", ylim=(-1.2, 1.2), xticks=range(0, T, 20), yticks=[-1, 0, 1])
    ax.text(0.5, 1.04, "— sin ωt    - - cos ωt", ha="center", color=GREY, transform=ax.transAxes)
    return ax


def similarity(ax: Axes, products: Float[Tensor, "positions positions"], *, title: str = "") -> Axes:
    """Which position is like which."""
    picture = ax.imshow(products.detach().cpu().numpy(), cmap="viridis")
    ax.set(xlabel="position s", ylabel="position t", title=title)
    ax.figure.colorbar(picture, ax=ax)
    return ax


def by_distance(ax: Axes, products: Mapping[str, Float[Tensor, "positions positions"]], *, ylabel: str) -> Axes:
    """The mean of each diagonal, s - t = 0, 1, …, with a band from its smallest to its largest entry."""
    for (name, matrix), colour in zip(products.items(), COLOURS, strict=False):
        matrix = matrix.detach().cpu()
        diagonals = [matrix.diagonal(distance) for distance in range(len(matrix) - len(matrix) // 4)]
        mean, low, high = (torch.stack([pick(d) for d in diagonals]) for pick in (torch.mean, torch.amin, torch.amax))
        ax.fill_between(range(len(diagonals)), low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(mean, color=colour, label=name)
    ax.set(xlabel="distance s − t", ylabel=ylabel)
    ax.legend(fontsize=8)
    return ax


def closeness(
    ax: Axes, scales: Float[Tensor, " scales"], same: Float[Tensor, " scales"], near: Float[Tensor, " scales"]
) -> Axes:
    """How often a token's nearest other token is the same word, and how often the one next to it, by scale."""
    ax.semilogx(scales.cpu().numpy(), same.cpu().numpy(), "o-", color=BLUE, label="the same word")
    ax.semilogx(scales.cpu().numpy(), near.cpu().numpy(), "s--", color=VERMILION, label="the place next to it")
    ax.set(xlabel="standard deviation of the embeddings' entries", ylabel="share of nearest tokens", ylim=(-0.05, 1.05))
    ax.legend(loc="center right")
    return ax
