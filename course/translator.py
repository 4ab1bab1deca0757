"""A model that translates, together with the words it knows: sentences in, sentences and alignments out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course.data.batches import TranslationBatch, translation_batch
from course.data.vocabulary import BOS, EOS, Vocabulary, tokenize
from course.models.bahdanau import BahdanauEncoderDecoder
from course.models.decoding import Hypothesis, beam_search, generate
from course.models.multi_head import recorded_weights

LONGEST = 60  # tokens

Encoded = tuple[list[int], list[int]]


class Languages:
    """The vocabularies of both sides of some pairs (English first, then French)."""

    def __init__(self, english: Vocabulary, french: Vocabulary):
        self.english, self.french = english, french

    @classmethod
    def of(cls, pairs: Sequence[tuple]) -> "Languages":
        return cls(*(Vocabulary.of(tokenize(pair[side]) for pair in pairs) for side in (0, 1)))

    def encode(self, pair: tuple) -> Encoded:
        return self.english.encode(tokenize(pair[0])), self.french.encode(tokenize(pair[1]))


@dataclass
class Translator:
    """A translation model of `course.models` and its two vocabularies.

    Its sentences are plain text, tokenised by `course.data.vocabulary.tokenize`; what it writes are tokens.
    """

    model: nn.Module
    languages: Languages

    @torch.no_grad()
    def translate(self, sentences: Sequence[str], batch_size: int = 300) -> list[list[str]]:
        """Greedy translations, as tokens."""
        found = []
        for begin in range(0, len(sentences), batch_size):
            source, mask = self.read(sentences[begin : begin + batch_size])
            first = torch.full((len(source),), BOS, device=source.device)
            state = self.model.start(source, mask)
            tokens = generate(self.model.step, state, first, end=EOS, max_length=LONGEST)
            found += [self.languages.french.decode(row) for row in tokens.tolist()]
        return found

    def read(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Ids (B, S) and which of them are real (B, S), where the model is."""
        batch = translation_batch([(self.languages.english.encode(tokenize(s)), []) for s in sentences])
        here = next(self.model.parameters()).device
        return batch.source.to(here), batch.source_mask.to(here)

    @torch.no_grad()
    def beam(self, sentence: str, beams: int = 4, alpha: float = 0.6) -> list[Hypothesis]:
        """Beam search: what it finished, the best first; its tokens are ids of the French vocabulary."""
        source, mask = self.read([sentence])
        first = torch.full((1,), BOS, device=source.device)
        state = self.model.start(source, mask)
        return beam_search(self.model.step, state, first, end=EOS, max_length=LONGEST, beams=beams, alpha=alpha)[0]

    @torch.no_grad()
    def align(self, english: str, french: Sequence[str]) -> Float[Tensor, "target source"]:
        """Where it looks while it writes each token of a given translation (teacher forcing), and EOS at the end."""
        pair = self.languages.english.encode(tokenize(english)), self.languages.french.encode(french)
        return alignment(self.model, translation_batch([pair]).to(next(self.model.parameters()).device))[0]


def alignment(model: nn.Module, batch: TranslationBatch) -> Float[Tensor, "batch target source"]:
    """Where the model looks while it writes each target token.

    A transformer has many cross-attentions: the last layer's is taken, its heads averaged.
    """
    if isinstance(model, BahdanauEncoderDecoder):
        return model.align(batch.source, batch.target_in, batch.source_mask)
    with recorded_weights(model) as weights:
        model(batch.source, batch.target_in, batch.source_mask)
    return weights[f"decoder.layers.{len(model.decoder.layers) - 1}.cross_attention"].mean(dim=1)
