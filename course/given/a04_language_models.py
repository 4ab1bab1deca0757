"""Stand-ins for A4.1 to A4.10. Rows are vectors; True in a mask means "may attend"."""

import math
import statistics

import torch
import torch.nn.functional as F
from torch import nn


def causal_loss(logits, tokens, real=None):
    """A4.1: logits (B, T, V), tokens (B, T), real (B, T) -> the next tokens' mean loss; 0 if none counts."""
    targets = tokens[:, 1:]
    if real is not None:
        targets = targets.masked_fill(~real[:, 1:], -100)
    total = F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum")
    return total / targets.ne(-100).sum().clamp(min=1)


def perplexity(loss):
    """A4.1: any shape."""
    return torch.exp(loss)


def bits(loss):
    """A4.1: any shape."""
    return torch.mul(loss, math.log2(math.e))


class _Attention(nn.Module):
    """The first cell's MultiHeadAttention, causal, its output alone."""

    def __init__(self, d_model, heads):
        super().__init__()
        self.inner = nn.MultiheadAttention(d_model, heads, batch_first=True)

    def forward(self, x):
        future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return self.inner(x, x, x, attn_mask=future, is_causal=True, need_weights=False)[0]


class Block(nn.Module):
    """A4.2: (B, T, d_model) -> (B, T, d_model)."""

    def __init__(self, d_model, heads, d_ff=None):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = _Attention(d_model, heads)
        self.up = nn.Linear(d_model, d_ff or 4 * d_model)
        self.down = nn.Linear(d_ff or 4 * d_model, d_model)

    def forward(self, x):
        x = x.add(self.attention(self.norm1(x)))
        return x.add(self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")))


class GPT(nn.Module):
    """A4.3: tokens (B, T) -> logits (B, T, vocab)."""

    def __init__(self, vocab, context, d_model=64, heads=4, layers=2):
        super().__init__()
        self.context = context
        self.tokens, self.positions = nn.Embedding(vocab, d_model), nn.Embedding(context, d_model)
        for embedding in (self.tokens, self.positions):
            nn.init.normal_(embedding.weight, std=d_model**-0.5)
        self.blocks = nn.ModuleList([Block(d_model, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(d_model)

    def forward(self, tokens):
        T = tokens.shape[1]
        if self.context < T:
            raise ValueError(f"{T} tokens are more than the context of {self.context}")
        x = self.tokens(tokens) + self.positions.weight[:T]
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


def n_parameters(module):
    """A4.3: how many numbers are learned, each counted once."""
    return sum(p.numel() for p in {id(p): p for p in module.parameters()}.values())


def train(model, batches, learning_rate=3e-3, clip=1.0):
    """A4.4: one step of AdamW for each batch of tokens (B, T) -> the losses before the updates."""
    model.train(True)
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=learning_rate)
    losses = []
    for batch in batches:
        batch = batch.to(weights[0].device)
        loss = F.cross_entropy(model(batch)[:, :-1].flatten(0, 1), batch[:, 1:].flatten())
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, max_norm=clip)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def corpus_perplexity(model, tokens, context):
    """A4.4: tokens (N,) -> a float, over windows of `context` tokens that share their ends."""
    mode, losses = model.training, []
    model.train(False)
    with torch.no_grad():
        asked = 1
        while asked < len(tokens):
            window = tokens[asked - 1 : asked - 1 + context]
            logits = model(window[None, :-1])[0]
            losses.append(F.cross_entropy(logits, window[1:], reduction="none").double())
            asked += context - 1
    model.train(mode)
    return torch.cat(losses).mean().exp().item()


def adjusted(logits, temperature=1.0, top_k=None, top_p=None):
    """A4.5: logits (…, V) -> probabilities (…, V): temperature, top-k, softmax, top-p, in this order."""
    if not 0 <= temperature < math.inf or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature={temperature} is at least 0 and finite, top_k={top_k} at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is in (0, 1], not {top_p}")
    values, order = logits.sort(dim=-1, descending=True)
    rank = torch.arange(logits.shape[-1], device=logits.device)
    kept = 1 if temperature == 0 else top_k or logits.shape[-1]
    p = F.softmax((values / (temperature or 1)).masked_fill(rank >= kept, -math.inf), dim=-1)
    if top_p is not None:
        p = F.normalize(p * (p.cumsum(dim=-1) - p < top_p), p=1.0, dim=-1)
    return p.gather(-1, order.argsort(dim=-1))


@torch.no_grad()
def generate(model, prompt, n, choose, context):
    """A4.6: prompt (B, T) -> (B, T + n): model sees the last `context` tokens, choose maps (B, V) to (B,)."""
    B, T = prompt.shape
    text = prompt.new_empty(B, T + n)
    text[:, :T] = prompt
    for end in range(T, T + n):
        text[:, end] = choose(model(text[:, max(0, end - context) : end])[:, -1])
    return text


def _kv_heads_of(heads, kv_heads):
    """How many heads have keys and values of their own."""
    if kv_heads is None:
        return heads
    if kv_heads <= 0 or heads % kv_heads != 0:
        raise ValueError(f"{kv_heads} heads of keys and values do not serve {heads} heads evenly")
    return kv_heads


def cache_bytes(layers, heads, d_k, tokens, batch=1, bytes_per_number=2, kv_heads=None):
    """A4.7: sizes -> int."""
    shape = (2, layers, batch, _kv_heads_of(heads, kv_heads), tokens, d_k)  # keys and values
    return math.prod(shape) * bytes_per_number


def longest_context(memory_bytes, layers, heads, d_k, batch=1, bytes_per_number=2, kv_heads=None):
    """A4.7: bytes and sizes -> int."""
    token = math.prod((2, layers, batch, _kv_heads_of(heads, kv_heads), d_k, bytes_per_number))
    return divmod(memory_bytes, token)[0]


def measured_bytes(cache):
    """A4.7: [(K, V), …] -> int."""
    return sum(K.nbytes + V.nbytes for K, V in cache)


def masked(tokens, maskable, chosen_draw, kind_draw, random_tokens, mask_id, share=0.15):
    """A4.8: seven arguments, tensors (B, T) -> inputs and targets (B, T), -100 where nothing is asked."""
    spared = (chosen_draw >= share).logical_or(~maskable)
    inputs = tokens.masked_fill(kind_draw < 0.8, mask_id)
    is_random = (kind_draw >= 0.8).logical_and(kind_draw < 0.9)
    inputs = inputs.masked_scatter(is_random, random_tokens[is_random])
    return inputs.masked_scatter(spared, tokens[spared]), tokens.masked_fill(spared, -100)


def masked_loss(logits, targets):
    """A4.8: (B, T, V), (B, T) -> 0-dim, the mean over targets that are not -100; 0 if there are none."""
    if bool((targets == -100).all()):
        return logits.mul(0).sum()
    return nn.CrossEntropyLoss()(logits.movedim(-1, 1), targets)


class Classifier(nn.Module):
    """A4.9: tokens (B, T), real (B, T) -> logits (B, classes)."""

    def __init__(self, encoder, d_model, classes):
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(d_model, classes)

    def forward(self, tokens, real):
        share = real.to(self.head.weight.dtype)
        share = share / share.sum(-1, keepdim=True)
        return self.head(torch.einsum("bt,btd->bd", share, self.encoder(tokens, real)))


def fine_tune(classifier, batches, learning_rate=1e-3):
    """A4.9: one step of AdamW for each pair (tokens (B, T), labels (B,)) -> the losses before the updates."""
    weights = list(classifier.parameters())
    optimizer = torch.optim.AdamW(weights, lr=learning_rate)
    losses = []
    for batch in batches:
        tokens, labels = (part.to(weights[0].device) for part in batch)
        loss = F.cross_entropy(classifier(tokens, tokens.ne(0)), labels)
        classifier.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def what_it_bought(with_accuracies, without_accuracies):
    """A4.9: two lists of accuracies -> {"gain", "spread", "error", "wins"}."""
    d = [x - y for x, y in zip(with_accuracies, without_accuracies, strict=True)]
    if len(d) < 2:
        raise ValueError("at least two pairs of runs are compared")
    s = statistics.stdev(d)
    return {"gain": statistics.fmean(d), "spread": s, "error": s / len(d) ** 0.5, "wins": sum(x > 0 for x in d)}


class _BertAttention(nn.Module):
    """Self-attention without its weights."""

    def __init__(self, d_model, heads):
        super().__init__()
        self.inner = nn.MultiheadAttention(d_model, heads, batch_first=True)

    def forward(self, x, real):
        return self.inner(x, x, x, key_padding_mask=~real, need_weights=False)[0]


class BertLayer(nn.Module):
    """A4.10: (B, T, d_model), mask (B, 1, T) -> (B, T, d_model)."""

    def __init__(self, d_model, heads, d_ff):
        super().__init__()
        self.attention = _BertAttention(d_model, heads)
        self.norm1, self.norm2 = (nn.LayerNorm(d_model, 1e-12) for _ in range(2))
        self.up, self.down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x, mask):
        x = self.norm1(self.attention(x, mask.squeeze(1)).add(x))
        return self.norm2(self.down(nn.GELU()(self.up(x))).add(x))


class BertEncoder(nn.Module):
    """A4.10: tokens (B, T), real (B, T) -> (B, T, d_model)."""

    def __init__(self, vocab, context, d_model, heads, layers, d_ff, segments=2):
        super().__init__()
        self.tokens, self.positions, self.segments = (
            nn.Embedding(rows, d_model) for rows in (vocab, context, segments)
        )
        self.norm = nn.LayerNorm(d_model, 1e-12)
        self.layers = nn.ModuleList([BertLayer(d_model, heads, d_ff) for _ in range(layers)])

    def forward(self, tokens, real):
        x = F.embedding(tokens, self.tokens.weight).add(self.positions.weight[: tokens.shape[1]])
        x = self.norm(x.add(self.segments(torch.zeros_like(tokens))))
        for layer in self.layers:
            x = layer(x, real.unsqueeze(1))
        return x


def renamed(weights):
    """A4.10: a file's names -> those of BertEncoder."""
    outside = {"word_embeddings": "tokens", "position_embeddings": "positions", "token_type_embeddings": "segments"}
    inside = {
        "attention.output.dense": "attention.inner.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "up",
        "output.dense": "down",
        "output.LayerNorm": "norm2",
    }
    found = {f"{ours}.weight": weights[f"embeddings.{theirs}.weight"] for theirs, ours in outside.items()}
    for kind in ("weight", "bias"):
        found[f"norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        layer = 0
        while (path := f"encoder.layer.{layer}.") + "output.dense.weight" in weights:
            for theirs, ours in inside.items():
                found[f"layers.{layer}.{ours}.{kind}"] = weights[f"{path}{theirs}.{kind}"]
            parts = [weights[f"{path}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            found[f"layers.{layer}.attention.inner.in_proj_{kind}"] = torch.cat(parts)
            layer += 1
    return found


def sentence_vectors(x, real):
    """A4.10: (B, T, d_model), (B, T) -> (B, d_model), of length 1."""
    return F.normalize(torch.bmm(real.unsqueeze(1).to(x.dtype), x).squeeze(1), dim=-1)


@torch.no_grad()
def embed(tokens, real, weights, heads):
    """A4.10: (B, T), (B, T), a file's weights -> (B, d_model)."""
    found = renamed(weights)
    vocab, d_model = found["tokens.weight"].shape
    d_ff, layers = found["layers.0.up.weight"].shape[0], sum(".norm1.weight" in name for name in found)
    model = BertEncoder(vocab, found["positions.weight"].shape[0], d_model, heads, layers, d_ff)
    model.load_state_dict(found)
    return sentence_vectors(model(tokens, real), real)
