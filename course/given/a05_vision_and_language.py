"""Stand-ins for A5.1 to A5.8. Rows are vectors; True in a mask means "may attend"."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def patches(images, size):
    """A5.1: (B, C, H, W) -> (B, N, C·P·P), line by line."""
    height, width = images.shape[-2:]
    if size < 1 or height % size or width % size:
        raise ValueError(f"patches of {size} x {size} do not tile {height} x {width} pixels")
    return F.pixel_unshuffle(images, size).flatten(2).transpose(1, 2)


def from_patches(sequence, size, height, width):
    """A5.1: (B, N, C·P·P) -> (B, C, H, W), the inverse."""
    N, numbers = sequence.shape[1:]
    if size < 1 or height % size or width % size or N * size**2 != height * width or numbers % size**2:
        raise ValueError(f"{N} patches of {numbers} numbers make no picture of {height} x {width} pixels")
    tiles = sequence.transpose(1, 2).unflatten(2, (height // size, width // size))
    return F.pixel_shuffle(tiles, size)


class PatchEmbedding(nn.Module):
    """A5.2: images (B, C, H, W) -> (B, N + 1, d_model), the class token first."""

    def __init__(self, image_size, patch_size, channels, d_model):
        super().__init__()
        if patch_size < 1 or image_size % patch_size:
            raise ValueError(f"patches of {patch_size} pixels do not tile a side of {image_size}")
        self.wanted, self.patch_size = (channels, image_size, image_size), patch_size
        self.projection = nn.Linear(channels * patch_size**2, d_model)
        self.class_token = nn.Parameter(0.02 * torch.randn(d_model))
        self.positions = nn.Parameter(0.02 * torch.randn((image_size // patch_size) ** 2 + 1, d_model))

    def forward(self, images):
        if tuple(images.shape[1:]) != self.wanted:
            raise ValueError(f"pictures are {self.wanted}, not {tuple(images.shape[1:])}")
        kernel = self.projection.weight.unflatten(1, (images.shape[1], self.patch_size, self.patch_size))
        x = F.conv2d(images, kernel, self.projection.bias, stride=self.patch_size).flatten(2).transpose(1, 2)
        first = (self.class_token + self.positions[0]).expand(len(x), 1, -1)
        return torch.cat([first, x + self.positions[1:]], dim=1)


class _Attention(nn.Module):
    """The first cell's MultiHeadAttention, its output alone."""

    def __init__(self, d_model, heads):
        super().__init__()
        self.inner = nn.MultiheadAttention(d_model, heads, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


class _Layer(nn.Module):
    """The first cell's EncoderLayer."""

    def __init__(self, d_model, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = _Attention(d_model, heads)
        self.up, self.down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)

    def forward(self, x):
        x = x.add(self.attention(self.norm1(x)))
        return x.add(self.down(F.gelu(self.up(self.norm2(x)))))


class ViT(nn.Module):
    """A5.3: images (B, C, H, W) -> logits (B, classes)."""

    def __init__(self, image_size, patch_size, channels, classes, d_model, heads, layers):
        super().__init__()
        self.embedding = PatchEmbedding(image_size, patch_size, channels, d_model)
        self.layers = nn.ModuleList([_Layer(d_model, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(d_model), nn.Linear(d_model, classes)

    def forward(self, images):
        return self.head(self.norm(nn.Sequential(*self.layers)(self.embedding(images)).select(1, 0)))


def n_tokens(image_size, patch_size):
    """A5.3: how many tokens the encoder reads, the class token among them."""
    if patch_size < 1 or image_size % patch_size:
        raise ValueError(f"patches of {patch_size} pixels do not tile a side of {image_size}")
    return (image_size // patch_size) ** 2 + 1


def vit_parameters(image_size, patch_size, channels, classes, d_model, heads, layers):
    """A5.3: how many parameters ViT of these sizes has."""
    ends = (channels * patch_size**2 + 1) * d_model + (n_tokens(image_size, patch_size) + 1) * d_model
    return ends + layers * (12 * d_model + 13) * d_model + 2 * d_model + (d_model + 1) * classes


def train(model, batches, learning_rate):
    """A5.4: one step of Adam for each batch (images (B, C, H, W), labels (B,)) -> the losses."""
    parameters, losses = list(model.parameters()), []
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    model.train(True)
    for batch in batches:
        images, labels = (part.to(parameters[0].device) for part in batch)
        loss = F.nll_loss(F.log_softmax(model(images), dim=-1), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses


@torch.no_grad()
def accuracy(model, images, labels, batch=256):
    """A5.4: the share of images (N, C, H, W) about which the model is right; its mode comes back."""
    home, mode, right = next(model.parameters()).device, model.training, []
    model.train(False)
    for start in range(0, len(labels), batch):
        logits = model(images[start : start + batch].to(home))
        right += torch.eq(logits.topk(1).indices[:, 0].cpu(), labels[start : start + batch].cpu()).tolist()
    model.train(mode)
    return sum(right) / len(right)


def rollout(weights):
    """A5.5: a list of (B, H, T, T), the first layer first -> (B, T, T)."""
    if len(weights) == 0:
        raise ValueError("no layer to roll out")
    total = None
    for layer in weights:
        mean = layer.sum(dim=1).div(layer.shape[1])
        step = mean + torch.diag_embed(torch.ones_like(mean[..., 0]))
        step = F.normalize(step, p=1.0, dim=-1)
        total = step if total is None else torch.bmm(step, total)
    return total


def class_token_map(rolled, rows, columns):
    """A5.5: (B, T, T) -> (B, rows, columns), each summing to 1."""
    if rolled.shape[-1] != rows * columns + 1:
        raise ValueError(f"{rolled.shape[-1]} tokens are not {rows} x {columns} and the class token")
    return F.normalize(rolled.select(1, 0)[:, 1:], p=1.0, dim=-1).reshape(-1, rows, columns)


def draw_map(image, patch_map, axes=None):
    """A5.5: image (H, W), map (rows, columns) -> the map as (H, W); nothing is drawn."""
    return F.interpolate(patch_map[None, None], size=tuple(image.shape), mode="nearest-exact")[0, 0]


def similarities(images, texts, log_scale):
    """A5.6: (B, d), (C, d), a 0-dimensional tensor -> (B, C): cosines times exp(log_scale), at most 100."""
    return F.cosine_similarity(images[:, None], texts, dim=-1) * log_scale.clamp(max=math.log(100)).exp()


def contrastive_loss(logits):
    """A5.6: logits (B, B), pairs on the diagonal -> the mean cross-entropy of all rows and all columns."""
    pairs = torch.arange(len(logits), device=logits.device).repeat(2)
    return F.cross_entropy(torch.cat([logits, logits.mT]), pairs)


def class_vectors(prompts):
    """A5.7: (C, P, d) -> (C, d): the unit vector along the mean of each class's unit prompts."""
    return F.normalize(torch.stack([F.normalize(own, dim=-1).sum(0) for own in prompts]), dim=-1)


def zero_shot(images, classes, log_scale):
    """A5.7: (B, d), (C, d), a 0-dimensional tensor -> probabilities (B, C) of the classes."""
    return F.softmax(similarities(images, classes, log_scale), dim=-1)


def top_k_accuracy(probabilities, labels, k):
    """A5.7: the share of rows whose label is among the k most probable classes."""
    if k not in range(1, probabilities.shape[-1] + 1):
        raise ValueError(f"k={k} is not between 1 and {probabilities.shape[-1]}")
    ahead = (probabilities > probabilities.gather(-1, labels[:, None])).sum(dim=-1)  # (B,)
    return (ahead < k).double().mean().item()


class CaptionAttention(nn.Module):
    """A5.8: annotations (B, L, D), state (B, d_state) -> the gated context (B, D), weights (B, L)."""

    def __init__(self, d_annotation, d_state, d_hidden):
        super().__init__()
        self.W_a = nn.Linear(d_annotation, d_hidden, bias=False)
        self.W_s = nn.Linear(d_state, d_hidden, bias=False)
        self.w = nn.Linear(d_hidden, 1, bias=False)
        self.beta = nn.Linear(d_state, 1)

    def forward(self, annotations, state):
        asked = self.W_s(state).unsqueeze(1) + self.W_a(annotations)  # (B, L, d_hidden)
        weights = F.softmax(F.linear(asked.tanh(), self.w.weight), dim=1)  # (B, L, 1)
        context = torch.bmm(annotations.transpose(1, 2), weights).flatten(1)
        return context * self.beta(state).sigmoid(), weights.flatten(1)


def doubly_stochastic(weights, real):
    """A5.8: (B, T, L), (B, T) bool -> the mean over captions of Σ_i (1 − Σ_t α_ti)², padding left out."""
    looked = torch.bmm(real[:, None].to(weights.dtype), weights)  # (B, 1, L)
    return F.mse_loss(looked, torch.ones_like(looked), reduction="sum") / len(weights)


def share_inside(weights, inside):
    """A5.8: (B, L), (B, L) bool or shares -> (B,): the share of the attention that falls inside."""
    return torch.linalg.vecdot(weights, inside.to(weights.dtype))
