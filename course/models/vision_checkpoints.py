"""Weights of vision transformers that others trained, in this course's `ViT`.

Source: `modeling_vit.py` of huggingface/transformers. Files on its hub keep the names of before version 5
("encoder.layer.0.attention.attention.query"); both are known here.
"""

from torch import Tensor

from course.models.checkpoints import Names, Rule, StateDict

_OURS = "encoder.layers.{layer}"
_NOW, _FILES = "vit.layers.{layer}", "vit.encoder.layer.{layer}"
VIT = Names(
    [
        Rule("vit.embeddings.cls_token", "embedding.class_token"),
        Rule("vit.embeddings.position_embeddings", "embedding.positions.embedding.weight"),
        Rule("vit.embeddings.patch_embeddings.projection.{kind}", "embedding.projection.{kind}"),
        Rule(f"{_NOW}.attention.q_proj.{{kind}}", f"{_OURS}.self_attention.W_Q.{{kind}}"),
        Rule(f"{_NOW}.attention.k_proj.{{kind}}", f"{_OURS}.self_attention.W_K.{{kind}}"),
        Rule(f"{_NOW}.attention.v_proj.{{kind}}", f"{_OURS}.self_attention.W_V.{{kind}}"),
        Rule(f"{_NOW}.attention.o_proj.{{kind}}", f"{_OURS}.self_attention.W_O.{{kind}}"),
        Rule(f"{_NOW}.layernorm_before.{{kind}}", f"{_OURS}.residuals.0.norm.{{kind}}"),
        Rule(f"{_NOW}.layernorm_after.{{kind}}", f"{_OURS}.residuals.1.norm.{{kind}}"),
        Rule(f"{_NOW}.mlp.fc1.{{kind}}", f"{_OURS}.feed_forward.0.{{kind}}"),
        Rule(f"{_NOW}.mlp.fc2.{{kind}}", f"{_OURS}.feed_forward.2.{{kind}}"),
        Rule(f"{_FILES}.attention.attention.query.{{kind}}", f"{_OURS}.self_attention.W_Q.{{kind}}"),
        Rule(f"{_FILES}.attention.attention.key.{{kind}}", f"{_OURS}.self_attention.W_K.{{kind}}"),
        Rule(f"{_FILES}.attention.attention.value.{{kind}}", f"{_OURS}.self_attention.W_V.{{kind}}"),
        Rule(f"{_FILES}.attention.output.dense.{{kind}}", f"{_OURS}.self_attention.W_O.{{kind}}"),
        Rule(f"{_FILES}.layernorm_before.{{kind}}", f"{_OURS}.residuals.0.norm.{{kind}}"),
        Rule(f"{_FILES}.layernorm_after.{{kind}}", f"{_OURS}.residuals.1.norm.{{kind}}"),
        Rule(f"{_FILES}.intermediate.dense.{{kind}}", f"{_OURS}.feed_forward.0.{{kind}}"),
        Rule(f"{_FILES}.output.dense.{{kind}}", f"{_OURS}.feed_forward.2.{{kind}}"),
        Rule("vit.layernorm.{kind}", "encoder.norm.{kind}"),
        Rule("classifier.{kind}", "head.{kind}"),
    ],
    optional="vit.",  # in models with a head
    dropped=r"pooler\.",  # one more layer on the class token, for tasks of transformers' own
)


def from_vit(state: StateDict) -> StateDict:
    """Our names and shapes for the weights (or gradients) of transformers' `ViTModel` and `ViTForImageClassification`.

    Raises:
        CourseError: as in `Names.to_ours`.

    Example:
        vit = ViT.named("B/16", classes=1000)
        vit.load_state_dict(from_vit(safetensors.torch.load_file("vit-base-patch16-224/model.safetensors")))
    """
    return VIT.to_ours({name: as_rows(value) for name, value in state.items()})


def as_rows(value: Tensor) -> Tensor:
    """A kernel (d, C, P, P) as the weights (d, C·P·P) of a linear layer; no axis of size 1 before tokens' vectors."""
    return value.flatten(1) if value.ndim == 4 else value.squeeze((0, 1)) if value.ndim == 3 else value
