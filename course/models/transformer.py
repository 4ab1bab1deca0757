"""The transformer: an encoder that reads all at once, and a decoder that writes word by word.

Source: Vaswani et al. 2017 (arXiv:1706.03762). Section 3.1 puts the layer norm behind each residual sum ("post-LN");
what came later, GPT-2 for one, puts it in front of each sub-layer ("pre-LN": Xiong et al. 2020, arXiv:2002.04745).
Both are here, by name.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.attention import key_mask
from course.models.multi_head import KeyValueCache, MultiHeadAttention
from course.models.positions import LearnedPositions, RotaryPositions, SinusoidalPositions


class QuickGELU(nn.Module):
    """x σ(1.702 x), a cheaper GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415, §2). CLIP has it."""

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return x * (1.702 * x).sigmoid()


ACTIVATIONS = {
    "relu": nn.ReLU(inplace=True),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "quick_gelu": QuickGELU(),
}
Sequence = Float[Tensor, "batch time d_model"]
Memory = Float[Tensor, "batch source d_model"]


class FeedForward(nn.Sequential):
    """max(0, x W_1 + b_1) W_2 + b_2, at every position alike (§3.3). BERT and GPT use GELU for the maximum."""

    def __init__(self, d_model: int, d_ff: int, activation: str = "relu"):
        super().__init__(nn.Linear(d_model, d_ff), ACTIVATIONS[activation], nn.Linear(d_ff, d_model))


class Residual(nn.Module):
    """x + sublayer(x) with its layer norm: behind the sum (post-LN, §3.1) or in front of the sub-layer (pre-LN).

    In pre-LN the sum itself is never normalised: a straight path leads from the embeddings to the output.
    """

    def __init__(self, d_model: int, norm: str, dropout: float, eps: float):
        super().__init__()
        if norm not in ("post", "pre"):
            raise ValueError(f'norm is "post" or "pre", not {norm!r}')
        self.pre = norm == "pre"
        self.norm = nn.LayerNorm(d_model, eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Sequence, sublayer) -> Sequence:
        if self.pre:
            return x + self.dropout(sublayer(self.norm(x)))
        return self.norm(x + self.dropout(sublayer(x)))


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward network, each in a residual (§3.1).

    With `causal=True` it is also the layer of a GPT: a decoder layer without a memory.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        *,
        norm: str = "post",
        activation: str = "relu",
        dropout: float = 0.0,
        eps: float = 1e-5,
        rotary: nn.Module | None = None,
    ):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, heads, dropout=dropout, rotary=rotary)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.residuals = nn.ModuleList(Residual(d_model, norm, dropout, eps) for _ in range(2))

    def forward(
        self,
        x: Sequence,
        mask: Bool[Tensor, "..."] | None = None,
        *,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Sequence:
        attend, feed = self.residuals
        x = attend(x, lambda y: self.self_attention(y, mask=mask, causal=causal, cache=cache))
        return feed(x, self.feed_forward)


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the encoder's output, feed-forward network (§3.1, §3.2.3)."""

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        *,
        norm: str = "post",
        activation: str = "relu",
        dropout: float = 0.0,
        eps: float = 1e-5,
        rotary: nn.Module | None = None,
    ):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, heads, dropout=dropout, rotary=rotary)
        self.cross_attention = MultiHeadAttention(d_model, heads, dropout=dropout)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.residuals = nn.ModuleList(Residual(d_model, norm, dropout, eps) for _ in range(3))

    def forward(
        self,
        x: Sequence,
        memory: Memory,
        memory_mask: Bool[Tensor, "..."] | None = None,
        *,
        caches: tuple[KeyValueCache, KeyValueCache] | None = None,
    ) -> Sequence:
        """No mask for padded targets is needed: padding stands at the end, in the future of every real token."""
        attend, look, feed = self.residuals
        own, other = caches or (None, None)
        x = attend(x, lambda y: self.self_attention(y, causal=True, cache=own))
        x = look(x, lambda y: self.cross_attention(y, memory, mask=memory_mask, cache=other))
        return feed(x, self.feed_forward)


