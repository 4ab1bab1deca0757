"""Beam search, step by step."""

from collections.abc import Mapping

import ipywidgets
from matplotlib.figure import Figure

from course.plots.beam import DROPPED, Trace, beam_tree, finished, ranked, score, state_of
from course.plots.palette import GREEN
from course.widgets.explorer import Explorer, fixed_axes


def beam_stepper(traces: Mapping[str, Mapping[int, Trace]], *, end: str) -> Explorer:
    """Go through a search: what each step keeps, drops and finishes, and how the finished ones rank in the end.

    Args:
        traces: sentence -> number of beams -> what the search did, step by step.
        end: the token that ends a hypothesis.
    """
    longest = max(len(trace) for by_beams in traces.values() for trace in by_beams.values())
    widths = sorted({beams for by_beams in traces.values() for beams in by_beams})

    def draw(figure: Figure, sentence: str, beams: int, step: int, alpha: float) -> str:
        trace = traces[sentence][beams]
        now = min(step, len(trace))
        (ax,) = fixed_axes(figure, (0.02, 0.13, 0.68, 0.76))
        beam_tree(ax, trace, now, end=end)
        over = now == len(trace)
        found = ranked(finished(trace, now, end), alpha)
        lines = [f"{i}. {score(c, alpha):.2f}  (log p {c.log_probability:.2f})" for i, c in enumerate(found, 1)]
        texts = [_folded(c.tokens[:-1]) for c in found]
        head = f"{'ranking' if over else 'finished so far'}, α = {alpha:.1f}"
        shown = "\n\n".join(f"{line}\n{text}" for line, text in zip(lines, texts, strict=True))
        figure.text(0.71, 0.95, head + "\n\n" + shown, va="top", fontsize=7.5, color=GREEN)
        kept = [c for c in trace[now - 1] if state_of(c, end) != DROPPED]
        best = max(trace[now - 1], key=lambda c: c.log_probability)
        winner = f" Best: {' '.join(found[0].tokens[:-1])} (score {score(found[0], alpha):.2f})." if found else ""
        return (
            f"Step {now} of {len(trace)}, {beams} beam{'s' * (beams > 1)}: {len(kept)} of the candidates "
            f"stay{'s' * (len(kept) == 1)}, the likeliest ends in '{best.tokens[-1]}' "
            f"(log p {best.log_probability:.2f}); finished: {len(found)}.{winner}"
        )

    controls = {
        "sentence": ipywidgets.Dropdown(options=list(traces), description="sentence"),
        "beams": ipywidgets.SelectionSlider(options=widths, value=widths[-1], description="beams"),
        "step": ipywidgets.IntSlider(min(5, longest), min=1, max=longest, description="step"),
        "alpha": ipywidgets.FloatSlider(0.6, min=0.0, max=2.0, step=0.1, description="α, length penalty"),
    }
    return Explorer(draw, controls, title="Beam search, step by step", size=(8.0, 3.9))


def _folded(tokens: tuple[str, ...], width: int = 34) -> str:
    """The tokens in lines of at most so many characters."""
    lines = [""]
    for token in tokens:
        if len(lines[-1]) + len(token) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {token}".strip()
    return "\n".join(lines)
