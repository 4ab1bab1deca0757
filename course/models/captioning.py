"""Show, attend and tell: a recurrent decoder that looks at an image before each word that it writes.

    a_1 … a_L = the feature vectors of the places of a convolutional network's last map
    α_ti = softmax_i(f_att(a_i, h_{t-1})),    ẑ_t = β_t Σ_i α_ti a_i,    β_t = σ(f_β(h_{t-1}))
    h_t, c_t = LSTM([E y_{t-1}; ẑ_t], h_{t-1}, c_{t-1})
    p(y_t | y_1 … y_{t-1}, image) ∝ exp(L_o (E y_{t-1} + L_h h_t + L_z ẑ_t))

It is Bahdanau's model with places where that has words. So the weights of a word, laid out as the map, are a picture
of where the model looked while it wrote the word.

Source: Xu et al. 2015 (arXiv:1502.03044): §3.1 the model, §4.2 its deterministic "soft" attention, §4.2.1 the gate β
and the doubly stochastic regulariser. The "hard" attention of §4.1, which samples one place, is not here.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.attention import AdditiveScore, masked_softmax

Images = Float[Tensor, "batch 1 height width"]
Captions = Int[Tensor, "batch time"]
Weights = Float[Tensor, "batch time places"]
POOLS = 2, 3  # a place of the map is a square of 6 × 6 pixels


class ImageEncoder(nn.Module):
    """From an image to the annotations of its places, row by row: (B, 1, height, width) -> (B, L, d_annotation).

    Three convolutions, each with batch normalisation and a rectifier, with max pooling in between. A place sees 24 × 24
    pixels around its own 6 × 6. Layer normalisation at the end keeps the annotations of empty places as
    long as those of full ones.

    Args:
        d_annotation: length of an annotation; the two layers before have a quarter and half as many channels.

    Raises:
        ValueError: `d_annotation` is not a multiple of 4.
    """

    def __init__(self, d_annotation: int):
        super().__init__()
        if d_annotation % 4:
            raise ValueError(f"d_annotation is a multiple of 4, not {d_annotation}")
        widths = 1, d_annotation // 4, d_annotation // 2, d_annotation
        layers: list[nn.Module] = []
        for d_in, d_out, pool in zip(widths, widths[1:], (*POOLS, 1), strict=False):
            # no bias: the batch normalisation takes the mean away
            layers += [nn.Conv2d(d_in, d_out, 3, padding=1, bias=False), nn.BatchNorm2d(d_out), nn.ReLU()]
            layers += [nn.MaxPool2d(pool)] if pool > 1 else []
        self.features = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(d_annotation)

    def forward(self, images: Images) -> Float[Tensor, "batch places annotation"]:
        return self.norm(self.features(images).flatten(2).mT)  # (B, L, d_annotation)


@dataclass(frozen=True)
class CaptionState:
    """What the decoder remembers: the image, its own state, and where it looked last (zeros before the first step)."""

    annotations: Float[Tensor, "batch places annotation"]
    keys: Float[Tensor, "batch places hidden"]  # W_k a_i, the same at every step
    h: Float[Tensor, "batch hidden"]
    c: Float[Tensor, "batch hidden"]
    weights: Float[Tensor, "batch places"]

    def select(self, rows: Int[Tensor, " rows"]) -> "CaptionState":
        """These rows of the batch, in this order."""
        return CaptionState(self.annotations[rows], self.keys[rows], self.h[rows], self.c[rows], self.weights[rows])


class Captioner(nn.Module):
    """From an image to the logits of the next word of its caption, with a look at the image before each.

    The decoder follows the paper's §3.1.2 and §4.2. What differs: the encoder is small and trained along (the paper's
    is a VGG net that was trained on ImageNet, cut off at its 14 × 14 map, and stays as it is), and its annotations are
    normalised. h_0 and c_0 come from the mean annotation by one layer each, where the paper says perceptrons.

    Args:
        vocab: size of the vocabulary.
        d_annotation: length D of an annotation (512 in the paper).
        d_embedding, d_hidden: m and n, sizes of a word's vector and of the LSTM, whose size the scoring network shares.
        attends: False reads the mean of all annotations at every step: the same network without attention.
    """

    def __init__(
        self, vocab: int, *, d_annotation: int = 64, d_embedding: int = 32, d_hidden: int = 64, attends: bool = True
    ):
        super().__init__()
        self.attends = attends
        self.encoder = ImageEncoder(d_annotation)
        self.initial_h = nn.Linear(d_annotation, d_hidden)
        self.initial_c = nn.Linear(d_annotation, d_hidden)
        self.score = AdditiveScore(d_hidden, d_annotation, d_hidden)
        self.gate = nn.Linear(d_hidden, 1)
        self.embedding = nn.Embedding(vocab, d_embedding)
        self.cell = nn.LSTMCell(d_embedding + d_annotation, d_hidden)
        self.L_h = nn.Linear(d_hidden, d_embedding)
        self.L_z = nn.Linear(d_annotation, d_embedding, bias=False)
        self.L_o = nn.Linear(d_embedding, vocab)

    def forward(self, images: Images, captions: Captions) -> Float[Tensor, "batch time vocab"]:
        """Logits of the word that follows each position of `captions` (teacher forcing)."""
        return self.decode(captions, self.start(images))[0]

    def align(self, images: Images, captions: Captions) -> Weights:
        """The weights behind `forward`: row t says where the model looked after reading `captions[:, t]`.

        With BOS in front of the caption, that is while it wrote the caption's t-th word.
        """
        return self.decode(captions, self.start(images))[1]

    def start(self, images: Images) -> CaptionState:
        """Look at the image as a whole; the result is what `step` starts from."""
        annotations = self.encoder(images)  # (B, L, D)
        mean = annotations.mean(dim=1)  # (B, D)
        return CaptionState(
            annotations=annotations,
            keys=self.score.W_k(annotations),
            h=torch.tanh(self.initial_h(mean)),
            c=torch.tanh(self.initial_c(mean)),
            weights=annotations.new_zeros(annotations.shape[:2]),
        )

    def step(
        self, token: Int[Tensor, " batch"], state: CaptionState
    ) -> tuple[Float[Tensor, "batch vocab"], CaptionState]:
        """Logits of the word that follows `token`, and the state with `token` read, `weights` and all."""
        logits, _, state = self.decode(token[:, None], state)
        return logits[:, 0], state

    def decode(
        self, captions: Captions, state: CaptionState
    ) -> tuple[Float[Tensor, "batch time vocab"], Weights, CaptionState]:
        """Read any number of words from a state on; return logits, weights and the state behind the last."""
        embedded = self.embedding(captions)  # (B, T, m)
        states, contexts, weights = [], [], []
        for y in embedded.unbind(dim=1):  # (B, m), E y_{t-1}
            alpha, z = self.look(state)
            h, c = self.cell(torch.cat([y, z], dim=-1), (state.h, state.c))  # §3.1.2
            state = replace(state, h=h, c=c, weights=alpha)
            states.append(h)
            contexts.append(z)
            weights.append(alpha)
        h, z = torch.stack(states, dim=1), torch.stack(contexts, dim=1)  # (B, T, n), (B, T, D)
        return self.L_o(embedded + self.L_h(h) + self.L_z(z)), torch.stack(weights, dim=1), state

    def look(self, state: CaptionState) -> tuple[Float[Tensor, "batch places"], Float[Tensor, "batch annotation"]]:
        """The weights α_t that h_{t-1} gives to the places, and what it sees there: ẑ_t = β_t Σ_i α_ti a_i."""
        if self.attends:
            query = self.score.W_q(state.h)[:, None]  # (B, 1, n)
            alpha = masked_softmax(self.score.of_projected(query, state.keys))  # (B, 1, L)
        else:
            alpha = torch.full_like(state.weights, 1 / state.weights.shape[-1])[:, None]  # (B, 1, L)
        beta = torch.sigmoid(self.gate(state.h))  # (B, 1)
        return alpha[:, 0], beta * (alpha @ state.annotations)[:, 0]  # (B, L), (B, D)


def doubly_stochastic(weights: Weights, written: Bool[Tensor, "batch time"] | None = None) -> Float[Tensor, " batch"]:
    """Σ_i (1 - Σ_t α_ti)² of each caption: that in the end all places have been looked at alike (equation 14).

    Every row of α sums to one; this asks the columns for it, too. A caption of C words has only C to share out
    among L places, so where C < L the term can't vanish: it is L - 2C + Σ_i (Σ_t α_ti)², least for C/L everywhere.

    Args:
        written: False where a position of the caption is padding.
    """
    if written is not None:
        weights = weights * written[..., None]
    return (1 - weights.sum(dim=1)).square().sum(dim=-1)  # (B)
