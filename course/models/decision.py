"""Decision Transformer: to act well is to continue a trajectory that ends well.

A trajectory is a sequence of three tokens a step, (R̂_1, s_1, a_1, R̂_2, s_2, a_2, …): the return that is still to come,
the state, the action. A GPT reads it, and the vector at each *state* says the action that follows. Trained on what
others did, it is later asked for more than they got.

Source: Chen et al. 2021 (arXiv:2106.01345), §3 and algorithm 1. Read it beside `decision_transformer.py` of
kzl/decision-transformer and `modeling_decision_transformer.py` of huggingface/transformers, the same network.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor, nn

from course.models.attention import key_mask
from course.models.gpt import initialise
from course.models.transformer import Encoder

Returns = Float[Tensor, "batch steps"]
States = Num[Tensor, "batch steps *state"]  # numbers of states (B, T), or vectors (B, T, d)
Actions = Num[Tensor, "batch steps *action"]
Start = Num[Tensor, "batch *state"]
Steps = Int[Tensor, "batch steps"]
Mask = Bool[Tensor, "batch steps"]
Environment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def returns_to_go(rewards: Float[Tensor, "*batch steps"]) -> Float[Tensor, "*batch steps"]:
    """R̂_t = r_t + r_{t+1} + … + r_T, undiscounted: what was still to come when step t began (§3)."""
    return rewards.flip(-1).cumsum(dim=-1).flip(-1)


class DecisionTransformer(nn.Module):
    """From returns-to-go, states and actions to the action at each step. The defaults are the paper's for OpenAI Gym.

    Args:
        states, actions: how many there are, if `discrete`; else the sizes of their vectors.
        discrete: states and actions are numbers that are embedded, and the output is the logits of actions.
        conditioned: without, there are no returns: the same network clones whatever behaviour it was shown.
        timesteps: length of the longest episode; a vector is learned for each step.
        scale: returns are divided by it before they are embedded, so that they are about 1.
        d_model, heads, layers, dropout, activation: as in `GPT` and `Encoder`.
        bounded: actions that are vectors pass a tanh.

    Raises:
        ValueError: when it runs, returns are missing, or given to a network without; or there are more steps than
            `timesteps`.
    """

    def __init__(
        self,
        states: int,
        actions: int,
        *,
        discrete: bool = False,
        conditioned: bool = True,
        timesteps: int = 4096,
        scale: float = 1.0,
        d_model: int = 128,
        heads: int = 1,
        layers: int = 3,
        dropout: float = 0.1,
        activation: str = "relu",
        bounded: bool = True,
    ):
        super().__init__()
        embed = nn.Embedding if discrete else nn.Linear
        self.discrete, self.conditioned, self.scale = discrete, conditioned, scale
        self.returns = nn.Linear(1, d_model) if conditioned else None
        self.states = embed(states, d_model)
        self.actions = embed(actions, d_model)
        self.timesteps = nn.Embedding(timesteps, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)
        self.stack = Encoder(layers, d_model, heads, 4 * d_model, norm="pre", activation=activation, dropout=dropout)
        self.output = nn.Sequential(
            nn.Linear(d_model, actions), nn.Tanh() if bounded and not discrete else nn.Identity()
        )
        initialise(self, sublayers=2 * layers)

    def forward(
        self,
        returns: Returns | None,
        states: States,
        actions: Actions,
        timesteps: Steps | None = None,
        mask: Mask | None = None,
    ) -> Float[Tensor, "batch steps actions"]:
        """The action at each step: logits, or a vector. It knows the step's return and state, not yet its action.

        Args:
            returns: returns-to-go; None where the network is not conditioned.
            actions: that of the last step is read by nobody.
            timesteps: numbers of the steps in their episode, from 0; 0, 1, 2, … unless given.
            mask: True for steps, False for padding. Padding at the end is in everyone's future and needs none.
        """
        return self.output(self.read(returns, states, actions, timesteps, mask)[:, :, -2])  # (B, T, actions)

    def read(
        self,
        returns: Returns | None,
        states: States,
        actions: Actions,
        timesteps: Steps | None = None,
        mask: Mask | None = None,
    ) -> Float[Tensor, "batch steps kinds d_model"]:
        """The last layer's vectors at each step's return (if conditioned), state and action."""
        if (returns is not None) != self.conditioned:
            raise ValueError(f"this network is {'' if self.conditioned else 'not '}conditioned on returns")
        x = self.embed(returns, states, actions, timesteps)  # (B, T, 3, d_model)
        kinds = x.shape[2]
        if mask is not None:
            mask = mask.repeat_interleave(kinds, dim=1)  # (B, 3T)
        x = self.dropout(self.norm(x)).flatten(1, 2)  # (B, 3T, d_model): R̂_1, s_1, a_1, R̂_2, …
        return self.stack(x, key_mask(mask), causal=True).unflatten(1, (-1, kinds))  # (B, T, 3, d_model)

    def embed(
        self, returns: Returns | None, states: States, actions: Actions, timesteps: Steps | None = None
    ) -> Float[Tensor, "batch steps kinds d_model"]:
        """A vector for each token. The three of a step share the vector of their step: it is their only position."""
        steps = states.shape[1]
        if steps > self.timesteps.num_embeddings:
            raise ValueError(f"{steps} steps were given, and {self.timesteps.num_embeddings} are learned")
        if timesteps is None:
            timesteps = torch.arange(steps, device=states.device).expand(states.shape[:2])  # (B, T)
        tokens = [self.states(states), self.actions(actions)]
        if self.returns is not None:
            tokens.insert(0, self.returns(returns.unsqueeze(-1) / self.scale))
        return torch.stack(tokens, dim=2) + self.timesteps(timesteps).unsqueeze(2)  # (B, T, 3, d_model)

    def no_actions(self, batch: int, steps: int) -> Actions:
        """Zeros in the places of actions that are not chosen yet."""
        weight = self.output[0].weight
        if self.discrete:
            return torch.zeros(batch, steps, dtype=torch.long, device=weight.device)
        return weight.new_zeros(batch, steps, len(weight))


def action_loss(
    predicted: Float[Tensor, "batch steps actions"], actions: Actions, mask: Mask
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Cross-entropy of actions that are numbers, squared error of vectors (§3): summed over steps, and their number."""
    predicted, actions = predicted[mask], actions[mask]  # (real steps, …)
    if actions.is_floating_point():
        return F.mse_loss(predicted, actions, reduction="none").mean(dim=-1).sum(), mask.sum()
    return F.cross_entropy(predicted, actions, reduction="sum"), mask.sum()


