"""The recurrent encoder–decoder: read a sentence into one vector, then write another sentence from that vector.

    h_t = GRU(x_t, h_{t-1}),    v = h_T,    y_i ~ p(· | y_1 … y_{i-1}, v)

All that the decoder ever knows of the source is the thought vector v. Its size is the same for two words and for
fifty: the bottleneck that attention was invented to open.

Sources: Cho et al. 2014 (arXiv:1406.1078) and Sutskever et al. 2014 (arXiv:1409.3215).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course.models.attention import padding_mask

SourceMask = Bool[Tensor, "batch source"]


def gru_step(
    x: Float[Tensor, "batch inputs"],
    h: Float[Tensor, "batch hidden"],
    W_ih: Float[Tensor, "gates inputs"],
    W_hh: Float[Tensor, "gates hidden"],
    b_ih: Float[Tensor, " gates"],
    b_hh: Float[Tensor, " gates"],
) -> Float[Tensor, "batch hidden"]:
    """One step of a gated recurrent unit: from input x and state h to the next state.

    Parameters are laid out as in `nn.GRUCell`: the rows of reset gate r, update gate z and candidate n, stacked.

    Two things vary between texts. Here, as in torch and cuDNN, r acts behind the product, r ⊙ (W h + b); in Cho et
    al. 2014, equation (8), and in Bahdanau et al., §A.1.1, it acts in front, W (r ⊙ h). And z is the share of the old
    state that stays, as in Cho et al., equation (7); in Bahdanau et al. that share is 1 - z.
    """
    r_x, z_x, n_x = F.linear(x, W_ih, b_ih).chunk(3, dim=-1)  # (B, hidden) each
    r_h, z_h, n_h = F.linear(h, W_hh, b_hh).chunk(3, dim=-1)
    r = torch.sigmoid(r_x + r_h)
    z = torch.sigmoid(z_x + z_h)
    n = torch.tanh(n_x + r * n_h)
    return z * h + (1 - z) * n


class RecurrentEncoder(nn.Module):
    """A GRU over the source, in one direction or both. Padding changes nothing: the GRU doesn't read it.

    Args:
        vocab: size of the vocabulary.
        d_embedding, d_hidden: sizes of a token's vector and of a direction's state.
        layers: of the GRU.
        dropout: on embeddings and between layers; never along time (Zaremba et al. 2014, arXiv:1409.2329).
        bidirectional: read from both ends.
    """

    def __init__(
        self,
        vocab: int,
        d_embedding: int,
        d_hidden: int,
        *,
        layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
    ):
        super().__init__()
        self.directions = 2 if bidirectional else 1
        self.embedding = nn.Embedding(vocab, d_embedding)
        self.dropout = nn.Dropout(dropout)
        self.gru = stacked_gru(d_embedding, d_hidden, layers, dropout, bidirectional=bidirectional)

    @property
    def size(self) -> int:
        """Length of each vector that comes out: the states of all directions side by side."""
        return self.directions * self.gru.hidden_size

    def forward(
        self, source: Int[Tensor, "batch source"], mask: SourceMask | None = None
    ) -> tuple[Float[Tensor, "batch source size"], Float[Tensor, "batch size"]]:
        """The top layer's state at each token (zeros at padding), and its last ones: (→h_T, ←h_1) in two directions.

        Raises:
            ValueError: the mask is not tokens, at least one, with all padding behind them.
        """
        x = self.dropout(self.embedding(source))  # (B, S, d_embedding)
        if mask is None:
            annotations, last = self.gru(x)
        else:
            packed = pack_padded_sequence(x, lengths_of(mask).cpu(), batch_first=True, enforce_sorted=False)
            packed, last = self.gru(packed)
            annotations, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
        return annotations, torch.cat([*last[-self.directions :]], dim=-1)  # (B, S, size), (B, size)


def stacked_gru(d_input: int, d_hidden: int, layers: int, dropout: float, *, bidirectional: bool = False) -> nn.GRU:
    """A GRU over (B, T, d_input). Its dropout stands between layers, and torch warns where there is no between."""
    between = dropout if layers > 1 else 0.0
    return nn.GRU(d_input, d_hidden, layers, batch_first=True, dropout=between, bidirectional=bidirectional)


def lengths_of(mask: SourceMask) -> Int[Tensor, " batch"]:
    """How many tokens each row has. A GRU can leave out padding at the end only, so there it must be."""
    lengths = mask.sum(dim=-1)
    if not torch.equal(mask, padding_mask(lengths, mask.shape[1])) or (lengths == 0).any():
        raise ValueError("each row of the source mask is True for at least one token, then False for the padding")
    return lengths


@dataclass(frozen=True)
class RecurrentState:
    """What the decoder remembers: the thought vector, and its own state in each layer."""

    v: Float[Tensor, "batch thought"]
    s: Float[Tensor, "layers batch hidden"]

    def select(self, rows: Int[Tensor, " rows"]) -> "RecurrentState":
        """These rows of the batch, in this order."""
        return RecurrentState(self.v[rows], self.s[:, rows])


class RecurrentEncoderDecoder(nn.Module):
    """From source tokens to the logits of the next target token, by way of one vector.

    As in Cho et al., v makes the decoder's first state, s_0 = tanh(W v), and is read again at every step beside the
    last token; Sutskever et al. do the first alone. Here the output reads the decoder's state only. Both papers read
    the source in one direction; the default reads it in two, so that Bahdanau's model differs by its attention alone.

    Args:
        source_vocab, target_vocab: sizes of the vocabularies.
        d_embedding, d_hidden: sizes of a token's vector and of a state.
        layers: in each of encoder and decoder.
        dropout: on embeddings, between layers and on what the output reads.
        bidirectional: whether the encoder reads from both ends; v is then twice as long.
    """

    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        *,
        d_embedding: int = 64,
        d_hidden: int = 64,
        layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
    ):
        super().__init__()
        self.encoder = RecurrentEncoder(
            source_vocab, d_embedding, d_hidden, layers=layers, dropout=dropout, bidirectional=bidirectional
        )
        self.initial = nn.Linear(self.encoder.size, layers * d_hidden)
        self.embedding = nn.Embedding(target_vocab, d_embedding)
        self.gru = stacked_gru(d_embedding + self.encoder.size, d_hidden, layers, dropout)
        self.output = nn.Linear(d_hidden, target_vocab)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        target: Int[Tensor, "batch target"],
        source_mask: SourceMask | None = None,
    ) -> Float[Tensor, "batch target vocab"]:
        """Logits of the token that follows each position of `target` (teacher forcing)."""
        return self.decode(target, self.start(source, source_mask))[0]

    def encode(
        self, source: Int[Tensor, "batch source"], source_mask: SourceMask | None = None
    ) -> Float[Tensor, "batch thought"]:
        """The thought vector of each sentence. The mask is True for tokens, False for the padding behind them."""
        return self.encoder(source, source_mask)[1]

    def start(self, source: Int[Tensor, "batch source"], source_mask: SourceMask | None = None) -> RecurrentState:
        """Read the source; the result is what `step` starts from."""
        v = self.encode(source, source_mask)
        s = torch.tanh(self.initial(v)).chunk(self.gru.num_layers, dim=-1)  # layers × (B, d_hidden)
        return RecurrentState(v, torch.stack(s))  # (layers, B, d_hidden)

    def step(
        self, token: Int[Tensor, " batch"], state: RecurrentState
    ) -> tuple[Float[Tensor, "batch vocab"], RecurrentState]:
        """Logits of the token that follows `token`, and the state with `token` read."""
        logits, state = self.decode(token[:, None], state)
        return logits[:, 0], state

    def decode(
        self, target: Int[Tensor, "batch target"], state: RecurrentState
    ) -> tuple[Float[Tensor, "batch target vocab"], RecurrentState]:
        """Read any number of target tokens from a state on: all of them for training, one for a step."""
        y = self.dropout(self.embedding(target))  # (B, T, d_embedding)
        v = state.v[:, None].expand(-1, target.shape[1], -1)  # (B, T, thought)
        h, s = self.gru(torch.cat([y, v], dim=-1), state.s)  # (B, T, d_hidden), (layers, B, d_hidden)
        return self.output(self.dropout(h)), RecurrentState(state.v, s)
