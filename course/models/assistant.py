"""From a GPT, which continues text, to an assistant, which answers: what ChatGPT adds.

Two more trainings, both on dialogues. First imitation: the same loss as before, on people's good answers, and only on
the assistant's own tokens (Ouyang et al. 2022, arXiv:2203.02155, §3.5, "supervised fine-tuning"). Then preference:
of two answers, people said which is better, and the model learns to prefer it too.

ChatGPT itself learned the second part with a reward model, trained on those preferences, and reinforcement learning
against it (PPO; §3.5 of the same paper). Here it is direct preference optimisation, which has the same optimum without
either of the two (Rafailov et al. 2023, arXiv:2305.18290, §4).
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.gpt import GPT

Logits = Float[Tensor, "batch time vocab"]
Targets = Int[Tensor, "batch time"]
AnswerMask = Bool[Tensor, "batch time"]
Chosen = tuple[Int[Tensor, "rows chosen"], Int[Tensor, "rows chosen"], Bool[Tensor, "rows chosen"]]
Rejected = tuple[Int[Tensor, "rows rejected"], Int[Tensor, "rows rejected"], Bool[Tensor, "rows rejected"]]


def answer_log_probability(logits: Logits, targets: Targets, answer_mask: AnswerMask) -> Float[Tensor, " batch"]:
    """log p(answer | what stands before it), in nats: the sum over the answer's tokens.

    Args:
        logits: of the token that follows each position, as a GPT gives them for its input.
        targets: the input moved by one: the token that does follow.
        answer_mask: True where the target is the assistant's, its end token included.
    """
    log_p = F.log_softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    return log_p.masked_fill(~answer_mask, 0.0).sum(dim=-1)  # (B,)


def dialogue_loss(
    logits: Logits, targets: Targets, answer_mask: AnswerMask
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Imitate the assistant, not the user: sum of the cross-entropies of the answers' tokens, and their number."""
    return -answer_log_probability(logits, targets, answer_mask).sum(), answer_mask.sum()


def frozen_copy(model: nn.Module) -> nn.Module:
    """The model as it is now, for good: without gradients or dropout. The reference of `preference_loss`."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def preference_margin(
    model: nn.Module, reference: nn.Module, chosen: Chosen, rejected: Rejected
) -> Float[Tensor, " rows"]:
    """How much more than the reference the model prefers the chosen answer to the rejected one, in nats.

    Times β it is the difference of the two answers' rewards that the model implies (Rafailov et al., equation 5).
    Positive where the model has learned people's choice.

    Args:
        model, reference: from tokens to logits.
        chosen, rejected: input, targets and answer mask each. Both have the same questions in the same order; one
            may be longer than the other.
    """

    def gained(tokens: Tensor, targets: Tensor, answer_mask: Tensor) -> Tensor:
        with torch.no_grad():
            before = answer_log_probability(reference(tokens), targets, answer_mask)
        return answer_log_probability(model(tokens), targets, answer_mask) - before

    return gained(*chosen) - gained(*rejected)


def preference_loss(
    model: nn.Module, reference: nn.Module, chosen: Chosen, rejected: Rejected, beta: float = 0.1
) -> tuple[Float[Tensor, ""], int]:
    """Direct preference optimisation: -log σ(β · margin), summed over the pairs, and their number.

    Only the difference counts, so both answers may become less likely while it grows, in favour of text that nobody
    wrote (Pal et al. 2024, arXiv:2402.13228). Small models do so at once. Imitating the chosen answers at the same
    time, with `dialogue_loss`, prevents it.

    Source: Rafailov et al. 2023, equation 7.

    Args:
        model, reference: the reference is `frozen_copy(model)` from before this training.
        chosen, rejected: as in `preference_margin`.
        beta: the larger, the closer the model stays to the reference.

    Raises:
        ValueError: beta is not positive.
    """
    if beta <= 0:
        raise ValueError(f"beta is positive, not {beta}")
    margin = preference_margin(model, reference, chosen, rejected)
    return -F.logsigmoid(beta * margin).sum(), len(margin)


def reply(
    gpt: GPT, prompt: list[int], end: int, max_length: int = 100, choose: Callable[[Tensor], Tensor] | None = None
) -> list[int]:
    """What the assistant says next: tokens behind a dialogue up to the end token, which is left out.

    Args:
        gpt: in eval mode; else dropout disturbs it.
        prompt: the dialogue so far, up to the token with which the assistant's turn begins.
        end: the token that ends a turn.
        max_length: most tokens to write; they are fewer where the context ends before.
        choose: from logits to tokens, for instance `decoding.sampler(…)`; the most likely one unless given.

    Raises:
        ValueError: the dialogue is empty or longer than the context.
    """
    tokens = torch.tensor([prompt], dtype=torch.long, device=gpt.tokens.weight.device)  # (B=1, L)
    options = {} if choose is None else {"choose": choose}
    written = gpt.complete(tokens, end=end, max_length=max_length, **options)[0].tolist()
    return written[:-1] if written[-1:] == [end] else written
