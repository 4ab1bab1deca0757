"""CLIP: a picture and its caption become the same vector, so a sentence can serve as a class.

Two towers that never see each other's input, an image encoder and a text encoder, are trained on one question: which
of the B captions of this batch belongs to this picture, and which picture to this caption?

Source: Radford et al. 2021 (arXiv:2103.00020): §2.3 and Figure 3 the loss, §2.4 the towers, §2.5 the temperature,
Table 20 the sizes. Read it beside `clip/model.py` of openai/CLIP. Their names: VisionTransformer = `ImageTower`,
ln_pre = `norm`, ln_post and ln_final = `encoder.norm`, proj and text_projection = `projection`, logit_scale =
`log_scale`.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course.models.positions import LearnedPositions
from course.models.transformer import Encoder
from course.models.vit import Images, PatchEmbedding

SIZES = {  # (image tower, text tower); the vocabulary and its 77 positions are those of the published code
    "ViT-B/32": (  # 151,277,313 parameters
        {"patch_size": 32, "d_model": 768, "heads": 12, "layers": 12, "d_shared": 512},
        {"d_model": 512, "heads": 8, "d_shared": 512},
    ),
    "ViT-B/16": (  # 149,620,737
        {"patch_size": 16, "d_model": 768, "heads": 12, "layers": 12, "d_shared": 512},
        {"d_model": 512, "heads": 8, "d_shared": 512},
    ),
    "ViT-L/14": (  # 427,616,513
        {"patch_size": 14, "d_model": 1024, "heads": 16, "layers": 24, "d_shared": 768},
        {"d_model": 768, "heads": 12, "d_shared": 768},
    ),
}
MAX_SCALE = 100.0  # of the logits; without the limit, training became unstable (§2.5)

Tokens = Int[Tensor, "batch time"]
Vectors = Float[Tensor, "batch d_shared"]


class ImageTower(nn.Module):
    """A vision transformer whose class token, projected, is the picture. The defaults are those of ViT-B/32.

    Two things differ from ViT: the patches' projection has no bias, and a layer norm stands in front of the encoder
    (§2.4). The norm at the end, in pre-LN, is the encoder's own.

    Args:
        image_size, patch_size, channels: of the pictures, see `PatchEmbedding`.
        d_model, heads, layers: sizes of the encoder.
        d_ff: of the feed-forward networks, 4 · d_model unless given.
        d_shared: size of the vectors in which pictures and texts meet.

    Raises:
        ValueError: as in `PatchEmbedding`, or d_model is not a multiple of heads.
    """

    def __init__(
        self,
        image_size: int | tuple[int, int] = 224,
        patch_size: int = 32,
        channels: int = 3,
        d_model: int = 768,
        heads: int = 12,
        layers: int = 12,
        d_ff: int | None = None,
        d_shared: int = 512,
    ):
        super().__init__()
        self.patches = PatchEmbedding(image_size, patch_size, channels, d_model, bias=False)
        self.norm = nn.LayerNorm(d_model)
        self.encoder = Encoder(layers, d_model, heads, d_ff or 4 * d_model, norm="pre", activation="quick_gelu")
        self.projection = nn.Linear(d_model, d_shared, bias=False)
        initialise(self)

    def forward(self, images: Images) -> Vectors:
        x = self.encoder(self.norm(self.patches(images)))  # (B, N + 1, d_model)
        return self.projection(x[:, 0])  # (B, d_shared): of the class token


class TextTower(nn.Module):
    """A GPT's body whose vector at the end of the text, projected, is the text. The defaults are those of ViT-B/32.

    The mask is causal (§2.4), so only the last token has read all others; and padding behind it changes nothing.

    Args:
        vocab: number of tokens V.
        context: most tokens of a text: so many positions are learned.
        d_model, heads, layers: sizes of the encoder.
        d_ff: of the feed-forward networks, 4 · d_model unless given.
        d_shared: size of the vectors in which pictures and texts meet.
        end: the token that ends a text. The vector at the first one stands for the text.

    Raises:
        ValueError: d_model is not a multiple of heads, or (when it runs) a text is longer than `context` or has no end.
    """

    def __init__(
        self,
        vocab: int = 49408,
        context: int = 77,
        d_model: int = 512,
        heads: int = 8,
        layers: int = 12,
        d_ff: int | None = None,
        d_shared: int = 512,
        end: int = 49407,
    ):
        super().__init__()
        self.end = end
        self.tokens = nn.Embedding(vocab, d_model)
        self.positions = LearnedPositions(context, d_model)
        self.encoder = Encoder(layers, d_model, heads, d_ff or 4 * d_model, norm="pre", activation="quick_gelu")
        self.projection = nn.Linear(d_model, d_shared, bias=False)
        initialise(self)

    def forward(self, tokens: Tokens) -> Vectors:
        is_end = tokens == self.end  # (B, T)
        if not is_end.any(dim=1).all():
            raise ValueError(f"a text has no end: token {self.end} is missing")
        x = self.encoder(self.positions(self.tokens(tokens)), causal=True)  # (B, T, d_model)
        first = is_end.int().argmax(dim=1)  # (B,): argmax takes the first of equals
        rows = torch.arange(len(x), device=x.device)
        return self.projection(x[rows, first])  # (B, d_shared)


class Clip(nn.Module):
    """Both towers and a learned temperature τ; what is stored is log(1/τ), so that 1/τ stays positive.

    Args:
        image_tower: from pictures to vectors (B, d_shared).
        text_tower: from tokens to vectors (B, d_shared).
        temperature: τ at the start (§2.5).
    """

    def __init__(self, image_tower: nn.Module, text_tower: nn.Module, temperature: float = 0.07):
        super().__init__()
        self.image_tower, self.text_tower = image_tower, text_tower
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    @classmethod
    def named(cls, name: str) -> "Clip":
        """A published size with fresh weights: "ViT-B/32", "ViT-B/16" or "ViT-L/14"."""
        if name not in SIZES:
            raise ValueError(f"published sizes are {', '.join(SIZES)}, not {name!r}")
        image, text = SIZES[name]
        return cls(ImageTower(**image), TextTower(**text))

    def forward(self, images: Images, tokens: Int[Tensor, "texts time"]) -> Float[Tensor, "batch texts"]:
        """The cosine of every picture with every text, times 1/τ. A row's softmax says which text fits a picture."""
        return self.scale() * self.embed_images(images) @ self.embed_texts(tokens).T  # (B, texts)

    def embed_images(self, images: Images) -> Vectors:
        """A vector of length 1 for each picture."""
        return F.normalize(self.image_tower(images), dim=-1)

    def embed_texts(self, tokens: Tokens) -> Vectors:
        """A vector of length 1 for each text."""
        return F.normalize(self.text_tower(tokens), dim=-1)

    def scale(self) -> Float[Tensor, ""]:
        """1/τ, at most 100. What an update has put above is put back, so a gradient can still lead down from there."""
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(MAX_SCALE))
        return self.log_scale.exp()


