"""Stand-ins for A6.1 to A6.8. Rows are vectors; True in a mask means "may attend"."""

import torch
import torch.nn.functional as F
from torch import nn


def _given_heads(x, layer):
    """Queries, keys and values of all heads, (…, N, H, d_head) each."""
    projected = F.linear(x, torch.cat([layer.W_Q.weight, layer.W_K.weight, layer.W_V.weight]))
    return projected.unflatten(-1, (3, layer.heads, -1)).unbind(-3)


def _given_biased(x, bias, layer):
    """Gated attention along the last but one axis of x (B, L, N, d), with a bias (B, N, N, H) for all lines."""
    q, k, v = _given_heads(x, layer)
    scores = torch.einsum("blihc,bljhc->blijh", q * q.shape[-1] ** -0.5, k) + bias.unsqueeze(1)
    found = torch.einsum("blijh,bljhc->blihc", F.softmax(scores, dim=3), v)
    return layer.W_O(F.sigmoid(layer.gate(x)).mul(found.flatten(-2)))


class RowAttention(nn.Module):
    """A6.1: (B, S, N, d_msa), (B, N, N, d_pair) -> the update (B, S, N, d_msa)."""

    def __init__(self, d_msa, d_pair, heads, d_head):
        super().__init__()
        self.heads = heads
        self.norm_m, self.norm_z = nn.LayerNorm(d_msa), nn.LayerNorm(d_pair)
        self.W_Q, self.W_K, self.W_V = (nn.Linear(d_msa, heads * d_head, bias=False) for _ in range(3))
        self.bias = nn.Linear(d_pair, heads, bias=False)
        self.gate = nn.Linear(d_msa, heads * d_head)
        self.W_O = nn.Linear(heads * d_head, d_msa)

    def forward(self, m, z):
        return _given_biased(self.norm_m(m), self.bias(self.norm_z(z)), self)


class OuterProductMean(nn.Module):
    """A6.2: (B, S, N, d_msa) -> the update (B, N, N, d_pair)."""

    def __init__(self, d_msa, d_hidden, d_pair):
        super().__init__()
        self.norm = nn.LayerNorm(d_msa)
        self.a, self.b = nn.Linear(d_msa, d_hidden), nn.Linear(d_msa, d_hidden)
        self.out = nn.Linear(d_hidden**2, d_pair)

    def forward(self, m):
        x = self.norm(m)
        a, b = (F.linear(x, W.weight, W.bias).flatten(2) for W in (self.a, self.b))  # (B, S, N * d_hidden)
        N, c = m.shape[2], self.a.out_features
        grid = torch.bmm(a.transpose(1, 2), b).div(m.shape[1]).view(-1, N, c, N, c)
        return self.out(grid.transpose(2, 3).reshape(-1, N, N, c * c))


class TriangleMultiplication(nn.Module):
    """A6.3: (B, N, N, d_pair) -> the update (B, N, N, d_pair)."""

    def __init__(self, d_pair, d_hidden, outgoing):
        super().__init__()
        self.outgoing = outgoing
        self.norm_in, self.norm_out = nn.LayerNorm(d_pair), nn.LayerNorm(d_hidden)
        self.a, self.gate_a = nn.Linear(d_pair, d_hidden), nn.Linear(d_pair, d_hidden)
        self.b, self.gate_b = nn.Linear(d_pair, d_hidden), nn.Linear(d_pair, d_hidden)
        self.out, self.gate = nn.Linear(d_hidden, d_pair), nn.Linear(d_pair, d_pair)

    def forward(self, z):
        x = self.norm_in(z)
        a = F.glu(torch.cat([self.a(x), self.gate_a(x)], dim=-1), dim=-1).movedim(-1, 1)  # (B, d_hidden, N, N)
        b = F.glu(torch.cat([self.b(x), self.gate_b(x)], dim=-1), dim=-1).movedim(-1, 1)
        both = torch.matmul(a, b.mT) if self.outgoing else torch.matmul(a.mT, b)
        update = self.out(self.norm_out(both.movedim(1, -1)))
        return F.glu(torch.cat([update, self.gate(x)], dim=-1), dim=-1)


