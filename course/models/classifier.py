"""From a sequence of any length to one of C classes: encode, pool by attention, classify.

Source of the pooling: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification" (N16-1174),
§2.2, whose one learned query asks every word how much it matters.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.attention import AttentionLayer, key_mask, scaled_dot_score
from course.models.recurrent import RecurrentEncoder
from course.models.transformer import Embedding, Encoder, initialise

Tokens = Int[Tensor, "batch time"]
TokenMask = Bool[Tensor, "batch time"]


class AttentionPooling(nn.Module):
    """One vector for a sequence: the mean of its vectors, weighted by what one learned query finds in them.

    The query starts at zero, so that an untrained layer takes the plain mean.
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(1, d_model))
        self.attention = AttentionLayer(scaled_dot_score)

    def forward(
        self, x: Float[Tensor, "batch time d_model"], mask: TokenMask | None = None
    ) -> tuple[Float[Tensor, "batch d_model"], Float[Tensor, "batch time"]]:
        """The weighted mean, and the weights."""
        pooled, weights = self.attention(self.query, x, x, None if mask is None else mask[:, None])  # T = 1
        return pooled[:, 0], weights[:, 0]  # (B, d_model), (B, T)


class TransformerEncoder(nn.Module):
    """Tokens, their positions and a pre-LN encoder."""

    def __init__(self, vocab: int, d_model: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.embedding = Embedding(vocab, d_model, "sinusoidal", 0, dropout)
        self.encoder = Encoder(layers, d_model, heads, 4 * d_model, norm="pre", dropout=dropout)
        self.apply(initialise)

    def forward(self, tokens: Tokens, mask: TokenMask | None = None) -> Float[Tensor, "batch time d_model"]:
        return self.encoder(self.embedding(tokens), key_mask(mask))


class SequenceClassifier(nn.Module):
    """Logits of `classes` classes for each sequence of tokens. Padding changes nothing.

    Args:
        vocab, classes: how many tokens there are, and how many classes.
        encoder: "transformer", or "recurrent" for a GRU in both directions.
        d_model: size of a token's vector, in and out of the encoder.
        layers, heads, dropout: of the encoder; a GRU has no heads.

    Raises:
        ValueError: an unknown `encoder`, or an odd d_model for two directions to share.
    """

    def __init__(
        self,
        vocab: int,
        classes: int,
        *,
        encoder: str = "transformer",
        d_model: int = 64,
        layers: int = 1,
        heads: int = 4,
        dropout: float = 0.0,
    ):
        super().__init__()
        if encoder == "transformer":
            self.encoder = TransformerEncoder(vocab, d_model, layers, heads, dropout)
        elif encoder != "recurrent":
            raise ValueError(f'encoder is "transformer" or "recurrent", not {encoder!r}')
        elif d_model % 2:
            raise ValueError(f"two directions share d_model, so it is even, not {d_model}")
        else:
            self.encoder = RecurrentEncoder(vocab, d_model, d_model // 2, layers=layers, dropout=dropout)
        self.pooling = AttentionPooling(d_model)
        self.output = nn.Linear(d_model, classes)

    def forward(self, tokens: Tokens, mask: TokenMask | None = None) -> Float[Tensor, "batch classes"]:
        """The mask is True for tokens, False for the padding behind them."""
        return self.output(self.pool(tokens, mask)[0])

    def weights(self, tokens: Tokens, mask: TokenMask | None = None) -> Float[Tensor, "batch time"]:
        """How much each token counts for the decision."""
        return self.pool(tokens, mask)[1]

    def pool(
        self, tokens: Tokens, mask: TokenMask | None = None
    ) -> tuple[Float[Tensor, "batch d_model"], Float[Tensor, "batch time"]]:
        encoded = self.encoder(tokens, mask)
        if isinstance(self.encoder, RecurrentEncoder):
            encoded, _ = encoded  # the last states come with it
        return self.pooling(encoded, mask)