class Encoder(nn.Module):
    """A stack of encoder layers. Pre-LN needs one more norm at its end, since its sums grow from layer to layer.

    Args:
        final_norm: None puts that norm where it is needed; `nn.Transformer` has one in post-LN too.
        options: of `EncoderLayer`.
    """

    def __init__(self, layers: int, d_model: int, heads: int, d_ff: int, *, final_norm: bool | None = None, **options):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(d_model, heads, d_ff, **options) for _ in range(layers))
        self.norm = final_layer_norm(d_model, final_norm, options)

    def forward(
        self,
        x: Sequence,
        mask: Bool[Tensor, "..."] | None = None,
        *,
        causal: bool = False,
        caches: list[KeyValueCache] | None = None,
    ) -> Sequence:
        for layer, cache in zip(self.layers, caches or [None] * len(self.layers), strict=True):
            x = layer(x, mask, causal=causal, cache=cache)
        return self.norm(x)


class Decoder(nn.Module):
    """A stack of decoder layers, each of which looks at the same memory. Arguments as in `Encoder`."""

    def __init__(self, layers: int, d_model: int, heads: int, d_ff: int, *, final_norm: bool | None = None, **options):
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(d_model, heads, d_ff, **options) for _ in range(layers))
        self.norm = final_layer_norm(d_model, final_norm, options)

    def forward(
        self,
        x: Sequence,
        memory: Memory,
        memory_mask: Bool[Tensor, "..."] | None = None,
        *,
        caches: list[tuple[KeyValueCache, KeyValueCache]] | None = None,
    ) -> Sequence:
        for layer, own in zip(self.layers, caches or [None] * len(self.layers), strict=True):
            x = layer(x, memory, memory_mask, caches=own)
        return self.norm(x)


def final_layer_norm(d_model: int, wanted: bool | None, options: dict) -> nn.Module:
    """The norm at the end of a stack: where it is wanted, or, with None, where the layers are pre-LN."""
    if wanted is None:
        wanted = options.get("norm", "post") == "pre"
    return nn.LayerNorm(d_model, options.get("eps", 1e-5)) if wanted else nn.Identity()


class TransformerState:
    """What a decoder keeps between two words: the memory, its mask, and each layer's keys and values."""

    def __init__(self, memory: Memory, mask: Bool[Tensor, "batch source"] | None, caches: list):
        self.memory, self.mask, self.caches = memory, mask, caches

    @property
    def length(self) -> int:
        """How many target tokens were read."""
        return self.caches[0][0].length

    def select(self, rows: Int[Tensor, " rows"]) -> "TransformerState":
        """These rows of the batch, in this order."""
        mask = None if self.mask is None else self.mask[rows]
        return TransformerState(self.memory[rows], mask, [tuple(c.select(rows) for c in pair) for pair in self.caches])


