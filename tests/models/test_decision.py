"""The Decision Transformer of transformers, token by token, and what a policy may and may not know."""

import random
from types import SimpleNamespace

import pytest
import torch

from course import check
from course.models.checkpoints import GPT2, Names, Rule
from course.models.decision import DecisionTransformer, act, action_loss, returns_to_go
from tests.support.weights import shaken

SEEDS = range(3)

NAMES = Names(
    [
        *(
            Rule(r.theirs.replace("transformer.", "encoder."), r.ours, r.transposed)
            for r in GPT2.rules
            if ".h." in r.theirs
        ),
        Rule("encoder.ln_f.{kind}", "stack.norm.{kind}"),
        Rule("embed_return.{kind}", "returns.{kind}"),
        Rule("embed_state.{kind}", "states.{kind}"),
        Rule("embed_action.{kind}", "actions.{kind}"),
        Rule("embed_timestep.weight", "timesteps.weight"),
        Rule("embed_ln.{kind}", "norm.{kind}"),
        Rule("predict_action.0.{kind}", "output.0.{kind}"),
    ],
    dropped=r"encoder\.w[tp]e|predict_(state|return)",  # of these outputs the paper says that they did not help
)


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another."""
    draw = random.Random(seed)
    batch, heads, layers, steps, states, actions = draw.sample(range(2, 9), 6)
    d_model = heads * draw.choice([6, 10, 12])
    return SimpleNamespace(
        batch=batch,
        heads=heads,
        layers=layers,
        steps=steps,
        states=states,
        actions=actions,
        d_model=d_model,
        episode=23,
    )


def model_of(n: SimpleNamespace, seed: int, **options) -> DecisionTransformer:
    options = {"timesteps": n.episode, "d_model": n.d_model, "heads": n.heads, "layers": n.layers} | options
    return shaken(DecisionTransformer(n.states, n.actions, **options).double().eval(), seed)


def trajectories(n: SimpleNamespace, seed: int, discrete: bool = False) -> tuple[torch.Tensor, ...]:
    """Returns-to-go, states, actions, and the steps' numbers, which begin anywhere."""
    generator = torch.Generator().manual_seed(100 + seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(n.batch, n.steps, *shape, generator=generator, dtype=torch.float64)

    def numbers(below: int) -> torch.Tensor:
        return torch.randint(below, (n.batch, n.steps), generator=generator)

    states, actions = (numbers(n.states), numbers(n.actions)) if discrete else (drawn(n.states), drawn(n.actions))
    first = torch.randint(n.episode - n.steps, (n.batch, 1), generator=generator)
    return 3 * drawn(), states, actions, first + torch.arange(n.steps)


# --- the implementation of transformers


@pytest.fixture(params=SEEDS)
def pair(request, transformers):
    """Sizes, our model, and theirs with the same weights, in float64.

    Theirs says that it has no positions but those of the steps; yet it adds its GPT-2's position 0 to every token,
    behind the norm. Added to the norm's bias it is the same.
    """
    seed = request.param
    n = sizes(seed)
    config = transformers.DecisionTransformerConfig(
        state_dim=n.states,
        act_dim=n.actions,
        hidden_size=n.d_model,
        max_ep_len=n.episode,
        n_layer=n.layers,
        n_head=n.heads,
        action_tanh=seed != 1,
        activation_function=("relu", "gelu_new", "relu")[seed],
    )
    theirs = shaken(transformers.DecisionTransformerModel(config), seed)
    ours = model_of(n, seed, bounded=seed != 1, activation=("relu", "gelu_tanh", "relu")[seed])
    weights = NAMES.to_ours(theirs.state_dict())
    weights["norm.bias"] += theirs.encoder.wpe.weight[0].detach()
    ours.load_state_dict(weights)
    return seed, n, ours, theirs


def padding(n: SimpleNamespace, seed: int, side: str) -> torch.Tensor:
    """True for steps; every row has at least one, and one row has them all."""
    lengths = torch.randint(1, n.steps + 1, (n.batch, 1), generator=torch.Generator().manual_seed(seed))
    lengths[0], lengths[-1] = n.steps, 1
    mask = torch.arange(n.steps) < lengths
    return mask if side == "right" else mask.flip(1)


def ask_theirs(theirs, returns, states, actions, timesteps, mask):
    return theirs(
        states=states,
        actions=actions,
        returns_to_go=returns.unsqueeze(-1),
        timesteps=timesteps,
        attention_mask=mask.long(),
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_actions_tokens_and_gradients_are_those_of_transformers(pair, side: str):
    seed, n, ours, theirs = pair
    inputs, mask = trajectories(n, seed), padding(n, seed, side)
    expected = ask_theirs(theirs, *inputs, mask)
    found = ours(*inputs, mask)
    torch.testing.assert_close(found[mask], expected.action_preds[mask])
    tokens = expected.last_hidden_state.unflatten(1, (n.steps, 3))
    torch.testing.assert_close(ours.read(*inputs, mask)[mask], tokens[mask])

    direction = torch.randn(found[mask].shape, dtype=found.dtype, generator=torch.Generator().manual_seed(seed))
    for actions in (found, expected.action_preds):
        (actions[mask] * direction).sum().backward()
    gradients = NAMES.to_theirs({name: p.grad for name, p in ours.named_parameters()})
    learned = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    torch.testing.assert_close(learned.pop("encoder.wpe.weight")[0], gradients["embed_ln.bias"])
    assert gradients.keys() == learned.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, learned[name], msg=lambda text, name=name: f"{name}: {text}")


def test_what_their_other_two_outputs_read_is_here(pair):
    """Next state and next return are linear in the vector at the action: what the paper tried and left out."""
    seed, n, ours, theirs = pair
    inputs = trajectories(n, seed)
    expected = ask_theirs(theirs, *inputs, torch.ones(n.batch, n.steps))
    at_action = ours.read(*inputs)[:, :, 2]
    torch.testing.assert_close(theirs.predict_state(at_action), expected.state_preds)
    torch.testing.assert_close(theirs.predict_return(at_action), expected.return_preds)


def test_dropout_falls_where_that_of_transformers_falls(pair):
    seed, n, ours, theirs = pair
    inputs = trajectories(n, seed)
    quiet, outputs = ours(*inputs), []
    for model, ask in ((ours, ours), (theirs, lambda *x: ask_theirs(theirs, *x, torch.ones(n.batch, n.steps)))):
        model.train()
        torch.manual_seed(seed)
        outputs.append(ask(*inputs))
    torch.testing.assert_close(outputs[0], outputs[1].action_preds)
    assert not torch.allclose(outputs[0], quiet)


def test_published_sizes_and_fresh_weights(transformers):
    ours = DecisionTransformer(17, 4)  # the defaults of both: the paper's for OpenAI Gym
    theirs = transformers.DecisionTransformerModel(transformers.DecisionTransformerConfig())
    assert ours.state_dict().keys() == NAMES.to_ours(theirs.state_dict()).keys()
    for name, weight in NAMES.to_theirs(ours.state_dict()).items():
        assert weight.shape == theirs.state_dict()[name].shape
        if weight.ndim == 2 and weight.numel() > 10_000:
            assert weight.std().item() == pytest.approx(theirs.state_dict()[name].std().item(), rel=0.05), name


# --- who knows what


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_an_action_knows_its_return_and_state_and_the_past_alone(seed: int, discrete: bool):
    n = sizes(seed)
    model, (returns, states, actions, steps) = model_of(n, seed, discrete=discrete), trajectories(n, seed, discrete)
    t = random.Random(seed).randrange(n.steps)
    before = model(returns, states, actions, steps)

    def moved_by(kind: str) -> torch.Tensor:
        """For each step how far its action moves when return, state or action of step t is another."""
        changed = {"returns": returns.clone(), "states": states.clone(), "actions": actions.clone()}
        size = {"states": n.states, "actions": n.actions}.get(kind)
        changed[kind][:, t] = (changed[kind][:, t] + 1) % size if discrete and size else changed[kind][:, t] + 1.7
        return (model(**changed, timesteps=steps) - before).abs().amax(dim=(0, 2))

    for kind, first in (("returns", t), ("states", t), ("actions", t + 1)):
        moved = moved_by(kind)
        assert (moved[:first] < 1e-12).all() and (moved[first:] > 1e-6).all(), kind


@pytest.mark.parametrize("discrete", [False, True])
@torch.no_grad()
def test_padding_changes_nothing_and_needs_no_mask_at_the_end(discrete: bool):
    n = sizes(3)
    model, inputs = model_of(n, 3, discrete=discrete), trajectories(n, 3, discrete)
    mask = padding(n, 3, "right")
    other = [x.clone() for x in inputs]
    for x in other:
        x[~mask] = x[~mask].flip(0)
    expected = model(*inputs, mask)
    torch.testing.assert_close(model(*other, mask)[mask], expected[mask])
    torch.testing.assert_close(model(*other)[mask], expected[mask])


@torch.no_grad()
def test_steps_are_told_apart_by_their_number_alone():
    n = sizes(4)
    model, (returns, states, actions, _) = model_of(n, 4), trajectories(n, 4)
    numbers = torch.arange(n.steps).expand(n.batch, -1)
    torch.testing.assert_close(model(returns, states, actions), model(returns, states, actions, numbers))
    assert (model(returns, states, actions) - model(returns, states, actions, numbers + 1)).abs().min() > 1e-9
    with pytest.raises(IndexError):
        model(returns, states, actions, numbers + n.episode)
    with pytest.raises(ValueError, match="steps were given, and 2 are learned"):
        model_of(n, 4, timesteps=2)(returns, states, actions)


@torch.no_grad()
def test_without_returns_it_clones_behaviour():
    n = sizes(1)
    model, (returns, states, actions, steps) = model_of(n, 1, conditioned=False), trajectories(n, 1)
    assert model.read(None, states, actions, steps).shape == (n.batch, n.steps, 2, n.d_model)
    before = model(None, states, actions, steps)
    later = actions.clone()
    later[:, -1] += 1  # the last action is in nobody's past
    torch.testing.assert_close(model(None, states, later, steps), before)
    assert not any(name.startswith("returns") for name, _ in model.named_parameters())
    with pytest.raises(ValueError, match="not conditioned"):
        model(returns, states, actions, steps)
    with pytest.raises(ValueError, match="is conditioned"):
        model_of(n, 1)(None, states, actions, steps)


# --- returns, losses


def test_returns_to_go_are_sums_of_what_is_still_to_come():
    rewards = torch.tensor([[1.0, -2.0, 0.5, 4.0], [0.0, 0.0, 0.0, 7.0]])
    slow = torch.tensor([[sum(row[t:]) for t in range(4)] for row in rewards.tolist()])
    torch.testing.assert_close(returns_to_go(rewards), slow)
    torch.testing.assert_close(returns_to_go(rewards)[:, :-1] - returns_to_go(rewards)[:, 1:], rewards[:, :-1])


def test_losses_are_means_over_real_steps():
    logits = torch.randn(2, 3, 5, dtype=torch.float64)
    actions, mask = torch.tensor([[0, 4, 2], [1, 1, 3]]), torch.tensor([[True, True, False], [True, False, False]])
    total, count = action_loss(logits, actions, mask)
    real = [(0, 0), (0, 1), (1, 0)]
    torch.testing.assert_close(total, -sum(logits[b, t].log_softmax(-1)[actions[b, t]] for b, t in real))
    assert count == 3
    wished = torch.randn(2, 3, 5, dtype=torch.float64)
    total, count = action_loss(logits, wished, mask)
    torch.testing.assert_close(total, sum(((logits[b, t] - wished[b, t]) ** 2).mean() for b, t in real))
    assert count == 3


# --- acting


def corridor(state: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Places 0 to 6: action 1 goes on, any other stays. A step costs more the further one is; at 6 it is over."""
    reward = -(state + 1.0).double() * (state < 6)
    return torch.where((action == 1) & (state < 6), state + 1, state), reward


@pytest.mark.parametrize("context", [1, 3, None])
@torch.no_grad()
def test_acting_is_the_loop_of_the_paper(context: int | None):
    n = SimpleNamespace(states=7, actions=3, d_model=12, heads=2, layers=2, episode=9)
    model = model_of(n, 5, discrete=True)
    start, wished = torch.tensor([0, 4, 2, 6]), torch.tensor([-20.0, -11.0, 3.0, 0.0], dtype=torch.float64)
    found = act(model, corridor, start, wished, steps=8, context=context)
    for row in range(4):
        state, asked, history = start[row : row + 1], wished[row], []
        for t in range(8):
            history.append([asked, state, torch.tensor([0]), t])
            window = history[-(context or 8) :]
            returns, states, actions, steps = zip(*window, strict=True)
            logits = model(
                torch.stack(returns)[None], torch.stack(states, 1), torch.stack(actions, 1), torch.tensor([steps])
            )[:, -1]
            action = logits.argmax(-1)
            history[-1][2] = action
            assert found.actions[row, t] == action and found.states[row, t] == state
            torch.testing.assert_close(found.returns[row, t], asked)
            state, reward = corridor(state, action)
            assert found.rewards[row, t] == reward[0]
            asked = asked - reward[0]
        assert found.end[row] == state


def test_actions_that_are_vectors_are_done_as_they_come_and_nothing_is_learned():
    n = sizes(2)
    model = model_of(n, 2)
    seen = []

    def drift(state: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(action.requires_grad)
        return state + action.sum(-1, keepdim=True), action[:, 0]

    start = torch.randn(n.batch, n.states, dtype=torch.float64)
    found = act(model, drift, start, torch.ones(n.batch, dtype=torch.float64), steps=4)
    again = model(*found[:3])
    torch.testing.assert_close(found.actions, again)
    torch.testing.assert_close(found.returns[:, 0] - found.rewards[:, :3].cumsum(1)[:, 2], found.returns[:, 3])
    assert seen == [False] * 4


def test_how_to_choose_is_the_callers():
    n = SimpleNamespace(states=7, actions=3, d_model=12, heads=2, layers=2, episode=9)
    model, never = model_of(n, 5, discrete=True), lambda logits: torch.full((len(logits),), 2)
    found = act(model, corridor, torch.zeros(2, dtype=torch.long), torch.zeros(2).double(), steps=3, choose=never)
    assert (found.actions == 2).all() and (found.end == 0).all() and (found.rewards == -1).all()


@pytest.mark.parametrize("discrete", [False, True])
def test_it_runs_on_any_device(discrete: bool):
    n = sizes(0)
    model, inputs = model_of(n, 0, discrete=discrete).float(), trajectories(n, 0, discrete)
    returns, states, actions, steps = (x.float() if x.is_floating_point() else x for x in inputs)
    for arguments in ((returns, states, actions), (returns, states, actions, steps, padding(n, 0, "left"))):
        check.runs_on_any_device(model, *arguments, expected=model(*arguments))


def test_it_acts_on_any_device():
    n = SimpleNamespace(states=7, actions=3, d_model=12, heads=2, layers=1, episode=9)
    model = model_of(n, 5, discrete=True).float()

    def done(model, start, wished):
        episode = act(model, lambda s, a: (s, wished.new_zeros(len(s)) + s), start, wished, steps=5, context=2)
        return episode.actions, episode.returns

    arguments = torch.tensor([0, 4, 2]), torch.tensor([-20.0, -11.0, 3.0])
    check.runs_on_any_device(done, model, *arguments, expected=done(model, *arguments))
