"""The vision transformer: cut a picture into patches, call them words, and read them with a transformer's encoder.

Source: Dosovitskiy et al. 2020 (arXiv:2010.11929): §3.1 the model, equations (1) to (4), Table 1 its sizes. Read it
beside `vit_jax/models_vit.py` of google-research/vision_transformer. Their names: embedding = `patches` and
`projection`, cls = `class_token`, posembed_input = `positions`, encoder_norm = `encoder.norm`, head = `head`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course.models.positions import LearnedPositions
from course.models.transformer import Encoder, initialise

SIZES = {  # Table 1; the number behind the letter is the patches' side in pixels, so a small one means many tokens
    "B/16": {"patch_size": 16, "d_model": 768, "heads": 12, "layers": 12, "d_ff": 3072},  # 86,567,656 parameters
    "L/16": {"patch_size": 16, "d_model": 1024, "heads": 16, "layers": 24, "d_ff": 4096},  # 304,326,632
    "H/14": {"patch_size": 14, "d_model": 1280, "heads": 16, "layers": 32, "d_ff": 5120},  # 632,045,800
}

Images = Float[Tensor, "batch channels height width"]
Size = int | tuple[int, int]  # (height, width), or the side of a square


# --- pictures and sequences


def patches(images: Images, size: int) -> Float[Tensor, "batch patches numbers"]:
    """Cut pictures into N = HW / P² squares of P × P pixels, each written as a row of C · P · P numbers.

    Patches follow each other as words on a page, line by line. Within a patch the order is (channel, row, column), as
    in the weights of a convolution: a linear layer on these rows is a convolution with stride P.

    Raises:
        ValueError: height or width is not a multiple of the patch size.
    """
    B, C, height, width = images.shape
    rows, columns = grid_of((height, width), size)
    tiles = images.reshape(B, C, rows, size, columns, size)  # (B, C, H/P, P, W/P, P)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(B, rows * columns, C * size**2)  # (B, N, C·P·P)


def from_patches(sequence: Float[Tensor, "batch patches numbers"], size: int, image_size: Size) -> Images:
    """Put patches together again: the inverse of `patches`.

    Raises:
        ValueError: the numbers do not make pictures of this size.
    """
    height, width = pair(image_size)
    rows, columns = grid_of((height, width), size)
    B, N, numbers = sequence.shape
    if rows * columns != N or numbers % size**2:
        raise ValueError(f"{N} patches of {numbers} numbers make no {height} × {width} picture of {size} × {size} ones")
    tiles = sequence.reshape(B, rows, columns, -1, size, size)  # (B, H/P, W/P, C, P, P)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)  # (B, C, H, W)


def grid_of(image_size: Size, size: int) -> tuple[int, int]:
    """Rows and columns of patches in a picture.

    Raises:
        ValueError: height or width is not a multiple of the patch size.
    """
    height, width = pair(image_size)
    if size < 1 or height % size or width % size:
        raise ValueError(f"patches of {size} × {size} pixels do not tile a picture of {height} × {width}")
    return height // size, width // size


def pair(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size


# --- the model


class PatchEmbedding(nn.Module):
    """z_0 = [x_class; x_1 E; …; x_N E] + E_pos: from pictures to what an encoder reads (equation 1).

    Args:
        image_size: height and width in pixels, or the side of a square.
        patch_size: P, side of a patch in pixels.
        channels: 3 for colours, 1 for grey.
        d_model: size of a token.
        bias: whether the projection E has one, as ViT's has and CLIP's has not.
        class_token: put a learned token before the patches, to gather what is to be known of all of them.
        positions: add a learned vector for each place. Without, the encoder sees a set of patches in no order.

    Raises:
        ValueError: patches do not tile the pictures, or (when it runs) pictures are of another size.
    """

    def __init__(
        self,
        image_size: Size,
        patch_size: int,
        channels: int,
        d_model: int,
        *,
        bias: bool = True,
        class_token: bool = True,
        positions: bool = True,
    ):
        super().__init__()
        self.image_size, self.patch_size, self.channels = pair(image_size), patch_size, channels
        self.grid = grid_of(image_size, patch_size)
        tokens = self.grid[0] * self.grid[1] + class_token
        self.projection = nn.Linear(channels * patch_size**2, d_model, bias=bias)
        self.class_token = nn.Parameter(torch.zeros(d_model)) if class_token else None
        self.positions = LearnedPositions(tokens, d_model) if positions else None
        initialise(self.projection)
        if positions:
            nn.init.normal_(self.positions.embedding.weight, std=0.02)  # as in the authors' code, the 0 above, too

    def forward(self, images: Images) -> Float[Tensor, "batch tokens d_model"]:
        """N tokens for each picture, with the class token in front of them N + 1."""
        wanted = (self.channels, *self.image_size)
        if images.shape[1:] != wanted:
            raise ValueError(f"pictures are (channels, height, width) = {wanted}, not {tuple(images.shape[1:])}")
        x = self.projection(patches(images, self.patch_size))  # (B, N, d_model)
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)  # (B, N + 1, d_model)
        return x if self.positions is None else self.positions(x)


class ViT(nn.Module):
    """From pictures to the logits of their classes. The defaults are ViT-B/16 for ImageNet.

    Args:
        image_size, patch_size, channels: of the pictures, see `PatchEmbedding`.
        classes: how many; None leaves the head out, and the features of the class token come back.
        d_model, heads, layers, d_ff: sizes of the encoder, which is pre-LN with GELU.
        positions: False for a model that doesn't know where a patch was.
        dropout: on embeddings, sub-layers' outputs and attention weights, none within the feed-forward network.
        eps: of the layer norms.

    Raises:
        ValueError: as in `PatchEmbedding`, or d_model is not a multiple of heads.
    """

    def __init__(
        self,
        image_size: Size = 224,
        patch_size: int = 16,
        channels: int = 3,
        classes: int | None = 1000,
        d_model: int = 768,
        heads: int = 12,
        layers: int = 12,
        d_ff: int = 3072,
        positions: bool = True,
        dropout: float = 0.0,
        eps: float = 1e-6,
    ):
        super().__init__()
        self.embedding = PatchEmbedding(image_size, patch_size, channels, d_model, positions=positions)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(layers, d_model, heads, d_ff, norm="pre", activation="gelu", dropout=dropout, eps=eps)
        self.head = nn.Identity() if classes is None else nn.Linear(d_model, classes)
        self.encoder.apply(initialise)
        if classes is not None:
            nn.init.zeros_(self.head.weight)  # all classes alike before the first step, as in the authors' code
            nn.init.zeros_(self.head.bias)

    @classmethod
    def named(cls, name: str, **changes) -> "ViT":
        """A published size with fresh weights, "B/16", "L/16" or "H/14", with your changes."""
        if name not in SIZES:
            raise ValueError(f"published sizes are {', '.join(SIZES)}, not {name!r}")
        return cls(**SIZES[name] | changes)

    def forward(self, images: Images) -> Float[Tensor, "batch classes"]:
        """Logits of the classes, or without a head the class token's features (equation 4)."""
        return self.head(self.read(images)[:, 0])

    def read(self, images: Images) -> Float[Tensor, "batch tokens d_model"]:
        """The last layer's vectors: the class token's, then one for each patch (equations 1 to 3)."""
        return self.encoder(self.dropout(self.embedding(images)))