class TriangleAttention(nn.Module):
    """A6.4: (B, N, N, d_pair) -> the update (B, N, N, d_pair)."""

    def __init__(self, d_pair, heads, d_head, starting):
        super().__init__()
        self.heads, self.starting = heads, starting
        self.norm = nn.LayerNorm(d_pair)
        self.W_Q, self.W_K, self.W_V = (nn.Linear(d_pair, heads * d_head, bias=False) for _ in range(3))
        self.bias = nn.Linear(d_pair, heads, bias=False)
        self.gate = nn.Linear(d_pair, heads * d_head)
        self.W_O = nn.Linear(heads * d_head, d_pair)

    def forward(self, z):
        z = self.norm(z) if self.starting else self.norm(z).transpose(1, 2)  # columns attend to themselves as rows do
        update = _given_biased(z, self.bias(z), self)
        return update if self.starting else update.transpose(1, 2)


def distances(x):
    """A6.5: (N, 3) -> (N, N)."""
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def contacts(d, cutoff=8.0, apart=6):
    """A6.5: (N, N) -> (N, N), True where residues touch that are not neighbours along the chain."""
    near = torch.lt(d, cutoff)
    return torch.logical_or(near.triu(max(apart, 0)), near.tril(-max(apart, 0)))


def violations(d):
    """A6.5: (N, N) -> the share of ordered triples that break the triangle inequality."""
    N = d.shape[0]
    broken = 0
    for k in range(N):
        over = d > d[:, k, None] + d[k] + 1e-6 * d.max()  # (N, N): the detour through k
        over = over.fill_diagonal_(False)
        over[k], over[:, k] = False, False
        broken += int(over.sum())
    return broken / (N * (N - 1) * (N - 2)) if N > 2 else 0.0


def filled(d, known):
    """A6.5: (N, N), known (N, N) -> (N, N): unknown pairs get their shortest detour through one residue."""
    sure = torch.where(known, d, torch.inf)
    detours = torch.stack([torch.amin(row + sure.T, dim=1) for row in sure])  # (N, N)
    return torch.where(known, d, detours)


def returns_to_go(rewards, real, discount=1.0):
    """A6.6: (B, T), real (B, T) -> what is still to come at each step, (B, T); 0 where padded."""
    T = rewards.shape[1]
    steps = torch.arange(T, device=rewards.device)
    later = steps - steps[:, None]  # (T, T): how far place t' lies behind t
    weights = torch.pow(discount, later.clamp(min=0).to(rewards.dtype)).triu()
    earned = torch.where(real, rewards, torch.zeros_like(rewards))
    return torch.where(real, nn.functional.linear(earned, weights), torch.zeros_like(rewards))


def interleave(returns, states, actions, times):
    """A6.7: four of (B, T, d) -> (B, 3T, d): R̂_1, s_1, a_1, R̂_2, …, each with the vector of its step."""
    step = torch.cat([x + times for x in (returns, states, actions)], dim=-1)  # (B, T, 3d)
    return step.reshape(len(step), -1, returns.shape[-1])


def interleaved_mask(real):
    """A6.7: (B, T) -> (B, 3T)."""
    return nn.functional.interpolate(real[:, None].float(), scale_factor=3, mode="nearest")[:, 0].bool()


def action_places(x):
    """A6.7: (B, 3T, d) -> (B, T, d), the vectors at the states."""
    return x.unflatten(1, (-1, 3)).select(2, 1)


@torch.no_grad()
def play(policy, step, state, asked, length, context):
    """A6.8: (B,), (B,) -> states, actions, rewards, (B, length) each; policy(returns, states, actions) -> logits."""
    returns, rewards = asked.new_zeros(2, len(asked), length)
    states, actions = state.new_zeros(2, len(state), length)
    active = torch.ones_like(state, dtype=torch.bool)
    for t in range(length):
        returns[:, t], states[:, t] = asked, state
        seen = slice(max(0, t + 1 - context), t + 1)
        best = torch.max(policy(returns[:, seen], states[:, seen], actions[:, seen]), dim=1).indices
        actions[active, t] = best[active]
        there, reward, done = step(state, best)
        rewards[active, t] = reward[active]
        asked, state = asked - rewards[:, t], there.where(active, state)
        active = active & ~done
    return states, actions, rewards
