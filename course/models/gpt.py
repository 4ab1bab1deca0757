"""GPT: the transformer's decoder alone, trained to continue text.

Without an encoder to look at, a decoder layer is an encoder layer that hides the future. So a GPT is the `Encoder`
with `causal=True`, between a token embedding and the same matrix once more.

Sources: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", §3.1 (GPT); Radford et al.
2019, "Language Models are Unsupervised Multitask Learners", §2.3 (GPT-2, whose layout this is). Read it beside
`src/model.py` of openai/gpt-2 and `model.py` of karpathy/nanoGPT. Their names: wte = `tokens`, wpe = `positions`,
h = `stack.layers`, ln_f = `stack.norm`, past = `GPTState`.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course.models.decoding import generate
from course.models.multi_head import KeyValueCache
from course.models.positions import LearnedPositions
from course.models.transformer import Encoder

# As published. Table 2 of the paper counts fewer parameters than they have; openai/gpt-2's README corrects it.
SIZES = {
    "gpt2": {"d_model": 768, "heads": 12, "layers": 12},  # 124,439,808 parameters
    "gpt2-medium": {"d_model": 1024, "heads": 16, "layers": 24},  # 354,823,168
    "gpt2-large": {"d_model": 1280, "heads": 20, "layers": 36},  # 774,030,080
    "gpt2-xl": {"d_model": 1600, "heads": 25, "layers": 48},  # 1,557,611,200
}


class GPTState:
    """What a GPT keeps of the tokens that it has read: each layer's keys and values."""

    def __init__(self, caches: list[KeyValueCache]):
        self.caches = caches

    @property
    def length(self) -> int:
        """How many tokens were read."""
        return self.caches[0].length

    def select(self, rows: Int[Tensor, " rows"]) -> "GPTState":
        """These rows of the batch, in this order."""
        return GPTState([cache.select(rows) for cache in self.caches])


class GPT(nn.Module):
    """From tokens to the logits of what follows each of them. The defaults are the smallest GPT-2.

    Args:
        vocab: number of tokens V.
        context: most tokens that it can read at once: so many positions are learned.
        d_model, heads, layers: sizes; the feed-forward networks are 4 · d_model wide.
        dropout: on embeddings, sub-layers' outputs and attention weights.

    Raises:
        ValueError: d_model is not a multiple of heads, or (when it runs) a text is longer than the context.
    """

    def __init__(
        self,
        vocab: int = 50257,
        context: int = 1024,
        d_model: int = 768,
        heads: int = 12,
        layers: int = 12,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab, d_model)
        self.positions = LearnedPositions(context, d_model)
        self.dropout = nn.Dropout(dropout)
        self.stack = Encoder(layers, d_model, heads, 4 * d_model, norm="pre", activation="gelu_tanh", dropout=dropout)
        initialise(self, sublayers=2 * layers)

    @classmethod
    def named(cls, name: str, **changes) -> "GPT":
        """A published size with fresh weights: "gpt2", "gpt2-medium", "gpt2-large" or "gpt2-xl", with your changes."""
        if name not in SIZES:
            raise ValueError(f"published sizes are {', '.join(SIZES)}, not {name!r}")
        return cls(**SIZES[name] | changes)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Logits of the token that follows each position. Padding at the end changes nothing in front of it."""
        return self.logits(self.read(tokens))

    def read(
        self, tokens: Int[Tensor, "batch time"], state: GPTState | None = None
    ) -> Float[Tensor, "batch time d_model"]:
        """The last layer's vectors. With a state, the tokens stand behind those that it has read, and it keeps them."""
        past, caches = (0, None) if state is None else (state.length, state.caches)
        x = self.dropout(self.positions(self.tokens(tokens), past))  # (B, T, d_model)
        return self.stack(x, causal=True, caches=caches)

    def logits(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """x times the token embedding: one matrix reads words and writes them."""
        return F.linear(x, self.tokens.weight)

    # --- decoding: what `generate` and `beam_search` ask for

    def start(self, prefix: Int[Tensor, "batch length"]) -> GPTState:
        """Read everything but the last token of a prompt, all at once; that may be nothing, (B, 0)."""
        state = GPTState([KeyValueCache() for _ in self.stack.layers])
        if prefix.shape[1]:
            self.read(prefix, state)
        return state

    def step(self, token: Int[Tensor, " batch"], state: GPTState) -> tuple[Float[Tensor, "batch vocab"], GPTState]:
        """Logits of the token that follows `token`, and the state with `token` read. The old state is used up."""
        return self.logits(self.read(token[:, None], state)[:, 0]), state

    @torch.no_grad()
    def complete(
        self, prompt: Int[Tensor, "batch length"], *, end: int, max_length: int, **options
    ) -> Int[Tensor, "batch written"]:
        """What the model writes behind a prompt. Dropout is off only in eval mode.

        Args:
            prompt: at least one token; all rows have the same length.
            end: the token that ends a text; it is kept.
            max_length: most tokens that are written. They are fewer where the context ends before.
            options: `choose` and `pad` of `generate`; it decodes greedily unless told otherwise.

        Raises:
            ValueError: the prompt is empty or longer than the context.
        """
        length = prompt.shape[1]
        if not 1 <= length <= self.context:
            raise ValueError(f"a prompt has between 1 and {self.context} tokens, the model's context, not {length}")
        room = self.context - length + 1  # the last token that is written need not be read
        return generate(
            self.step, self.start(prompt[:, :-1]), prompt[:, -1], end=end, max_length=min(max_length, room), **options
        )


def initialise(model: nn.Module, sublayers: int) -> None:
    """Normal with standard deviation 0.02; what enters the residual sum is divided by the root of its terms' number.

    So the sum of N sub-layers' outputs starts with the variance of one, at any depth (GPT-2, §2.3; the 0.02 is
    GPT's, §4.1). Biases start at 0, layer norms as the identity.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            into_the_sum = name.endswith(("W_O.weight", "feed_forward.2.weight"))
            nn.init.normal_(parameter, std=0.02 / sublayers**0.5 if into_the_sum else 0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
