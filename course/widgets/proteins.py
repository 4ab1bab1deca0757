"""Proteins to play with: hide more of a map of distances; ask what two columns of an alignment say of each other."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.plots import proteins as plots
from course.widgets.explorer import Explorer, fixed_axes

Complete = Callable[[Tensor], Tensor]
SHUFFLES = 20


def hider(true: Tensor, order: Tensor, methods: Mapping[str, Complete], known: float = 0.3) -> Explorer:
    """Hide more and more of a map of distances, and see which method still completes it.

    Args:
        true: the whole map, in Å, (N, N).
        order: symmetric numbers from 0 to 1, (N, N): with a share s known, what is above s is hidden.
        methods: by name, from what is hidden (N, N) to the completed map (N, N), within some 50 ms.
        known: the share to begin with.
    """
    N = len(true)
    apart = ~torch.eye(N, dtype=torch.bool)
    pairs, triangles = N * (N - 1) // 2, N * (N - 1) * (N - 2) // 6

    def draw(figure: Figure, known: float, method: str) -> str:
        hidden = (order > known) & apart
        found = methods[method](hidden).detach().cpu()
        errors = (found - true).abs()
        axes = fixed_axes(figure, *((left, 0.17, 0.215, 0.7) for left in (0.06, 0.34, 0.68)))
        plots.distance_map(axes[0], true, hidden, title="given")
        plots.distance_map(axes[1], found, title="completed")
        plots.distance_map(axes[2], errors, title="wrong by (black: 8 Å and more)", top=8.0, cmap="magma_r")
        axes[0].set_ylabel("residue", fontsize=8)
        for ax in axes[1:]:  # the same residues: without ticks it is drawn in time
            ax.set(xticks=[], yticks=[])
        beside = figure.add_axes((axes[1].get_position().x1 + 0.01, 0.17, 0.012, 0.7))
        plots.scale(beside, axes[1], "distance, Å")
        return (
            f"{pairs - int(hidden.sum()) // 2} of {pairs} distances are known. Completed by {method}, the hidden ones "
            f"are wrong by {errors[hidden].mean():.2f} Å on average and {errors[hidden].max():.1f} Å at most; "
            f"{impossible(found)} of {triangles} triangles are impossible."
        )

    slider = ipywidgets.FloatSlider(known, min=0.1, max=0.7, step=0.05, description="share known")
    menu = ipywidgets.Dropdown(options=list(methods), description="completed by", layout={"width": "24em"})
    return Explorer(draw, {"known": slider, "method": menu}, title="Hide more of the map", size=(7.6, 2.5))


def impossible(found: Tensor, slack: float = 1e-3) -> int:
    """How many triangles have a side that is longer than both others together, by more than `slack` Å."""
    detours = found.unsqueeze(1) + found.unsqueeze(0)  # (i, j, k): d_ik + d_jk
    return int((found.unsqueeze(-1) > detours + slack).sum()) // 2  # each is found as (i, j) and (j, i)


def columns(
    tokens: Tensor, names: Sequence[str], letters: str, distances: Tensor | None = None, start: tuple[int, int] = (0, 1)
) -> Explorer:
    """Choose two columns of an alignment: which letters stand together, and is that more than chance?

    Args:
        tokens: sequences as indices into `letters`, (n, L).
        names: of the L columns.
        distances: between residues in a known structure, in Å, (L, L), for the sentence.
        start: the columns to begin with.
    """
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(tokens), generator=generator) for _ in range(SHUFFLES)]
    cached: dict[tuple[int, int], tuple[float, list[float]]] = {}

    def information(first: int, second: int) -> tuple[float, list[float]]:
        """Of the columns as they are, and with one of them shuffled."""
        if (first, second) not in cached:
            joint = plots.joint_of(tokens, first, second, len(letters))
            pair = tokens[:, [first, second]]
            shuffled = [torch.stack([pair[:, 0], pair[order, 1]], 1) for order in orders]
            chance = [plots.mutual_information(plots.joint_of(x, 0, 1, len(letters))) for x in shuffled]
            cached[first, second] = plots.mutual_information(joint), chance
        return cached[first, second]

    def draw(figure: Figure, first: str, second: str) -> str:
        i, j = names.index(first), names.index(second)
        table, strip = fixed_axes(figure, (0.08, 0.17, 0.5, 0.72), (0.74, 0.17, 0.22, 0.72))
        plots.joint_table(table, plots.joint_of(tokens, i, j, len(letters)), letters, first, second, shown=5)
        table.set_title("together, %; orange: more than by chance", fontsize=9)
        observed, chance = information(i, j)
        strip.plot([0] * len(chance), chance, "o", color=plots.GREY, markersize=4, alpha=0.5)
        strip.plot([1], [observed], "D", color=plots.VERMILION)
        strip.set_xticks([0, 1], ["shuffled", "as it is"], fontsize=8)
        top = 1.15 * max(observed, *chance)
        strip.set(xlim=(-0.6, 1.6), ylim=(0, top), yticks=[0, top / 2, top], ylabel="mutual information, bits")
        strip.yaxis.set_major_formatter("{x:.3f}")
        far = "" if distances is None else f" In the structure they are {distances[i, j]:.1f} Å apart."
        if i == j:
            return f"{first} twice: a column says all of itself, {observed:.2f} bits."
        return (
            f"{first} and {second} share {observed:.3f} bits; with one of them shuffled {sum(chance) / SHUFFLES:.3f} "
            f"on average and {max(chance):.3f} at most of {SHUFFLES}.{far}"
        )

    menus = {
        name: ipywidgets.Dropdown(options=list(names), value=names[at], description=f"{name} column")
        for name, at in zip(("first", "second"), start, strict=True)
    }
    return Explorer(draw, menus, title="Do two columns know of each other?", size=(7.2, 3.4))
