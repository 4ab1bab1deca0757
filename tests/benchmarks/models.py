"""How fast the models are, beside `torch.nn` and `transformers` of equal size: ratios of pairs taken in one run.

    python -m tests.benchmarks.models [--device cuda] [--pairs 30] [--threads 2] [--only transformer gpt bert]

1. A training step and an inference of the encoder–decoder against `nn.Transformer`, of GPT and BERT against
   `transformers`. A ratio is ours over theirs; beside its median stands a 95 % interval (bootstrap over the pairs).
2. 512 tokens from a GPT with the cache and without, and how the time grows with the length.
3. The memory that attention takes at one length and at four times that length.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from course.models.attention import attention, attention_weights, key_mask, padding_mask
from course.models.bert import Bert
from course.models.decoding import Prefix, generate, without_cache
from course.models.gpt import GPT
from course.models.transformer import Decoder, Encoder
from tests.support.memory import peak_of

D_MODEL, HEADS, D_FF, LAYERS, VOCAB = 256, 4, 1024, 3, 4000
BATCH, LENGTH = 8, 96
BAR = 1.05

Run = Callable[[], object]


# --- time in pairs


def seconds(run: Run, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def ratios(ours: Run, theirs: Run, pairs: int, device: torch.device) -> list[float]:
    """Ours over theirs, measured one after the other, who is first changing from pair to pair."""
    for run in (ours, theirs, ours, theirs):
        run()
    found = []
    for number in range(pairs):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        taken = {run: seconds(run, device) for run in order}
        found.append(taken[ours] / taken[theirs])
    return found


def interval(values: list[float], draws: int = 2000) -> tuple[float, float]:
    """95 % of the medians of samples drawn anew from these values."""
    picks = torch.randint(len(values), (draws, len(values)), generator=torch.Generator().manual_seed(0))
    medians = torch.tensor(values)[picks].quantile(0.5, dim=1)
    return medians.quantile(0.025).item(), medians.quantile(0.975).item()


def report(name: str, values: list[float]) -> bool:
    middle, (low, high) = statistics.median(values), interval(values)
    verdict = "ok" if middle <= BAR else f"above {BAR}"
    print(f"{name:46} ratio {middle:.3f}  [{low:.3f}, {high:.3f}]  {len(values)} pairs  {verdict}", flush=True)
    return middle <= BAR


def training_step(model: nn.Module, loss: Callable[[], torch.Tensor]) -> Run:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        model.train()
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def inference(model: nn.Module, output: Callable[[], object]) -> Run:
    @torch.no_grad()
    def run() -> None:
        model.eval()
        output()

    return run


def compare(name: str, ours: tuple, theirs: tuple, options: argparse.Namespace) -> list[bool]:
    """`ours` and `theirs` are (model, its output as a function, the loss of that output)."""
    results = []
    for kind, make in [
        ("training step", lambda model, output, loss: training_step(model, lambda: loss(output()))),
        ("inference", lambda model, output, loss: inference(model, output)),
    ]:
        values = ratios(make(*ours), make(*theirs), options.pairs, options.device)
        results.append(report(f"{name}, {kind}", values))
    return results


# --- what is compared


class EncoderDecoder(nn.Module):
    """The stacks without embeddings, as `nn.Transformer` is."""

    def __init__(self, dropout: float):
        super().__init__()
        sizes = {"d_model": D_MODEL, "heads": HEADS, "d_ff": D_FF, "dropout": dropout, "final_norm": True}
        self.encoder, self.decoder = Encoder(LAYERS, **sizes), Decoder(LAYERS, **sizes)

    def forward(self, source, target, mask):
        return self.decoder(target, self.encoder(source, key_mask(mask)), key_mask(mask))


def lengths(device: torch.device) -> torch.Tensor:
    return torch.linspace(LENGTH // 2, LENGTH, BATCH, device=device).long()


def transformer(options: argparse.Namespace) -> list[bool]:
    device, results = options.device, []
    source, target = (torch.randn(BATCH, LENGTH, D_MODEL, device=device) for _ in range(2))
    for name, mask in [("full", None), ("padded", padding_mask(lengths(device), LENGTH))]:
        ours = EncoderDecoder(options.dropout).to(device)
        theirs = nn.Transformer(D_MODEL, HEADS, LAYERS, LAYERS, D_FF, options.dropout, batch_first=True).to(device)
        hidden = None if mask is None else ~mask
        future = nn.Transformer.generate_square_subsequent_mask(LENGTH, device=device)

        def run_ours(model=ours, mask=mask):
            return model(source, target, mask)

        def run_theirs(model=theirs, hidden=hidden, future=future):
            masks = {"src_key_padding_mask": hidden, "memory_key_padding_mask": hidden}
            return model(source, target, tgt_mask=future, tgt_is_causal=True, **masks)

        def loss(y):
            return y.square().mean()

        results += compare(f"nn.Transformer, {name}", (ours, run_ours, loss), (theirs, run_theirs, loss), options)
    return results


def gpt(options: argparse.Namespace) -> list[bool]:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokens = torch.randint(VOCAB, (BATCH, LENGTH), device=options.device)
    ours = GPT(VOCAB, LENGTH, D_MODEL, HEADS, LAYERS, options.dropout).to(options.device)
    drop = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), options.dropout)
    sizes = {"vocab_size": VOCAB, "n_positions": LENGTH, "n_embd": D_MODEL, "n_layer": LAYERS, "n_head": HEADS}
    config = GPT2Config(use_cache=False, **sizes, **drop)
    theirs = GPT2LMHeadModel(config).to(options.device)

    def loss(logits):
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    return compare(
        "transformers, GPT-2",
        (ours, lambda: ours(tokens), loss),
        (theirs, lambda: theirs(tokens).logits, loss),
        options,
    )


def bert(options: argparse.Namespace) -> list[bool]:
    from transformers import BertConfig, BertModel

    tokens = torch.randint(VOCAB, (BATCH, LENGTH), device=options.device)
    results = []
    for name, mask in [("full", None), ("padded", padding_mask(lengths(options.device), LENGTH))]:
        ours = Bert(VOCAB, D_MODEL, HEADS, LAYERS, D_FF, LENGTH, dropout=options.dropout).to(options.device)
        drop = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), options.dropout)
        config = BertConfig(
            vocab_size=VOCAB,
            hidden_size=D_MODEL,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=D_FF,
            max_position_embeddings=LENGTH,
            **drop,
        )
        theirs = BertModel(config, add_pooling_layer=False).to(options.device)

        def run_ours(model=ours, mask=mask):
            return model(tokens, mask=mask)

        def run_theirs(model=theirs, mask=mask):
            return model(tokens, attention_mask=mask).last_hidden_state

        def loss(y):
            return y.square().mean()

        results += compare(f"transformers, BERT, {name}", (ours, run_ours, loss), (theirs, run_theirs, loss), options)
    return results


# --- the cache, and memory


def cache(options: argparse.Namespace) -> list[bool]:
    """Seconds for n tokens with the cache and without; the exponent is the slope between 128 and 512 tokens."""
    device = options.device
    model = GPT(VOCAB, 520, D_MODEL, HEADS, LAYERS, dropout=0.0).to(device).eval()
    first = torch.ones(1, dtype=torch.long, device=device)
    nothing = first[:, None][:, :0]

    def decode(n: int, cached: bool) -> float:
        step, state = (model.step, model.start(nothing)) if cached else (without_cache(model), Prefix(nothing))
        return seconds(lambda: generate(step, state, first, end=-1, max_length=n), device)

    decode(16, True)
    found = {(n, cached): [] for n in (128, 256, 512) for cached in (True, False)}
    for _ in range(options.rounds):
        for n, cached in found:
            found[n, cached].append(decode(n, cached))
    for (n, cached), values in found.items():
        middle = statistics.median(values)
        spread = f"from {min(values):.2f} to {max(values):.2f}"
        print(f"{n} tokens {'with' if cached else 'without'} the cache: {middle:.2f} s ({spread})", flush=True)
    middle = {key: statistics.median(values) for key, values in found.items()}
    slope = {c: (middle[512, c] / middle[128, c]) for c in (True, False)}
    faster = middle[512, False] / middle[512, True]
    print(f"four times the tokens take {slope[True]:.2f} times as long with the cache, {slope[False]:.2f} without")
    print(f"512 tokens: {faster:.1f} times as fast with the cache")
    return [slope[True] < 5, faster >= 5]


def memory(options: argparse.Namespace) -> list[bool]:
    """Peak bytes of attention over 2 heads of 32, forward and backward, at two lengths."""

    def run(T: int, weights: bool) -> Run:
        Q, K, V = (torch.randn(1, 2, T, 32, requires_grad=True) for _ in range(3))
        return (
            (lambda: attention_weights(Q, K)) if weights else (lambda: attention(Q, K, V, causal=True).sum().backward())
        )

    results = []
    for name, weights, bar in [("fused", False, 5.0), ("weights asked for", True, None)]:
        small, large = (peak_of(run(T, weights)) for T in (1024, 4096))
        print(
            f"memory, {name}: {small / 1e6:.1f} MB at 1,024, {large / 1e6:.1f} MB at 4,096 ({large / small:.1f} times)"
        )
        results += [large / small < bar] if bar else []
    return results


PARTS = {"transformer": transformer, "gpt": gpt, "bert": bert, "cache": cache, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--pairs", type=int, default=30, help="pairs of measurements behind each ratio")
    parser.add_argument("--rounds", type=int, default=3, help="times that each length is decoded")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--dropout", type=float, default=0.0, help="in both models; dropout is slow on a CPU, for both alike"
    )
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    name = torch.cuda.get_device_name() if options.device.type == "cuda" else f"{options.threads} CPU threads"
    sizes = f"d_model {D_MODEL}, {HEADS} heads, d_ff {D_FF}, {LAYERS} layers, batch {BATCH} × {LENGTH}"
    print(f"{name}, torch {torch.__version__}; {sizes}")
    held = [ok for part in options.only for ok in PARTS[part](options)]
    raise SystemExit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
