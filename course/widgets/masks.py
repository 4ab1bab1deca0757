"""A mask painted by hand: what its weights are, which rows it empties, and where it lets the future through."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.masks import cells, frame, future, masked_weights, reach
from course.widgets.explorer import Explorer, fixed_axes

Rows = tuple[tuple[bool, ...], ...]
CELL = "34px"
BY_HAND = "by hand"


class MaskGrid(ipywidgets.VBox):
    """A button for each pair of a query (row) and a key (column), and a menu of masks to begin with.

    Tab moves from button to button, space presses one.

    Attributes:
        value: the mask as rows of booleans, True where a button is pressed. Setting it presses the buttons.
        buttons: rows of toggle buttons.
        preset: the menu; it says "by hand" once a button was pressed.
    """

    value = traitlets.Tuple()

    def __init__(self, words: Sequence[str], presets: Mapping[str, Rows], description: str = "mask"):
        self.description, self.style = description, ipywidgets.ToggleButton().style
        self.presets = dict(presets)
        square = ipywidgets.Layout(width=CELL, height=CELL, margin="1px", padding="0")
        wide = ipywidgets.Layout(width="90px", height=CELL, margin="1px")
        head = ipywidgets.Layout(width=CELL, margin="1px")
        self.buttons = [
            [
                ipywidgets.ToggleButton(
                    description="·", tooltip=f"{query} may look at {key}", layout=square, style=self.style
                )
                for key in words
            ]
            for query in words
        ]
        self.preset = ipywidgets.Dropdown(options=[*presets, BY_HAND], description="mask to begin with")
        self.preset.style.description_width = "initial"
        heads = [ipywidgets.Label(f"{word[:4]}", layout=head) for word in words]
        rows = [ipywidgets.HBox([ipywidgets.Label("query \\ key", layout=wide), *heads])]
        rows += [
            ipywidgets.HBox([ipywidgets.Label(word, layout=wide), *line])
            for word, line in zip(words, self.buttons, strict=True)
        ]
        super().__init__([self.preset, *rows])
        self._pressing = False
        self.value = self.presets[self.preset.value]
        self._press({})
        self.observe(self._press, names="value")
        self.preset.observe(self._begin_with, names="value")
        for button in self._all():
            button.observe(self._read, names="value")

    def _all(self) -> list[ipywidgets.ToggleButton]:
        return [button for line in self.buttons for button in line]

    def _begin_with(self, change: Mapping) -> None:
        if self.preset.value != BY_HAND:
            self.value = self.presets[self.preset.value]

    def _press(self, change: Mapping) -> None:
        """Buttons and menu follow the value."""
        self._pressing = True
        for line, wanted in zip(self.buttons, self.value, strict=True):
            for button, yes in zip(line, wanted, strict=True):
                if button.value != yes:
                    button.value = yes
                if (mark := "✓" if yes else "·") != button.description:
                    button.description = mark
        named = [name for name, rows in self.presets.items() if rows == self.value]
        self.preset.value = named[0] if named else BY_HAND
        self._pressing = False

    def _read(self, change: Mapping) -> None:
        """The value follows a button that was pressed."""
        if not self._pressing:
            self.value = tuple(tuple(button.value for button in line) for line in self.buttons)


def presets(size: int) -> dict[str, Rows]:
    """Causal; nothing hidden; the last two tokens are padding; two sentences in one row that must not meet."""
    every = torch.ones(size, size, dtype=torch.bool)
    padding, blocks = every.clone(), every.clone()
    padding[:, -2:] = False
    half = size // 2
    blocks[:half, half:] = blocks[half:, :half] = False
    masks = {"causal": ~future(size), "none: all may look at all": every, "padding": padding, "two blocks": blocks}
    return {name: tuple(map(tuple, mask.tolist())) for name, mask in masks.items()}


def mask_painter(words: Sequence[str], weights_under: Callable[[Tensor], Tensor]) -> Explorer:
    """Press buttons: the picture shows the weights under the mask, and what seeps through one or more layers.

    Args:
        words: of the sentence, about six.
        weights_under: from a mask (T, T), True = may look, to attention weights (T, T).
    """

    def draw(figure: Figure, mask: Rows, layers: int) -> str:
        allowed = torch.tensor(mask)  # (T, T)
        weights = weights_under(allowed).detach().cpu()  # (T, T)
        known = reach(allowed, layers)  # (T, T)
        leaks = known & future(len(words))  # (T, T)
        left, right = fixed_axes(figure, *((x, 0.23, 0.39, 0.67) for x in (0.11, 0.59)))
        masked_weights(left, weights, words).set_title("weights in one layer, %", fontsize=9)
        frame(cells(right, known, [], words, labels=("", "token")), leaks)
        right.set_title(f"who knows of whom after {layers} layer{'s' * (layers > 1)}", fontsize=9)
        empty = [word for word, row in zip(words, weights, strict=True) if not row.any()]
        seen = [word for word, row in zip(words, leaks, strict=True) if row.any()]
        return (
            f"{int(allowed.sum())} of {allowed.numel()} pairs may look. "
            + (f"Nothing to look at, so zeros: {', '.join(empty)}. " if empty else "No row is empty. ")
            + f"After {layers} layer{'s' * (layers > 1)} "
            + (f"the future has leaked into: {', '.join(seen)}." if seen else "nobody knows of the future.")
        )

    grid = MaskGrid(words, presets(len(words)))
    layers = ipywidgets.IntSlider(1, min=1, max=4, description="layers")
    return Explorer(draw, {"mask": grid, "layers": layers}, title="Paint a mask", size=(6.0, 2.9))
