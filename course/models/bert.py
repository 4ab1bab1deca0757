"""BERT: the transformer's encoder alone, trained to guess words that were hidden from it, then taught a task.

Source: Devlin et al. 2018 (arXiv:1810.04805): §3 the model, §3.1 and A.1 pre-training, §4 fine-tuning. Read it beside
`modeling.py` and `run_pretraining.py` of google-research/bert. Their names: BertModel = `Bert`, get_pooled_output =
`Bert.pool`, get_masked_lm_output and get_next_sentence_output = the heads of `BertPretraining`.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.attention import key_mask
from course.models.positions import LearnedPositions
from course.models.transformer import Encoder

SIZES = {  # §3; both have heads of d_k = 64 and d_ff = 4 d_model
    "base": {"d_model": 768, "heads": 12, "layers": 12, "d_ff": 3072},  # 109,482,240 parameters
    "large": {"d_model": 1024, "heads": 16, "layers": 24, "d_ff": 4096},  # 335,141,888
}
NOT_ASKED = -100  # a target that counts nowhere: what PyTorch's cross-entropy ignores unless told otherwise

Tokens = Int[Tensor, "batch time"]
RealTokens = Bool[Tensor, "batch time"]


class Bert(nn.Module):
    """A vector for every token, from all tokens left and right of it. The defaults are BERT-base, uncased.

    Args:
        vocab: number of tokens V.
        d_model, heads, layers, d_ff: sizes.
        max_length: most tokens at once: so many positions are learned.
        segments: how many kinds of sentence a text has: A and B.
        dropout: on embeddings, sub-layers' outputs and attention weights.
        eps: of the layer norms.

    Raises:
        ValueError: d_model is not a multiple of heads, or (when it runs) a text is longer than `max_length`.
    """

    def __init__(
        self,
        vocab: int = 30522,
        d_model: int = 768,
        heads: int = 12,
        layers: int = 12,
        d_ff: int = 3072,
        max_length: int = 512,
        segments: int = 2,
        dropout: float = 0.1,
        eps: float = 1e-12,
    ):
        super().__init__()
        self.tokens = nn.Embedding(vocab, d_model)
        self.positions = LearnedPositions(max_length, d_model)
        self.segments = nn.Embedding(segments, d_model)
        self.norm = nn.LayerNorm(d_model, eps)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(layers, d_model, heads, d_ff, norm="post", activation="gelu", dropout=dropout, eps=eps)
        self.pooler = nn.Linear(d_model, d_model)
        self.apply(initialise)

    @classmethod
    def named(cls, name: str, **changes) -> "Bert":
        """A published size with fresh weights, "base" or "large", with your changes."""
        if name not in SIZES:
            raise ValueError(f"published sizes are {', '.join(SIZES)}, not {name!r}")
        return cls(**SIZES[name] | changes)

    def forward(
        self, tokens: Tokens, segments: Int[Tensor, "batch time"] | None = None, mask: RealTokens | None = None
    ) -> Float[Tensor, "batch time d_model"]:
        """The last layer's vectors.

        Args:
            tokens: [CLS] sentence A [SEP], or [CLS] A [SEP] B [SEP].
            segments: 0 for A, 1 for B; all 0 unless given.
            mask: True for tokens, False for padding, whose vectors mean nothing.
        """
        segments = torch.zeros_like(tokens) if segments is None else segments
        x = self.positions(self.tokens(tokens) + self.segments(segments))  # (B, T, d_model)
        return self.encoder(self.dropout(self.norm(x)), key_mask(mask))

    def pool(self, x: Float[Tensor, "batch time d_model"]) -> Float[Tensor, "batch d_model"]:
        """One vector for the whole text, from the one of [CLS], its first token."""
        return torch.tanh(self.pooler(x[:, 0]))


class BertPretraining(nn.Module):
    """BERT with the two heads of its pre-training (§3.1): which word was hidden, and does B follow A?"""

    def __init__(self, bert: Bert):
        super().__init__()
        vocab, d_model = bert.tokens.weight.shape
        self.bert = bert
        self.transform = nn.Sequential(
            nn.Linear(d_model, d_model), nn.GELU(), nn.LayerNorm(d_model, bert.norm.eps)
        ).apply(initialise)
        self.bias = nn.Parameter(torch.zeros(vocab))
        self.next_sentence = nn.Linear(d_model, 2).apply(initialise)

    def forward(
        self, tokens: Tokens, segments: Int[Tensor, "batch time"] | None = None, mask: RealTokens | None = None
    ) -> tuple[Float[Tensor, "batch time vocab"], Float[Tensor, "batch 2"]]:
        """Logits of the true word at every position, and of "B follows A" (0) or "B comes from elsewhere" (1)."""
        x = self.bert(tokens, segments, mask)
        words = F.linear(self.transform(x), self.bert.tokens.weight, self.bias)  # (B, T, V); the embedding once more
        return words, self.next_sentence(self.bert.pool(x))


class BertClassifier(nn.Module):
    """BERT with one new layer on the vector of [CLS]; fine-tuning trains all of it (§4.1)."""

    def __init__(self, bert: Bert, classes: int):
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(bert.dropout.p)
        self.output = nn.Linear(bert.pooler.out_features, classes).apply(initialise)

    def forward(
        self, tokens: Tokens, segments: Int[Tensor, "batch time"] | None = None, mask: RealTokens | None = None
    ) -> Float[Tensor, "batch classes"]:
        """Logits of the classes."""
        return self.output(self.dropout(self.bert.pool(self.bert(tokens, segments, mask))))


def initialise(module: nn.Module) -> None:
    """Normal with standard deviation 0.02, cut at two of them (`create_initializer` in Google's file); biases 0."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


# --- the pre-training tasks


def mask_tokens(
    tokens: Tokens,
    maskable: RealTokens,
    mask_id: int,
    vocab: int,
    generator: torch.Generator,
    p: float = 0.15,
    special: Collection[int] = range(4),
) -> tuple[Tokens, Tokens]:
    """Choose tokens at random and ask for them: 80 % become [MASK], 10 % a random word, 10 % stay (§3.1, A.1).

    Each token is chosen by itself, so p is the mean share and not an exact count. [MASK] never stands in a text of
    a later task; the 20 % keep the model from relying on it.

    Args:
        maskable: False for padding and for tokens that structure the text, such as [CLS] and [SEP].
        mask_id: the token [MASK].
        vocab: number of tokens V.
        generator: where chance comes from; the numbers are drawn on its own device.
        p: probability that a token is chosen.
        special: tokens that are no words and replace none, and neither does `mask_id`. Unless given, 0 to 3: PAD,
            BOS, EOS, UNK of the course's own vocabularies.

    Returns:
        the corrupted tokens, and the targets: the true token where one was chosen, elsewhere `NOT_ASKED`.

    Raises:
        ValueError: p is no probability, or no word is left to replace others with.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, not {p}")
    words = torch.tensor(sorted(set(range(vocab)) - set(special) - {mask_id}), device=tokens.device)  # (words,)
    if not len(words):
        raise ValueError(f"all {vocab} tokens are special: there is no word to replace others with")

    def draw(make, *arguments) -> Tensor:
        return make(*arguments, tokens.shape, generator=generator, device=generator.device).to(tokens.device)

    chosen = (draw(torch.rand) < p) & maskable
    fate = draw(torch.rand)
    replacement = words[draw(torch.randint, len(words))].to(tokens.dtype)
    corrupted = torch.where(fate < 0.8, mask_id, torch.where(fate < 0.9, replacement, tokens))
    return torch.where(chosen, corrupted, tokens), torch.where(chosen, tokens, NOT_ASKED)


def masked_word_loss(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"]
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Sum of the cross-entropies of the words that are asked for, in nats, and their number."""
    total = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=NOT_ASKED, reduction="sum")
    return total, (targets != NOT_ASKED).sum()


def pretraining_loss(
    word_logits: Float[Tensor, "batch time vocab"],
    next_logits: Float[Tensor, "batch 2"],
    targets: Tokens,
    from_elsewhere: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Mean over the words that are asked for plus mean over the pairs of sentences, in nats (A.2).

    Args:
        word_logits, next_logits: what `BertPretraining` gives.
        targets: of `mask_tokens`.
        from_elsewhere: 0 where sentence B follows A, 1 where it comes from elsewhere.
    """
    total, count = masked_word_loss(word_logits, targets)
    return total / count.clamp(min=1) + F.cross_entropy(next_logits, from_elsewhere)
