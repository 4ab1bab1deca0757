"""Beam search as a tree, and how its finished hypotheses are ranked."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from course.plots.palette import BLUE, COLOURS, GREEN, GREY

KEPT, FINISHED, DROPPED = "kept", "finished", "dropped"
MARKERS = {KEPT: ("o", BLUE), FINISHED: ("s", GREEN), DROPPED: ("x", GREY)}  # told apart by shape as by colour


class Candidate(NamedTuple):
    """A beginning that a step of beam search looked at: its tokens, how likely it is, and whether it was kept."""

    tokens: tuple[str, ...]
    log_probability: float
    kept: bool


Trace = Sequence[Sequence[Candidate]]  # for each step its candidates, the likeliest first


def state_of(candidate: Candidate, end: str) -> str:
    """Kept, finished (kept, and its last token is the end), or dropped."""
    if not candidate.kept:
        return DROPPED
    return FINISHED if candidate.tokens[-1] == end else KEPT


def finished(trace: Trace, step: int, end: str) -> list[Candidate]:
    """What was finished in the first `step` steps, in the order in which it was."""
    return [c for candidates in trace[:step] for c in candidates if state_of(c, end) == FINISHED]


def score(candidate: Candidate, alpha: float | int) -> float:
    """log p / ((5 + length) / 6)^α, the end counted as a token (Wu et al. 2016, arXiv:1609.08144, equation 14)."""
    return candidate.log_probability / ((5 + len(candidate.tokens)) / 6) ** alpha


def ranked(candidates: Sequence[Candidate], alpha: float | int) -> list[Candidate]:
    """The best score first."""
    return sorted(candidates, key=lambda c: -score(c, alpha))


def beam_tree(ax: Axes, trace: Trace, step: int, *, end: str, columns: int = 5) -> Axes:
    """The last `columns` steps up to `step`, a column each, the likeliest on top, joined to what they continue.

    A node shows its last token and the log-probability of all its tokens.

    Raises:
        ValueError: a step that the search did not make; they count from 1.
    """
    if not 1 <= step <= len(trace):
        raise ValueError(f"steps count from 1 to {len(trace)}, not {step}")
    first = max(1, step - columns + 1)
    shown = {s: trace[s - 1] for s in range(first, step + 1)}
    place = {c.tokens: (s, -rank) for s, candidates in shown.items() for rank, c in enumerate(candidates)}
    lines = [(place[tokens[:-1]], xy) for tokens, xy in place.items() if tokens[:-1] in place]
    ax.add_collection(LineCollection(lines, colors="#d5d5d5", linewidths=1, zorder=1))
    for state, (marker, colour) in MARKERS.items():
        own = [c for candidates in shown.values() for c in candidates if state_of(c, end) == state]
        x, y = zip(*(place[c.tokens] for c in own), strict=True) if own else ((), ())
        ax.scatter(x, y, marker=marker, color=colour, label=state, zorder=2)
        for c in own:
            x, y = place[c.tokens]
            text = f"{c.tokens[-1]}\n{c.log_probability:.2f}"
            ax.text(x + 0.09, y, text, fontsize=7.5, color=colour, va="center", linespacing=1.5)
    ax.set(xlim=(first - 0.3, first + columns - 0.1), ylim=(-max(map(len, trace)) + 0.3, 0.7), xlabel="step")
    ax.set_xticks(range(first, step + 1))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8)
    return ax


def scores_by_alpha(ax: Axes, candidates: Sequence[Candidate], alphas: Sequence[float]) -> Axes:
    """The score of each finished hypothesis as the length penalty's exponent grows; the highest line wins."""
    for c, colour in zip(candidates, COLOURS, strict=False):
        words = " ".join(c.tokens[-8:])
        ax.plot(alphas, [score(c, alpha) for alpha in alphas], color=colour, label=f"{len(c.tokens)} tokens: … {words}")
    ax.set(xlabel="α", ylabel="log p / length penalty")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)
    return ax