# --- acting


class Episode(NamedTuple):
    """What was asked and done; a row for each episode."""

    returns: Returns  # what was still asked for when each step began
    states: States
    actions: Actions
    rewards: Returns
    end: Start  # the state behind the last step


@torch.no_grad()
def act(
    model: DecisionTransformer,
    environment: Environment,
    state: Start,
    wished: Float[Tensor, " batch"],
    *,
    steps: int,
    context: int | None = None,
    choose: Callable[[Tensor], Tensor] | None = None,
) -> Episode:
    """Let the model act and ask it for the return `wished`; what a step earned is asked for no more (algorithm 1).

    Args:
        environment: (state, action) -> (next state, reward), for all rows at once. An episode that is over stays
            where it is and earns nothing more.
        state, wished: where each episode starts, and the return that is asked of it.
        steps: how long to act.
        context: how many steps the model looks back, K in the paper; all unless given.
        choose: from the model's output (B, actions) to actions; unless given, the likeliest one, or the vector itself.
    """
    choose = choose or (greedy if model.discrete else torch.clone)
    returns, rewards = wished.new_zeros(2, len(wished), steps)  # (B, steps) each
    states = state.new_zeros(len(state), steps, *state.shape[1:])  # (B, steps, …)
    actions = model.no_actions(len(state), steps)  # (B, steps, …)
    for t in range(steps):
        returns[:, t], states[:, t] = wished, state
        seen = slice(max(0, t + 1 - (context or steps)), t + 1)
        asked = returns[:, seen] if model.conditioned else None
        timesteps = torch.arange(steps, device=state.device)[seen].expand(len(state), -1)  # (B, at most K)
        actions[:, t] = choose(model(asked, states[:, seen], actions[:, seen], timesteps)[:, -1])
        state, rewards[:, t] = environment(state, actions[:, t])
        wished = wished - rewards[:, t]
    return Episode(returns, states, actions, rewards, state)


def greedy(logits: Float[Tensor, "batch actions"]) -> Int[Tensor, " batch"]:
    """The likeliest action."""
    return logits.argmax(dim=-1)
