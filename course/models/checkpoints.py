"""Weights that others trained, in this course's models, and back: transformers' GPT-2 and BERT, and PyTorch's layers.

A table for each says what they call a tensor and what it is called here. In its names

    {path}   is a part that both sides may have in front; each table says which,
    {layer}  is a layer's number,
    {kind}   is weight or bias,
    {part}   is Q, K or V: they keep the three in one tensor, stacked along the output axis.

Sources: `modeling_gpt2.py` and `modeling_bert.py` of huggingface/transformers, `torch/nn/modules/transformer.py`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from course.errors import CourseError
from course.models.bert import Bert
from course.models.gpt import GPT

StateDict = dict[str, Tensor]


# --- names


class Rule(NamedTuple):
    """What they call a tensor, and what it is called here."""

    theirs: str
    ours: str
    transposed: bool = False  # their matrix is (in, out), for x W; `nn.Linear` keeps (out, in), for x Wᵀ


@dataclass(frozen=True)
class Names:
    """Translates state dicts, or gradients by the same names, between them and us.

    Attributes:
        rules: the table; the first rule that fits a name counts.
        path: pattern of `{path}`.
        optional: a text in their names that may be missing.
        renamed: endings of their older names -> what they are now.
        dropped: pattern of their names that hold nothing learned.
        tied: their names for a tensor that they keep twice -> the name that counts.
    """

    rules: list[Rule]
    path: str = ""
    optional: str = ""
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: str | None = None
    tied: dict[str, str] = field(default_factory=dict)

    def to_ours(self, theirs: StateDict) -> StateDict:
        """The same tensors under our names. They share no memory with `theirs`.

        Raises:
            CourseError: no rule fits a name, Q, K and V cannot be told apart, or two tied tensors differ.
        """
        ours = {}
        for name, value in self._learned_once(theirs):
            rule, found = self._rule_for(name, "theirs")
            value = value.T if rule.transposed and value.ndim == 2 else value
            pieces = {"": value}
            if "{part}" in rule.ours:
                if value.ndim == 0 or len(value) % 3:
                    raise CourseError(f"{name} does not fall into Q, K and V: its shape is {tuple(value.shape)}")
                pieces = dict(zip("QKV", value.tensor_split(3), strict=True))
            for part, piece in pieces.items():
                ours[rule.ours.format(**found, part=part)] = piece.clone(memory_format=torch.contiguous_format)
        return ours

    def to_theirs(self, ours: StateDict) -> StateDict:
        """The same tensors under their names; a tied one is there once. They share no memory with `ours`.

        Raises:
            CourseError: no rule fits a name, or not all of Q, K and V are there.
        """
        pieces: dict[tuple[str, Rule], StateDict] = {}
        for name, value in ours.items():
            rule, found = self._rule_for(name, "ours")
            pieces.setdefault((rule.theirs.format(**found), rule), {})[found.get("part", "")] = value
        theirs = {}
        for (name, rule), parts in pieces.items():
            order = "QKV" if "{part}" in rule.ours else [""]
            if missing := [part for part in order if part not in parts]:
                raise CourseError(f"{name} is made of Q, K and V, and {' and '.join(missing)} is missing")
            whole = torch.cat([parts[part] for part in order]) if len(order) > 1 else parts[""].clone()
            theirs[name] = (whole.T if rule.transposed and whole.ndim == 2 else whole).contiguous()
        return theirs

    def _learned_once(self, theirs: StateDict) -> Iterator[tuple[str, Tensor]]:
        """Their tensors without what is not learned and without twins, under the names of today."""
        for name, value in theirs.items():
            twin = self.tied.get(name)
            if twin in theirs:
                if not torch.equal(value, theirs[twin]):
                    raise CourseError(f"{name} differs from {twin}; here the two are one tensor")
            elif self.dropped is None or not re.search(self.dropped, name):
                for old, new in self.renamed.items():
                    name = name.removesuffix(old) + new if name.endswith(old) else name
                yield name, value

    def _rule_for(self, name: str, side: str) -> tuple[Rule, dict[str, str]]:
        """The first rule that fits a name of that side, and what its placeholders stand for."""
        placeholders = {"path": self.path, "layer": r"\d+", "kind": "weight|bias", "part": "[QKV]"}
        for rule in self.rules:
            pattern = re.escape(getattr(rule, side))
            if self.optional:
                pattern = pattern.replace(re.escape(self.optional), f"(?:{re.escape(self.optional)})?")
            for key, value in placeholders.items():
                pattern = pattern.replace(re.escape("{" + key + "}"), f"(?P<{key}>{value})")
            if match := re.fullmatch(pattern, name):
                return rule, match.groupdict()
        raise CourseError(f"{name} is the name of no tensor that is known here")


GPT2 = Names(
    [
        Rule("transformer.wte.weight", "tokens.weight"),
        Rule("transformer.wpe.weight", "positions.embedding.weight"),
        Rule("transformer.h.{layer}.ln_1.{kind}", "stack.layers.{layer}.residuals.0.norm.{kind}"),
        Rule("transformer.h.{layer}.attn.c_attn.{kind}", "stack.layers.{layer}.self_attention.W_{part}.{kind}", True),
        Rule("transformer.h.{layer}.attn.c_proj.{kind}", "stack.layers.{layer}.self_attention.W_O.{kind}", True),
        Rule("transformer.h.{layer}.ln_2.{kind}", "stack.layers.{layer}.residuals.1.norm.{kind}"),
        Rule("transformer.h.{layer}.mlp.c_fc.{kind}", "stack.layers.{layer}.feed_forward.0.{kind}", True),
        Rule("transformer.h.{layer}.mlp.c_proj.{kind}", "stack.layers.{layer}.feed_forward.2.{kind}", True),
        Rule("transformer.ln_f.{kind}", "stack.norm.{kind}"),
    ],
    optional="transformer.",
    dropped=r"\.attn\.(masked_)?bias$",  # older files keep the causal mask
    tied={"lm_head.weight": "transformer.wte.weight"},
)

_BERT_LAYER, _OUR_LAYER = "{path}encoder.layer.{layer}", "{path}encoder.layers.{layer}"
BERT = Names(
    [
        Rule("{path}embeddings.word_embeddings.weight", "{path}tokens.weight"),
        Rule("{path}embeddings.position_embeddings.weight", "{path}positions.embedding.weight"),
        Rule("{path}embeddings.token_type_embeddings.weight", "{path}segments.weight"),
        Rule("{path}embeddings.LayerNorm.{kind}", "{path}norm.{kind}"),
        Rule(f"{_BERT_LAYER}.attention.self.query.{{kind}}", f"{_OUR_LAYER}.self_attention.W_Q.{{kind}}"),
        Rule(f"{_BERT_LAYER}.attention.self.key.{{kind}}", f"{_OUR_LAYER}.self_attention.W_K.{{kind}}"),
        Rule(f"{_BERT_LAYER}.attention.self.value.{{kind}}", f"{_OUR_LAYER}.self_attention.W_V.{{kind}}"),
        Rule(f"{_BERT_LAYER}.attention.output.dense.{{kind}}", f"{_OUR_LAYER}.self_attention.W_O.{{kind}}"),
        Rule(f"{_BERT_LAYER}.attention.output.LayerNorm.{{kind}}", f"{_OUR_LAYER}.residuals.0.norm.{{kind}}"),
        Rule(f"{_BERT_LAYER}.intermediate.dense.{{kind}}", f"{_OUR_LAYER}.feed_forward.0.{{kind}}"),
        Rule(f"{_BERT_LAYER}.output.dense.{{kind}}", f"{_OUR_LAYER}.feed_forward.2.{{kind}}"),
        Rule(f"{_BERT_LAYER}.output.LayerNorm.{{kind}}", f"{_OUR_LAYER}.residuals.1.norm.{{kind}}"),
        Rule("{path}pooler.dense.{kind}", "{path}pooler.{kind}"),
        # the heads: BertForPreTraining is our BertPretraining, BertForSequenceClassification our BertClassifier
        Rule("cls.predictions.transform.dense.{kind}", "transform.0.{kind}"),
        Rule("cls.predictions.transform.LayerNorm.{kind}", "transform.2.{kind}"),
        Rule("cls.predictions.bias", "bias"),
        Rule("cls.seq_relationship.{kind}", "next_sentence.{kind}"),
        Rule("classifier.{kind}", "output.{kind}"),
    ],
    path=r"(?:bert\.)?",  # in models with a head
    renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},  # Google's, in the first files
    dropped=r"embeddings\.position_ids$",  # 0, 1, 2, …
    tied={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)

TORCH = Names(
    [
        Rule("{path}self_attn.in_proj_{kind}", "{path}self_attention.W_{part}.{kind}"),
        Rule("{path}self_attn.out_proj.{kind}", "{path}self_attention.W_O.{kind}"),
        Rule("{path}multihead_attn.in_proj_{kind}", "{path}cross_attention.W_{part}.{kind}"),
        Rule("{path}multihead_attn.out_proj.{kind}", "{path}cross_attention.W_O.{kind}"),
        Rule("{path}linear1.{kind}", "{path}feed_forward.0.{kind}"),
        Rule("{path}linear2.{kind}", "{path}feed_forward.2.{kind}"),
        Rule("{path}norm1.{kind}", "{path}residuals.0.norm.{kind}"),
        Rule("{path}norm2.{kind}", "{path}residuals.1.norm.{kind}"),
        Rule("{path}norm3.{kind}", "{path}residuals.2.norm.{kind}"),
        Rule("{path}norm.{kind}", "{path}norm.{kind}"),  # at the end of a stack
        Rule("in_proj_{kind}", "W_{part}.{kind}"),  # nn.MultiheadAttention by itself
        Rule("out_proj.{kind}", "W_O.{kind}"),
    ],
    path=r"(?:(?:encoder|decoder)\.)?(?:layers\.\d+\.)?",
)


def from_torch(state: StateDict) -> StateDict:
    """Our names for the weights of `nn.MultiheadAttention`, `nn.Transformer` and its encoder, decoder and layers.

    A whole `nn.Transformer` has no embeddings and no output: load it with `strict=False`, or its two stacks one by one.

    Raises:
        CourseError: as in `Names.to_ours`.
    """
    return TORCH.to_ours(state)


def to_torch(state: StateDict) -> StateDict:
    """PyTorch's names for the weights of our `MultiHeadAttention`, `Encoder`, `Decoder` and their layers.

    Raises:
        CourseError: as in `Names.to_theirs`.
    """
    return TORCH.to_theirs(state)


# --- folders that transformers' `save_pretrained` writes and `from_pretrained` reads


class Size(NamedTuple):
    """An argument of our model, the settings that say it (the first is read), and where a model has it."""

    argument: str
    settings: list[str]
    of: Callable[[nn.Module], int | float]


@dataclass(frozen=True)
class Kind:
    """How a model is described in config.json. `fixed` are settings -> the values that are built here.

    The first of these values is what a missing setting means, and what is written.
    """

    build: type[nn.Module]
    architecture: str
    names: Names
    sizes: list[Size]
    fixed: dict[str, list]


_GPT2 = Kind(
    GPT,
    "GPT2LMHeadModel",
    GPT2,
    [
        Size("vocab", ["vocab_size"], lambda gpt: gpt.tokens.num_embeddings),
        Size("context", ["n_positions"], lambda gpt: gpt.context),
        Size("d_model", ["n_embd"], lambda gpt: gpt.tokens.embedding_dim),
        Size("heads", ["n_head"], lambda gpt: gpt.stack.layers[0].self_attention.heads),
        Size("layers", ["n_layer"], lambda gpt: len(gpt.stack.layers)),
        Size("dropout", ["resid_pdrop", "embd_pdrop", "attn_pdrop"], lambda gpt: gpt.dropout.p),
    ],
    {
        "model_type": ["gpt2"],
        "activation_function": ["gelu_new", "gelu_pytorch_tanh"],  # two names of one function
        "layer_norm_epsilon": [1e-5],
        "scale_attn_weights": [True],
        "scale_attn_by_inverse_layer_idx": [False],
        "add_cross_attention": [False],
        "tie_word_embeddings": [True],
    },
)

_BERT = Kind(
    Bert,
    "BertModel",
    BERT,
    [
        Size("vocab", ["vocab_size"], lambda bert: bert.tokens.num_embeddings),
        Size("d_model", ["hidden_size"], lambda bert: bert.tokens.embedding_dim),
        Size("heads", ["num_attention_heads"], lambda bert: bert.encoder.layers[0].self_attention.heads),
        Size("layers", ["num_hidden_layers"], lambda bert: len(bert.encoder.layers)),
        Size("d_ff", ["intermediate_size"], lambda bert: bert.encoder.layers[0].feed_forward[0].out_features),
        Size("max_length", ["max_position_embeddings"], lambda bert: bert.positions.embedding.num_embeddings),
        Size("segments", ["type_vocab_size"], lambda bert: bert.segments.num_embeddings),
        Size("dropout", ["hidden_dropout_prob", "attention_probs_dropout_prob"], lambda bert: bert.dropout.p),
        Size("eps", ["layer_norm_eps"], lambda bert: bert.norm.eps),
    ],
    {
        "model_type": ["bert"],
        "hidden_act": ["gelu"],
        "position_embedding_type": ["absolute"],
        "is_decoder": [False],
        "add_cross_attention": [False],
        "tie_word_embeddings": [True],
    },
)


def load_gpt2(folder: Path | str) -> GPT:
    """A GPT-2 from config.json and model.safetensors, in eval mode and in the file's own precision.

    Raises:
        CourseError: a file is missing or damaged, the two do not fit, or they describe what is not built here.
    """
    return _load(_GPT2, Path(folder))


def load_bert(folder: Path | str) -> Bert:
    """A BERT from config.json and model.safetensors, in eval mode and in the file's own precision, without its heads.

    Raises:
        CourseError: as in `load_gpt2`.
    """
    return _load(_BERT, Path(folder))


def save_gpt2(model: GPT, folder: Path | str) -> None:
    """Write what `load_gpt2` and `transformers.AutoModelForCausalLM.from_pretrained` read."""
    _save(_GPT2, model, Path(folder))


def save_bert(model: Bert, folder: Path | str) -> None:
    """Write what `load_bert` and `transformers.AutoModel.from_pretrained` read."""
    _save(_BERT, model, Path(folder))


def _load(kind: Kind, folder: Path) -> nn.Module:
    config = _read(folder / "config.json")
    for setting, values in kind.fixed.items():
        if config.get(setting, values[0]) not in values:
            wanted = " or ".join(map(repr, values))
            raise CourseError(f"{folder}: only {setting} = {wanted} is built here, not {config[setting]!r}")
    try:
        with torch.device("meta"):  # no memory and no time for weights that are replaced
            model = kind.build(**{size.argument: config[size.settings[0]] for size in kind.sizes})
    except KeyError as error:
        raise CourseError(f"{folder / 'config.json'} does not say {error}") from error
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise CourseError(f"{folder / 'config.json'} describes no model: {str(error).splitlines()[0]}") from error
    weights = kind.names.to_ours(_read(folder / "model.safetensors"))
    body = {name.removeprefix("bert."): x for name, x in weights.items() if name.startswith("bert.")}
    weights = body or weights  # under a head the body's names have a part in front
    _demand_fit(kind.names, model, weights, folder)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _demand_fit(names: Names, model: nn.Module, weights: StateDict, folder: Path) -> None:
    """Names and shapes are those that config.json promises; what is wrong is called by their names."""
    promised, found = (
        names.to_theirs({name: x.to("meta") for name, x in state.items()}) for state in (model.state_dict(), weights)
    )
    if odd := sorted(promised.keys() ^ found.keys()):
        what = "is missing from" if odd[0] in promised else "does not belong into"
        raise CourseError(f"{folder}: {odd[0]} {what} model.safetensors, going by config.json")
    for name, x in found.items():
        if x.shape != promised[name].shape or not x.is_floating_point():
            wanted, got = tuple(promised[name].shape), f"{tuple(x.shape)} of {x.dtype}"
            raise CourseError(f"{folder}: {name} is {got}, and config.json speaks of {wanted} floats")


def _read(path: Path) -> dict[str, Any]:
    """The settings of a .json file, or the tensors of a .safetensors file."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise CourseError(f"{path} is not there: a checkpoint is a folder that `save_pretrained` wrote") from error
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise CourseError(f"{path} is damaged ({error}): fetch it again") from error


def _save(kind: Kind, model: nn.Module, folder: Path) -> None:
    weights = {name: x.cpu() for name, x in kind.names.to_theirs(model.state_dict()).items()}
    dtype = str(model.tokens.weight.dtype).removeprefix("torch.")
    config = {"architectures": [kind.architecture], "dtype": dtype, "bos_token_id": None, "eos_token_id": None}
    config |= {setting: values[0] for setting, values in kind.fixed.items()}
    config |= {setting: size.of(model) for size in kind.sizes for setting in size.settings}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
