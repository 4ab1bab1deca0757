"""What others wrote loads here and agrees, what is written here loads there, or one line says why not."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from course.errors import CourseError
from course.models.bert import Bert, BertPretraining
from course.models.checkpoints import (
    BERT,
    GPT2,
    from_torch,
    load_bert,
    load_gpt2,
    save_bert,
    save_gpt2,
    to_torch,
)
from course.models.gpt import GPT
from course.models.multi_head import MultiHeadAttention
from course.models.transformer import Decoder, DecoderLayer, Encoder, EncoderLayer, Transformer
from tests.support.weights import shaken

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


def gpt() -> GPT:
    return shaken(GPT(vocab=23, context=11, d_model=24, heads=3, layers=2, dropout=0.2))


def bert() -> Bert:
    return shaken(Bert(vocab=23, d_model=24, heads=3, layers=2, d_ff=29, max_length=11, dropout=0.2, eps=1e-7))


def their_gpt2(transformers):
    config = transformers.GPT2Config(
        vocab_size=23, n_positions=11, n_embd=24, n_head=3, n_layer=2, bos_token_id=None, eos_token_id=None
    )
    return shaken(transformers.GPT2LMHeadModel(config))


def their_bert_config(transformers):
    return transformers.BertConfig(
        vocab_size=23,
        hidden_size=24,
        num_attention_heads=3,
        num_hidden_layers=2,
        intermediate_size=29,
        max_position_embeddings=11,
        layer_norm_eps=1e-7,
    )


def assert_same_state(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


# --- folders


@torch.no_grad()
def test_a_gpt2_of_transformers_loads(transformers, tmp_path: Path):
    theirs = their_gpt2(transformers)
    theirs.save_pretrained(tmp_path)
    ours = load_gpt2(tmp_path)
    torch.testing.assert_close(ours(TOKENS), theirs(TOKENS).logits)
    assert not ours.training and all(p.requires_grad and p.is_contiguous() for p in ours.parameters())


@torch.no_grad()
def test_a_gpt2_of_ours_loads_in_transformers(transformers, tmp_path: Path):
    ours = gpt()
    save_gpt2(ours, tmp_path / "new" / "folder")
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "new" / "folder", output_loading_info=True
    )
    assert not any(report.values()), report
    torch.testing.assert_close(theirs.eval()(TOKENS).logits, ours(TOKENS))
    assert theirs.config.resid_pdrop == theirs.config.embd_pdrop == theirs.config.attn_pdrop == 0.2
    assert theirs.config.eos_token_id is None  # else a text of theirs could end where no end is
    with safetensors.safe_open(tmp_path / "new" / "folder" / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}  # older versions of transformers ask for it
    bare = transformers.AutoModel.from_pretrained(tmp_path / "new" / "folder")  # without `transformer.` in its names
    bare.save_pretrained(tmp_path / "bare")
    assert "wte.weight" in safetensors.torch.load_file(tmp_path / "bare" / "model.safetensors")
    assert_same_state(load_gpt2(tmp_path / "bare").state_dict(), ours.state_dict())


@pytest.mark.parametrize("head", ["BertModel", "BertForPreTraining", "BertForSequenceClassification"])
@torch.no_grad()
def test_a_bert_of_transformers_loads(head: str, transformers, tmp_path: Path):
    theirs = shaken(getattr(transformers, head)(their_bert_config(transformers)))
    theirs.save_pretrained(tmp_path)
    ours, body = load_bert(tmp_path), theirs if head == "BertModel" else theirs.bert
    expected = body(TOKENS)
    torch.testing.assert_close(ours(TOKENS), expected.last_hidden_state)
    torch.testing.assert_close(ours.pool(ours(TOKENS)), expected.pooler_output)
    assert not ours.training


@torch.no_grad()
def test_a_bert_of_ours_loads_in_transformers(transformers, tmp_path: Path):
    ours = bert()
    save_bert(ours, tmp_path)
    theirs, report = transformers.AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    torch.testing.assert_close(theirs.eval()(TOKENS).last_hidden_state, ours(TOKENS))
    assert theirs.config.hidden_dropout_prob == theirs.config.attention_probs_dropout_prob == 0.2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_what_is_saved_here_loads_here(dtype: torch.dtype, tmp_path: Path):
    for model, save, load in ((gpt(), save_gpt2, load_gpt2), (bert(), save_bert, load_bert)):
        model.to(dtype)
        save(model, tmp_path / save.__name__)
        assert_same_state(load(tmp_path / save.__name__).state_dict(), model.state_dict())


def test_dropout_and_sizes_come_back(tmp_path: Path):
    save_gpt2(GPT(vocab=23, context=11, d_model=24, heads=3, layers=2, dropout=0.25), tmp_path)
    assert repr(load_gpt2(tmp_path)) == repr(GPT(vocab=23, context=11, d_model=24, heads=3, layers=2, dropout=0.25))
    assert load_gpt2(tmp_path).stack.layers[0].self_attention.heads == 3
    save_bert(Bert(23, 24, 3, 2, 29, 11, 5, 0.25, 1e-3), tmp_path)
    assert repr(load_bert(tmp_path)) == repr(Bert(23, 24, 3, 2, 29, 11, 5, 0.25, 1e-3))


# --- names


def test_older_files_load():
    model = gpt()
    theirs = GPT2.to_theirs(model.state_dict())
    theirs["transformer.h.0.attn.bias"] = torch.ones(1, 1, 11, 11).tril()
    theirs["transformer.h.1.attn.masked_bias"] = torch.tensor(-1e4)
    theirs["lm_head.weight"] = theirs["transformer.wte.weight"]
    assert_same_state(GPT2.to_ours(theirs), model.state_dict())
    bare = {name.removeprefix("transformer."): x for name, x in theirs.items() if name != "lm_head.weight"}
    assert_same_state(GPT2.to_ours(bare), model.state_dict())

    encoder = bert()
    theirs = BERT.to_theirs(encoder.state_dict())
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): x for name, x in theirs.items()}
    old = {name.replace("LayerNorm.bias", "LayerNorm.beta"): x for name, x in old.items()}
    old["embeddings.position_ids"] = torch.arange(11)[None]
    assert old.keys() != theirs.keys()
    assert_same_state(BERT.to_ours(old), encoder.state_dict())


def test_tensors_that_should_be_one_are_compared():
    theirs = GPT2.to_theirs(gpt().state_dict())
    theirs["lm_head.weight"] = theirs["transformer.wte.weight"] + 1
    with pytest.raises(CourseError, match=r"lm_head.weight differs from transformer.wte.weight"):
        GPT2.to_ours(theirs)


def test_nothing_is_shared_with_the_source():
    model = gpt()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    theirs = GPT2.to_theirs(model.state_dict())
    back = GPT2.to_ours(theirs)
    for x in theirs.values():
        x.zero_()
    assert_same_state(model.state_dict(), before)
    assert_same_state(back, before)


def test_the_order_of_names_does_not_matter():
    ours = gpt().state_dict()
    shuffled = list(ours.items())
    random.Random(0).shuffle(shuffled)
    assert_same_state(GPT2.to_theirs(dict(shuffled)), GPT2.to_theirs(ours))
    del ours["stack.layers.1.self_attention.W_K.bias"]
    with pytest.raises(CourseError, match=r"transformer\.h\.1\.attn\.c_attn\.bias is made of Q, K and V, and K is"):
        GPT2.to_theirs(ours)


def test_heads_have_names_too():
    model = shaken(BertPretraining(bert()))
    theirs = BERT.to_theirs(model.state_dict())
    theirs["cls.predictions.decoder.weight"] = theirs["bert.embeddings.word_embeddings.weight"]
    theirs["cls.predictions.decoder.bias"] = theirs["cls.predictions.bias"]
    assert_same_state(BERT.to_ours(theirs), model.state_dict())


# --- one line that says what is wrong


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_gpt2(gpt(), tmp_path / "gpt2")
    save_bert(bert(), tmp_path / "bert")
    return tmp_path


def change_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder: Path, change: Callable[[dict], object]) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model_type", "llama"),
        ("activation_function", "relu"),
        ("layer_norm_epsilon", 1e-6),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
        ("tie_word_embeddings", False),
    ],
)
def test_settings_that_are_not_built_are_named(setting: str, value: object, folder: Path):
    change_config(folder / "gpt2", **{setting: value})
    with pytest.raises(CourseError, match=rf"gpt2: only {setting} = .* not {value!r}"):
        load_gpt2(folder / "gpt2")


@pytest.mark.parametrize(
    ("setting", "value"), [("hidden_act", "silu"), ("position_embedding_type", "relative_key"), ("is_decoder", True)]
)
def test_settings_of_bert_that_are_not_built_are_named(setting: str, value: object, folder: Path):
    change_config(folder / "bert", **{setting: value})
    with pytest.raises(CourseError, match=f"only {setting} = "):
        load_bert(folder / "bert")


def test_settings_that_are_missing_mean_the_usual_or_are_named(folder: Path):
    path = folder / "gpt2" / "config.json"
    config = json.loads(path.read_text())
    del config["activation_function"], config["scale_attn_weights"]
    path.write_text(json.dumps(config))
    load_gpt2(folder / "gpt2")
    del config["n_embd"]
    path.write_text(json.dumps(config))
    with pytest.raises(CourseError, match=r"config\.json does not say 'n_embd'"):
        load_gpt2(folder / "gpt2")


@pytest.mark.parametrize(
    "changes", [{"n_head": 5}, {"n_head": 0}, {"n_embd": "24"}, {"vocab_size": -1}, {"resid_pdrop": 2.0}], ids=str
)
def test_settings_without_sense_are_one_line(changes: dict, folder: Path):
    change_config(folder / "gpt2", **changes)
    with pytest.raises(CourseError, match=r"config\.json describes no model: [^\n]*$"):
        load_gpt2(folder / "gpt2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("transformer.ln_f.bias"), r"transformer\.ln_f\.bias is missing"),
        (lambda w: w.update(adapter=torch.ones(2)), "adapter is the name of no tensor"),
        (lambda w: w.update({"transformer.wte.weight": torch.ones(22, 24)}), r"wte\.weight is \(22, 24\).* \(23, 24\)"),
        (lambda w: w.update({"transformer.ln_f.bias": torch.ones(24, dtype=torch.int8)}), r"int8.* floats"),
        (lambda w: w.update({"transformer.h.0.attn.c_attn.bias": torch.ones(71)}), r"c_attn\.bias does not fall into"),
        (lambda w: w.update({"transformer.h.0.attn.c_attn.bias": torch.tensor(1.0)}), "does not fall into Q, K and V"),
        (lambda w: w.update({"transformer.ln_f.bias": torch.tensor(1.0)}), r"ln_f\.bias is \(\) of .* \(24,\) floats"),
        (lambda w: w.update({"transformer.h.7.ln_1.bias": torch.ones(24)}), r"h\.7\.ln_1\.bias does not belong"),
    ],
)
def test_weights_that_do_not_fit_are_named(change: Callable, message: str, folder: Path):
    change_weights(folder / "gpt2", change)
    with pytest.raises(CourseError, match=message):
        load_gpt2(folder / "gpt2")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_files_that_are_missing_or_damaged_are_named(name: str, folder: Path):
    for load, kind in ((load_gpt2, "gpt2"), (load_bert, "bert")):
        path = folder / kind / name
        whole = path.read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", b"\xff\xfe\x00", b"[1, 2]"):
            path.write_bytes(damaged)
            with pytest.raises(CourseError, match=f"{name} is damaged"):
                load(folder / kind)
        path.unlink()
        with pytest.raises(CourseError, match=f"{name} is not there"):
            load(folder / kind)


# --- PyTorch's own layers


def parity(ours: nn.Module, theirs: nn.Module, *inputs: torch.Tensor) -> None:
    """Outputs, gradients of inputs and of parameters agree when ours gets their weights, and theirs gets ours back."""
    shaken(theirs)
    ours.double().eval().load_state_dict(from_torch(theirs.state_dict()))
    assert_same_state(to_torch(ours.state_dict()), theirs.state_dict())
    gradients = []
    for model in (ours, theirs):
        own_inputs = [x.clone().requires_grad_() for x in inputs]
        output = model(*own_inputs)
        direction = torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(1))
        (output * direction).sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
        gradients[-1] |= {f"input {i}": x.grad for i, x in enumerate(own_inputs)}
        gradients[-1]["output"] = output.detach()
    found, expected = gradients
    of_parameters = to_torch({name: x for name, x in found.items() if name in dict(ours.named_parameters())})
    for name, value in expected.items():
        torch.testing.assert_close(of_parameters.get(name, found.get(name)), value, msg=lambda t, name=name: name + t)


def sequences(*lengths: int, d_model: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, length, d_model, dtype=torch.double, generator=generator) for length in lengths]


class OnlyOutput(nn.MultiheadAttention):
    """PyTorch's self-attention, or cross-attention to a memory, without the weights that it also returns."""

    def forward(self, x: torch.Tensor, memory: torch.Tensor | None = None) -> torch.Tensor:
        memory = x if memory is None else memory
        return super().forward(x, memory, memory, need_weights=False)[0]


