"""Stand-ins for A3.1 to A3.13. Rows are vectors; True in a mask means "may attend"; masked rows are zeros."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from course.data.vocabulary import BOS, EOS, PAD


class _Attention(nn.Module):
    """`MultiHeadAttention` of the setup cell: the same parameters, other code."""

    def __init__(self, d_model, heads):
        super().__init__()
        self.inner = nn.MultiheadAttention(d_model, heads, batch_first=True)

    def forward(self, x, memory, mask=None):
        if mask is not None:
            size = len(x), self.inner.num_heads, x.shape[1], memory.shape[1]
            mask = mask.logical_not().unsqueeze(-3).expand(size).flatten(0, 1)
        return self.inner(x, memory, memory, attn_mask=mask, average_attn_weights=False)


def _positions(T, d_model, offset=0, device=None):
    """`positions` of the setup cell, other code: (T, d_model)."""
    column = torch.arange(d_model, device=device)
    angle = torch.arange(offset, offset + T, device=device)[:, None] / 10_000 ** ((column - column % 2) / d_model)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


class LayerNorm(nn.LayerNorm):
    """A3.1: (…, d_model) -> (…, d_model)."""

    def __init__(self, d_model, eps=1e-5):
        super().__init__(d_model, eps=eps)


class FeedForward(nn.Module):
    """A3.1: (…, d_model) -> (…, d_model)."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.linear1 = nn.Linear(d_model, d_ff)
        self.linear2 = nn.Linear(d_ff, d_model)

    def forward(self, x):
        hidden = F.linear(x, self.linear1.weight, self.linear1.bias).clamp(min=0)
        return F.linear(hidden, self.linear2.weight, self.linear2.bias)


def residual(x, sublayer, norm, order="post"):
    """A3.2: x (…, d_model) -> (…, d_model)."""
    if order == "pre":
        return torch.add(x, sublayer(norm(x)))
    if order == "post":
        return norm(torch.add(x, sublayer(x)))
    raise ValueError(f'order is "post" or "pre", not {order!r}')


