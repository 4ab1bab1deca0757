"""Bahdanau's model: a recurrent decoder that looks back at the source before each word that it writes.

    α_ij = softmax_j(a(s_{i-1}, h_j)),    c_i = Σ_j α_ij h_j
    s_i = GRU([y_{i-1}; c_i], s_{i-1}),    y_i ~ g(y_{i-1}, s_i, c_i)

The weights α are an alignment: they say which source words each target word was written from.

Source: Bahdanau et al. 2014 (arXiv:1409.0473), §3 and appendix A.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course.models.attention import AdditiveScore, masked_softmax
from course.models.recurrent import RecurrentEncoder, SourceMask, gru_step


@dataclass(frozen=True)
class BahdanauState:
    """What the decoder remembers: the source, its own state, and where it looked last (zeros before the first step)."""

    annotations: Float[Tensor, "batch source annotation"]
    keys: Float[Tensor, "batch source hidden"]  # W_k h_j, the same at every step
    mask: SourceMask | None
    s: Float[Tensor, "batch hidden"]
    weights: Float[Tensor, "batch source"]

    def select(self, rows: Int[Tensor, " rows"]) -> "BahdanauState":
        """These rows of the batch, in this order."""
        mask = None if self.mask is None else self.mask[rows]
        return BahdanauState(self.annotations[rows], self.keys[rows], mask, self.s[rows], self.weights[rows])


class Maxout(nn.Linear):
    """max_k (W_k x + b_k): the largest of `pieces` linear outputs (Goodfellow et al. 2013, arXiv:1302.4389)."""

    def __init__(self, d_in: int, d_out: int, pieces: int = 2):
        super().__init__(d_in, d_out * pieces)
        self.pieces = pieces

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        return super().forward(x).unflatten(-1, (-1, self.pieces)).amax(dim=-1)  # (…, d_out)


class BahdanauEncoderDecoder(nn.Module):
    """From source tokens to the logits of the next target token, with a look at the source before each.

    It follows the paper, with its maxout layer in g (§A.2.2), in all but this: the GRU is torch's (`gru_step` says
    where that differs), g reads s_i, as §3.1 has it, where §A.2.2 has s_{i-1}, and biases stand where torch puts them.

    Args:
        source_vocab, target_vocab: sizes of the vocabularies.
        d_embedding: size of a token's vector (620 in the paper).
        d_hidden: of a direction of the encoder, of the decoder, of the scoring network (1000 each) and of the maxout
            layer (500). An annotation is twice as long.
        dropout: on embeddings and on what the output layer reads.
    """

    def __init__(
        self, source_vocab: int, target_vocab: int, *, d_embedding: int = 64, d_hidden: int = 64, dropout: float = 0.0
    ):
        super().__init__()
        self.encoder = RecurrentEncoder(source_vocab, d_embedding, d_hidden, dropout=dropout)
        d_annotation = self.encoder.size
        self.initial = nn.Linear(d_hidden, d_hidden)
        self.score = AdditiveScore(d_hidden, d_annotation, d_hidden)
        self.embedding = nn.Embedding(target_vocab, d_embedding)
        self.cell = nn.GRUCell(d_embedding + d_annotation, d_hidden)
        self.maxout = Maxout(d_embedding + d_hidden + d_annotation, d_hidden)
        self.output = nn.Linear(d_hidden, target_vocab, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        target: Int[Tensor, "batch target"],
        source_mask: SourceMask | None = None,
    ) -> Float[Tensor, "batch target vocab"]:
        """Logits of the token that follows each position of `target` (teacher forcing)."""
        return self.decode(target, self.start(source, source_mask))[0]

    def align(
        self,
        source: Int[Tensor, "batch source"],
        target: Int[Tensor, "batch target"],
        source_mask: SourceMask | None = None,
    ) -> Float[Tensor, "batch target source"]:
        """The weights behind `forward`: row i says where the model looked after reading `target[:, i]`.

        With BOS in front of the target, that is while it wrote the target's i-th word.
        """
        return self.decode(target, self.start(source, source_mask))[1]

    def start(self, source: Int[Tensor, "batch source"], source_mask: SourceMask | None = None) -> BahdanauState:
        """Read the source; the result is what `step` starts from. The mask is True for tokens, False for padding."""
        annotations, last = self.encoder(source, source_mask)  # (B, S, 2h), (B, 2h)
        backward = last[:, self.cell.hidden_size :]  # ←h_1 (B, h): it has just read the first word (§A.2.2)
        return BahdanauState(
            annotations=annotations,
            keys=self.score.W_k(annotations),
            mask=source_mask,
            s=torch.tanh(self.initial(backward)),
            weights=annotations.new_zeros(source.shape),
        )

    def step(
        self, token: Int[Tensor, " batch"], state: BahdanauState
    ) -> tuple[Float[Tensor, "batch vocab"], BahdanauState]:
        """Logits of the token that follows `token`, and the state with `token` read, `weights` and all."""
        logits, _, state = self.decode(token[:, None], state)
        return logits[:, 0], state

    def decode(
        self, target: Int[Tensor, "batch target"], state: BahdanauState
    ) -> tuple[Float[Tensor, "batch target vocab"], Float[Tensor, "batch target source"], BahdanauState]:
        """Read any number of target tokens from a state on; return logits, weights and the state behind the last."""
        read, weights = [], []
        for y in self.dropout(self.embedding(target)).unbind(dim=1):  # (B, d_embedding), y_{i-1}
            alpha, c = self.look(state)
            s = gru_step(torch.cat([y, c], dim=-1), state.s, *self.cell.parameters())
            state = replace(state, s=s, weights=alpha)
            read.append(torch.cat([y, s, c], dim=-1))
            weights.append(alpha)
        t = self.maxout(torch.stack(read, dim=1))  # (B, T, d_hidden)
        return self.output(self.dropout(t)), torch.stack(weights, dim=1), state

    def look(self, state: BahdanauState) -> tuple[Float[Tensor, "batch source"], Float[Tensor, "batch annotation"]]:
        """The weights α_i that s_{i-1} gives to the annotations, and their weighted mean c_i."""
        query = self.score.W_q(state.s)[:, None]  # (B, 1, h)
        mask = None if state.mask is None else state.mask[:, None]  # (B, 1, S)
        alpha = masked_softmax(self.score.of_projected(query, state.keys), mask)  # (B, 1, S)
        return alpha[:, 0], (alpha @ state.annotations)[:, 0]  # (B, S), (B, 2h)