def test_multi_head_attention_with_pytorch_weights():
    for bias in (True, False):
        ours, theirs = MultiHeadAttention(12, 3, bias=bias), OnlyOutput(12, 3, bias=bias, batch_first=True)
        parity(ours, theirs, *sequences(5, 7, d_model=12))


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoders_with_pytorch_weights(norm: str, activation: str):
    def layer() -> nn.Module:
        return nn.TransformerEncoderLayer(
            12, 3, 17, activation=activation, norm_first=norm == "pre", batch_first=True, dropout=0.0
        )

    inputs = sequences(5, d_model=12)
    parity(EncoderLayer(12, 3, 17, norm=norm, activation=activation), layer(), *inputs)
    stack = nn.TransformerEncoder(layer(), 4, norm=nn.LayerNorm(12), enable_nested_tensor=False)
    parity(Encoder(4, 12, 3, 17, final_norm=True, norm=norm, activation=activation), stack, *inputs)


class Causal(nn.Module):
    """A decoder of PyTorch that hides the future, as ours always does, with the names of the one inside."""

    def __init__(self, inside: nn.Module):
        super().__init__()
        self.inside = inside

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        hidden = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.inside(x, memory, tgt_mask=hidden, tgt_is_causal=True)

    def state_dict(self, *args, **kwargs) -> dict:
        return self.inside.state_dict(*args, **kwargs)

    def named_parameters(self, *args, **kwargs):
        return self.inside.named_parameters(*args, **kwargs)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_decoders_with_pytorch_weights(norm: str):
    def layer() -> nn.Module:
        return nn.TransformerDecoderLayer(12, 3, 17, norm_first=norm == "pre", batch_first=True, dropout=0.0)

    inputs = sequences(5, 7, d_model=12)
    parity(DecoderLayer(12, 3, 17, norm=norm), Causal(layer()), *inputs)
    stack = nn.TransformerDecoder(layer(), 4, norm=nn.LayerNorm(12))
    parity(Decoder(4, 12, 3, 17, final_norm=True, norm=norm), Causal(stack), *inputs)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_whole_transformer_with_pytorch_weights():
    theirs = shaken(nn.Transformer(12, 3, 2, 2, 17, norm_first=True, batch_first=True))
    ours = Transformer(19, 23, d_model=12, heads=3, d_ff=17, layers=2, norm="pre").double().eval()
    report = ours.load_state_dict(from_torch(theirs.state_dict()), strict=False)
    assert not report.unexpected_keys
    assert all("embedding" in name or name == "output.weight" for name in report.missing_keys)
    source, target = sequences(7, 5, d_model=12)
    hidden = nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.double)
    expected = theirs(source, target, tgt_mask=hidden)
    torch.testing.assert_close(ours.decoder(target, ours.encoder(source)), expected)


def test_names_that_pytorch_does_not_have_are_refused():
    with pytest.raises(CourseError, match="conv1"):
        from_torch({"conv1.weight": torch.ones(3)})
    with pytest.raises(CourseError, match="pooler"):
        to_torch({"pooler.weight": torch.ones(3)})