class EncoderLayer(nn.Module):
    """A3.3: (B, T, d_model), a mask that broadcasts to (B, T, T) -> (B, T, d_model)."""

    def __init__(self, d_model, heads, d_ff, order="post"):
        super().__init__()
        self.order = order
        self.self_attention = _Attention(d_model, heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm1, self.norm2 = LayerNorm(d_model), LayerNorm(d_model)

    def forward(self, x, mask=None):
        if self.order == "pre":
            y = self.norm1(x)
            x = x + self.self_attention(y, y, mask)[0]
            return x + self.feed_forward(self.norm2(x))
        x = self.norm1(x + self.self_attention(x, x, mask)[0])
        return self.norm2(x + self.feed_forward(x))


class DecoderLayer(nn.Module):
    """A3.4: (B, T, d_model), (B, S, d_model), a mask (B, 1, S) -> (B, T, d_model), weights (B, H, T, S)."""

    def __init__(self, d_model, heads, d_ff, order="post"):
        super().__init__()
        self.order = order
        self.self_attention = _Attention(d_model, heads)
        self.cross_attention = _Attention(d_model, heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm1, self.norm2, self.norm3 = (LayerNorm(d_model) for _ in range(3))

    def forward(self, x, memory, memory_mask=None):
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        if self.order == "pre":
            y = self.norm1(x)
            x = x + self.self_attention(y, y, causal)[0]
            read, weights = self.cross_attention(self.norm2(x), memory, memory_mask)
            x = x + read
            return x + self.feed_forward(self.norm3(x)), weights
        x = self.norm1(x + self.self_attention(x, x, causal)[0])
        read, weights = self.cross_attention(x, memory, memory_mask)
        x = self.norm2(x + read)
        return self.norm3(x + self.feed_forward(x)), weights


class Transformer(nn.Module):
    """A3.5: source (B, S), target_in (B, T) -> logits (B, T, n_target)."""

    def __init__(self, n_source, n_target, d_model=64, heads=4, d_ff=256, layers=2, order="pre"):
        super().__init__()
        self.d_model, self.order = d_model, order
        self.embed_source = nn.Embedding(n_source, d_model)
        self.embed_target = nn.Embedding(n_target, d_model)
        for embedding in (self.embed_source, self.embed_target):
            nn.init.normal_(embedding.weight, std=d_model**-0.5)
        self.readout = nn.Linear(d_model, n_target)
        sizes = d_model, heads, d_ff, order
        self.encoder = nn.ModuleList([EncoderLayer(*sizes) for _ in range(layers)])
        self.decoder = nn.ModuleList([DecoderLayer(*sizes) for _ in range(layers)])
        self.norm_encoder, self.norm_decoder = LayerNorm(d_model), LayerNorm(d_model)

    def _embed(self, ids, embedding):
        vectors = F.embedding(ids, embedding.weight) * self.d_model**0.5
        return vectors + _positions(ids.shape[1], self.d_model, device=ids.device)

    def encode(self, source):
        x = self._embed(source, self.embed_source)
        for layer in self.encoder:
            x = layer(x, source.ne(PAD).unsqueeze(1))
        return x if self.order == "post" else self.norm_encoder(x)

    def decode(self, target_in, memory, source):
        x, weights = self._embed(target_in, self.embed_target), None
        for layer in self.decoder:
            x, weights = layer(x, memory, source.ne(PAD).unsqueeze(1))
        return self.readout(x if self.order == "post" else self.norm_decoder(x)), weights

    def forward(self, source, target_in):
        return self.decode(target_in, self.encode(source), source)[0]


def watch(model, source, target_in, memory=None):
    """A3.5: memory (B, S, d_model), logits (B, T, n_target), weights (B, H, T, S)."""
    memory = model.encode(source) if memory is None else memory
    return memory, *model.decode(target_in, memory, source)


def shift(target):
    """A3.6: (B, T) -> BOS y_1 … y_m PAD… and y_1 … y_m EOS PAD…, (B, T + 1) each."""
    target_in = F.pad(target, (1, 0), value=BOS)
    padded = F.pad(target, (0, 1), value=PAD)
    return target_in, torch.where((padded == PAD) & (target_in != PAD), EOS, padded)


def smoothed_loss(logits, target_out, smoothing=0.0):
    """A3.6: (B, T, V), (B, T) -> the mean over real tokens."""
    rows, words = logits.float().flatten(0, 1), target_out.flatten()
    return F.cross_entropy(rows, words, ignore_index=PAD, label_smoothing=smoothing)


def learning_rate(step, d_model, warm_up=4000, factor=1.0):
    """A3.7: up linearly until warm_up, then down as 1/√step."""
    if step < 1:
        raise ValueError(f"the first step is 1, not {step}")
    peak = factor / (d_model * warm_up) ** 0.5
    return peak * step / warm_up if step < warm_up else peak * (warm_up / step) ** 0.5


def train(model, batches, d_model, warm_up=100, smoothing=0.1, factor=1.0):
    """A3.8: one step of Adam for each batch (source (B, S), target (B, T)) -> the losses."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate(step + 1, d_model, warm_up, factor)
    )
    home, losses = next(model.parameters()).device, []
    for source, target in batches:
        target_in, target_out = shift(target.to(home))
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=home.type == "cuda"):
            logits = model(source.to(home), target_in)
        loss = smoothed_loss(logits, target_out, smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss))
    return losses


def greedy(model, source, max_length):
    """A3.9: model(source, prefix (B, l)) -> logits (B, l, V) gives (B, at most max_length), EOS kept, PAD behind it."""
    words = torch.full((len(source), max_length + 1), PAD, device=source.device)
    words[:, 0] = BOS
    going = torch.ones(len(source), dtype=torch.bool, device=source.device)
    length = 0
    with torch.no_grad():
        while length < max_length and going.any():
            best = model(source, words[:, : length + 1])[:, length].max(dim=-1).indices
            length += 1
            words[:, length] = torch.where(going, best, PAD)
            going = going & best.ne(EOS)
    return words[:, 1 : length + 1]


def beam_search(model, source, beams, max_length, alpha=0.6):
    """A3.10: model(source (k, …), prefix (k, l)) -> logits (k, l, V) gives pairs (tokens, score), the best first."""
    live, finished = [(0.0, [])], []
    for length in range(1, max_length + 1):
        prefix = torch.tensor([[BOS, *tokens] for _, tokens in live], device=source.device)
        with torch.no_grad():
            logits = model(source.repeat_interleave(len(live), dim=0), prefix)[:, -1]
        gains = F.log_softmax(logits.double().cpu(), dim=-1)
        options = []
        for (total, tokens), row in zip(live, gains, strict=True):
            best = row.topk(min(beams, len(row)))  # no beginning can fill more than the whole beam
            gained = zip(best.values.tolist(), best.indices.tolist(), strict=True)
            options += [(total + gain, [*tokens, word]) for gain, word in gained]
        options.sort(key=lambda option: option[0], reverse=True)
        live = []
        for total, tokens in options[: beams - len(finished)]:
            done = tokens[-1] == EOS or length == max_length
            (finished if done else live).append((total, tokens))
        if not live:
            break
    pairs = [(tokens, total / ((5 + len(tokens)) / 6) ** alpha) for total, tokens in finished]
    return sorted(pairs, key=lambda pair: -pair[1])


class CachedAttention(nn.Module):
    """A3.11: x (B, t, d_model), past (K, V) each (B, n, d_model) -> output (B, t, d_model), (K, V) of all."""

    def __init__(self, d_model):
        super().__init__()
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            setattr(self, name, nn.Linear(d_model, d_model, bias=False))

    def forward(self, x, past=None):
        _, t, d_model = x.shape
        n = 0 if past is None else past[0].shape[1]
        x = x + _positions(t, d_model, n, x.device).to(x.dtype)
        new = self.W_K(x), self.W_V(x)
        cache = new if past is None else tuple(torch.cat(pair, dim=1) for pair in zip(past, new, strict=True))
        seen = torch.ones(t, n + t, dtype=torch.bool, device=x.device).tril(n)
        return self.W_O(F.scaled_dot_product_attention(self.W_Q(x), *cache, attn_mask=seen)), cache


def _given_ngrams(sentences, n):
    """The n-grams of each sentence, lists of tuples."""
    return [list(zip(*(sentence[i:] for i in range(n)), strict=False)) for sentence in sentences]


def bleu(hypotheses, references, N=4):
    """A3.12: corpus BLEU of tokenised sentences, 0 … 100."""
    logarithms = []
    for n in range(1, N + 1):
        mine, theirs = _given_ngrams(hypotheses, n), _given_ngrams(references, n)
        pairs = zip(mine, theirs, strict=True)
        matches = sum(min(h.count(gram), r.count(gram)) for h, r in pairs for gram in set(h))
        logarithms.append(math.log(matches / sum(map(len, mine))) if matches else -math.inf)
    too_short = sum(map(len, references)) / max(1, sum(map(len, hypotheses))) - 1
    return 100 * math.exp(sum(logarithms) / N - max(0.0, too_short))


def draw_alignment(weights, source_words, target_words, axes=None):
    """A3.13: (H, T, S), source words, target words -> (target words, source words)."""
    return weights[:, : len(target_words), : len(source_words)].mean(dim=0)


def read_off(matrix, source_words):
    """A3.13: the source word with the largest weight in each row."""
    return [source_words[int(row.argmax())] for row in matrix]