class Transformer(nn.Module):
    """From source tokens to the logits of the next target token.

    The defaults are the paper's base model (Table 3); the big one has d_model=1024, heads=16, d_ff=4096.

    Args:
        source_vocab, target_vocab: sizes of the vocabularies.
        d_model, heads, d_ff, layers: sizes (§3); `layers` in each of encoder and decoder.
        dropout: on embeddings, sub-layers' outputs (§5.4) and attention weights.
        norm: "post" as in the paper, or "pre".
        positions: "sinusoidal" (§3.5), "learned" or "rotary".
        tied: one matrix for both embeddings and the output (§3.4); needs a vocabulary that both languages share.
        max_length: of learned positions.

    Raises:
        ValueError: `tied` with vocabularies of two sizes, or an unknown name.
    """

    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        *,
        d_model: int = 512,
        heads: int = 8,
        d_ff: int = 2048,
        layers: int = 6,
        dropout: float = 0.1,
        norm: str = "post",
        positions: str = "sinusoidal",
        tied: bool = False,
        max_length: int = 512,
    ):
        super().__init__()
        if tied and source_vocab != target_vocab:
            raise ValueError(
                f"tied embeddings need one vocabulary, not one of {source_vocab} and one of {target_vocab}"
            )
        self.source_embedding = Embedding(source_vocab, d_model, positions, max_length, dropout)
        self.target_embedding = Embedding(target_vocab, d_model, positions, max_length, dropout)
        rotary = RotaryPositions() if positions == "rotary" else None
        self.encoder = Encoder(layers, d_model, heads, d_ff, norm=norm, dropout=dropout, rotary=rotary)
        self.decoder = Decoder(layers, d_model, heads, d_ff, norm=norm, dropout=dropout, rotary=rotary)
        self.output = nn.Linear(d_model, target_vocab, bias=False)
        self.apply(initialise)
        if tied:
            self.target_embedding.tokens.weight = self.output.weight = self.source_embedding.tokens.weight

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        target: Int[Tensor, "batch target"],
        source_mask: Bool[Tensor, "batch source"] | None = None,
    ) -> Float[Tensor, "batch target vocab"]:
        """Logits of the token that follows each position of `target` (teacher forcing: all positions at once)."""
        memory = self.encode(source, source_mask)
        return self.output(self.decoder(self.target_embedding(target), memory, key_mask(source_mask)))

    def encode(
        self, source: Int[Tensor, "batch source"], source_mask: Bool[Tensor, "batch source"] | None = None
    ) -> Memory:
        """The memory: one vector for each source token. The mask is True for tokens, False for padding."""
        return self.encoder(self.source_embedding(source), key_mask(source_mask))

    def start(
        self, source: Int[Tensor, "batch source"], source_mask: Bool[Tensor, "batch source"] | None = None
    ) -> TransformerState:
        """Read the source; the result is what `step` starts from."""
        caches = [(KeyValueCache(), KeyValueCache()) for _ in self.decoder.layers]
        return TransformerState(self.encode(source, source_mask), source_mask, caches)

    def step(
        self, token: Int[Tensor, " batch"], state: TransformerState
    ) -> tuple[Float[Tensor, "batch vocab"], TransformerState]:
        """Logits of the token that follows `token`, and the state with `token` read. The old state is used up."""
        x = self.target_embedding(token[:, None], state.length)  # (B, 1, d_model)
        x = self.decoder(x, state.memory, key_mask(state.mask), caches=state.caches)
        return self.output(x[:, 0]), state


class Embedding(nn.Module):
    """Token vectors times √d_model (§3.4), plus their positions (§3.5), with dropout (§5.4)."""

    def __init__(self, vocab: int, d_model: int, positions: str, max_length: int, dropout: float):
        super().__init__()
        kinds = {
            "sinusoidal": SinusoidalPositions,
            "learned": lambda: LearnedPositions(max_length, d_model),
            "rotary": lambda: None,  # they turn queries and keys inside the attention
        }
        if positions not in kinds:
            raise ValueError(f"positions are one of {', '.join(kinds)}, not {positions!r}")
        self.tokens = nn.Embedding(vocab, d_model)
        self.positions = kinds[positions]()
        self.dropout = nn.Dropout(dropout)

    def forward(self, token: Int[Tensor, "batch time"], offset: int = 0) -> Sequence:
        x = self.tokens(token) * self.tokens.embedding_dim**0.5  # (B, T, d_model)
        return self.dropout(x if self.positions is None else self.positions(x, offset))


def initialise(module: nn.Module) -> None:
    """Xavier for matrices, variance 1/d_model for token vectors, so that √d_model times them has variance 1.

    The paper does not give its initialisation; this is the one of its authors' own code (tensor2tensor).
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