def contrastive_loss(logits: Float[Tensor, "batch batch"]) -> Float[Tensor, ""]:
    """Which text belongs to this picture, and which picture to this text? The mean of both cross-entropies (Fig. 3).

    Args:
        logits: of picture i (row) and text j (column). Pairs stand on the diagonal, all others are negatives.
    """
    pairs = torch.arange(len(logits), device=logits.device)  # picture i belongs to text i
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def initialise(tower: nn.Module) -> None:
    """Normal, with the standard deviations of the authors' code; the image tower's layers start as the text tower's.

    What enters a residual sum is divided by the root of its terms' number, so that the sum starts with the variance of
    one at any depth. Biases start at 0, layer norms as the identity.
    """
    d_model, terms = tower.encoder.norm.normalized_shape[0], 2 * len(tower.encoder.layers)
    of = {  # a name's end -> standard deviation; the first that fits counts
        "W_O.weight": (d_model * terms) ** -0.5,
        "feed_forward.2.weight": (d_model * terms) ** -0.5,
        "feed_forward.0.weight": (2 * d_model) ** -0.5,
        "patches.positions.embedding.weight": d_model**-0.5,
        "positions.embedding.weight": 0.01,
        "tokens.weight": 0.02,
        "norm.weight": None,
        "bias": 0.0,
        "": d_model**-0.5,
    }
    for name, parameter in tower.named_parameters():
        deviation = next(value for end, value in of.items() if name.endswith(end))
        if deviation is not None:
            nn.init.normal_(parameter, std=deviation)
