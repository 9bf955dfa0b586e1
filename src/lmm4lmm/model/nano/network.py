"""nano: one look at an image, then perception, correspondence and answer.

The eye sees the image once. Perception is read from what it saw, before any text. The texts go through the lower
layers of the language model, prompt and question each alone; a reader then looks for the prompt in the image, and for
the question with the prompt. So perception can't see the prompt, and correspondence can't see the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lmm4lmm.model.nano.brisque import Brisque
from lmm4lmm.model.nano.grounding import FEATURES, Grounding
from lmm4lmm.model.nano.heads import Head, ScoreEstimate, as_estimate
from lmm4lmm.model.nano.language import LowerLlama
from lmm4lmm.model.nano.naturalness import FEATURES as STATISTICS
from lmm4lmm.model.nano.processing import Texts, View
from lmm4lmm.model.nano.reader import FOUND, Reader
from lmm4lmm.model.nano.scene import STRUCTURE, WAIST, WIDTH, ImageFeatures, Scene, SceneEncoder
from lmm4lmm.model.nano.vision import EfficientNetLite0, VisionFeatures

_MOST = 6.0


@dataclass(frozen=True)
class Words:
    """Hidden states of R prompts and questions, padded at the right.

    Attributes:
        states: [R, L, 2 H] the prompt's words, then the question's: embeddings, and states behind them.
        spans: [2, R, L] bool: which are the prompt's, which the question's.
    """

    states: Tensor
    spans: Tensor


@dataclass(frozen=True)
class Output:
    """Three outputs of a batch; a part that no item asked for is None.

    Attributes:
        answer: [R] log odds of yes; NaN for an item without a question.
    """

    perception: ScoreEstimate
    correspondence: ScoreEstimate | None
    answer: Tensor | None


class NanoNetwork(nn.Module):
    """Eye, BRISQUE, language model, scene encoder, grounding, reader and heads.

    Args:
        vision: the image encoder, frozen.
        brisque: the published regression, frozen.
        language: the lower layers of a Llama, frozen.
        hidden: its width H.
    """

    match_evidence: Tensor
    """What holds for texts of any kind, and what was learned for texts like those learned from, are weighed after
    training, on prompts that it did not see (``training.nano.weighing``)."""

    def __init__(
        self, vision: EfficientNetLite0, brisque: Brisque, language: LowerLlama, *, hidden: int
    ) -> None:
        super().__init__()
        self.vision, self.brisque, self.language = vision, brisque, language
        self._vocabulary: tuple[Tensor, Tensor] | None = None
        self.scene = SceneEncoder(hidden, STATISTICS)
        self.grounding = Grounding(hidden)
        self.reader = Reader(hidden)
        self.perception_head = Head(WAIST + WIDTH + 3 * STRUCTURE, 2)
        self.opinion = nn.Linear(1, 2)
        self.correspondence_head = Head(FOUND + FEATURES + WAIST, 2)
        self.liking = nn.Linear(1, 2)
        self.register_buffer("match_evidence", torch.zeros(FEATURES))
        self.answer_head = Head(FOUND + 2 * FEATURES, 1)

    def look(self, views: Sequence[View]) -> ImageFeatures:
        """Features of images."""
        pixels = self._stacked([one.pixels for one in views])
        naturalness = self._stacked([one.naturalness for one in views])
        opinion = self.brisque(self._stacked([one.brisque for one in views]))
        eye = self.vision.features(pixels)
        return ImageFeatures(
            VisionFeatures(_rounded(eye.places), _rounded(eye.cells), _rounded(eye.statistics)),
            _rounded(naturalness),
            _rounded((opinion.clamp(-20, 120) - 30) / 20),
        )

    def read(self, texts: Sequence[Texts]) -> Words:
        """The texts' words as the language model's lower layers leave them; prompt and question each alone."""
        every = [ids for text in texts for ids in (text.prompt, text.question)]
        words = joined(self.language.encoded(every), self.device)
        return Words(_rounded(words.states), words.spans)

    def forward(self, features: ImageFeatures, words: Words, rows: Tensor | None = None) -> Output:
        """Outputs for R texts about B images.

        Args:
            rows: [R] which image each text is about; None where they are one to one.
        """
        eye = features.eye
        cells = torch.cat([eye.cells.mean(1, keepdim=True), eye.cells], 1)
        with torch.no_grad():
            probabilities = self.vision.classify_cells(cells.float())
        scene = self.scene(features, probabilities)
        quality = self.perception_head(torch.cat([scene.finish, scene.overview, scene.structure], 1))
        quality = quality + self.opinion(features.opinion[:, None])
        perception = as_estimate(quality)
        if rows is not None:
            perception = ScoreEstimate(perception.score[rows], perception.std[rows])
        if not bool(words.spans.any()):
            return Output(perception, None, None)
        return self._read(perception, quality[:, :1], scene, probabilities, words, rows)

    def _read(
        self,
        perception: ScoreEstimate,
        quality: Tensor,
        scene: Scene,
        probabilities: Tensor,
        words: Words,
        rows: Tensor | None,
    ) -> Output:
        seen = probabilities if rows is None else probabilities[rows]
        states = words.states.chunk(2, -1)[1]
        spans = self.grounding(states, self.scene.class_states, seen, words.spans)
        read = self.reader(self.told(words), words.spans, scene, rows)
        if rows is not None:
            quality = quality[rows]
        manner = scene.manner if rows is None else scene.manner[rows]
        has_prompt, has_question = bool(words.spans[0].any()), bool(words.spans[1].any())
        match = self.correspondence_head(torch.cat([read.prompt, spans[0], manner], 1))
        # People find less of a prompt in a flawed image; what they think of it is not learned from prompts, though.
        match = match + self.liking(quality.detach())
        match = torch.cat([match[:, :1] + (spans[0] @ self.match_evidence)[:, None], match[:, 1:]], 1)
        odds: Tensor = self.answer_head(torch.cat([read.question, spans[0], spans[1]], 1))[:, 0].float()
        return Output(
            perception,
            as_estimate(match) if has_prompt else None,
            torch.where(words.spans[1].any(1), odds, torch.nan) if has_question else None,
        )

    def told(self, words: Words) -> Tensor:
        """[R, L, 2 H] words, standardised."""
        plain, states = words.states.chunk(2, -1)
        both = [self._plain(plain), self.grounding.standardised(states)]
        return torch.cat(both, -1).clamp(-_MOST, _MOST)

    def _plain(self, embeddings: Tensor) -> Tensor:
        """Embeddings relative to those of the whole vocabulary."""
        table = self.language.words.weight
        if self._vocabulary is None or self._vocabulary[0].device != table.device:
            self._vocabulary = table.float().mean(0), table.float().std(0) + 1e-4
        mean, scale = self._vocabulary
        return (embeddings - mean) / scale

    def _stacked(self, values: Sequence[npt.NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(values)).to(self.device)

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.scene.where.device


def joined(states: Sequence[Tensor], device: torch.device) -> Words:
    """Words of R items from their states, prompt and question in turn: [n, H] each, n may be 0."""
    prompts, questions = states[::2], states[1::2]
    lengths = [(len(p), len(q)) for p, q in zip(prompts, questions, strict=True)]
    longest = max(1, max(p + q for p, q in lengths))
    found = torch.zeros(len(lengths), longest, states[0].shape[-1], device=device)
    spans = torch.zeros(2, len(lengths), longest, dtype=torch.bool, device=device)
    for row, (prompt, question) in enumerate(zip(prompts, questions, strict=True)):
        p, q = lengths[row]
        found[row, :p], found[row, p : p + q] = prompt, question
        spans[0, row, :p], spans[1, row, p : p + q] = True, True
    return Words(found, spans)


def _rounded(values: Tensor) -> Tensor:
    """To half precision and back: training keeps features and words so, and scores must not depend on that."""
    return values.half().float()
