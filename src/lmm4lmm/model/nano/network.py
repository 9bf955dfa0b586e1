"""One causal pass for perception, correspondence and answer.

The sequence is ``start, image tokens, perception query, prompt, correspondence query, question, answer query``.
Attention is causal, so perception can't see the prompt and correspondence can't see the question; padding at the
right end changes nothing of what stands before it. Texts go through the lower layers first (``language``), where
the image has not entered yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmm4lmm.model.nano import language as llama
from lmm4lmm.model.nano.grounding import FEATURES, Grounding
from lmm4lmm.model.nano.heads import MixedHead, ScoreEstimate, as_estimate
from lmm4lmm.model.nano.processing import Texts
from lmm4lmm.model.nano.projector import DETAIL_TOKENS, Projector
from lmm4lmm.model.nano.vision import EfficientNetLite0

GRID = 4
_IMAGE_TOKENS = 1 + GRID * GRID + DETAIL_TOKENS
_WAIST = 128
_GIST = 8


@dataclass(frozen=True)
class ImageFeatures:
    """What the eye says of a batch of images, before any trained part.

    Attributes:
        cells: [B, 16, 1280] float, of the whole view.
        statistics: [B, 2048] float, of the whole view and then of the detail view.
    """

    cells: Tensor
    statistics: Tensor


@dataclass(frozen=True)
class Output:
    """Three outputs of a batch; a part that no item asked for is None.

    Attributes:
        answer: [B] log-odds of yes; NaN for an item without a question.
    """

    perception: ScoreEstimate
    correspondence: ScoreEstimate | None
    answer: Tensor | None


class NanoNetwork(nn.Module):
    """Eye, projector, grounding, language model and heads.

    Args:
        vision: the image encoder, frozen.
        language: transformers' Llama without its vocabulary head.
        hidden: its width H.
        yes: token ids that mean yes.
        no: token ids that mean no.
    """

    def __init__(
        self,
        vision: EfficientNetLite0,
        language: nn.Module,
        *,
        hidden: int,
        yes: Sequence[int],
        no: Sequence[int],
    ) -> None:
        super().__init__()
        self.vision, self.language = vision, language
        self.projector, self.grounding = Projector(hidden, _WAIST), Grounding(hidden)
        self.queries = nn.Parameter(torch.zeros(3, hidden))
        self.word_evidence = nn.Parameter(torch.zeros(2, hidden))
        self.question_gist = nn.Linear(hidden, _GIST)
        self.perception_head = MixedHead(hidden, _WAIST, 2)
        self.correspondence_head = MixedHead(hidden, FEATURES, 2)
        self.answer_head = MixedHead(hidden, 2 * FEATURES + _GIST, 1)
        self.vocabulary_weight = nn.Parameter(torch.zeros(()))
        self.yes, self.no = list(yes), list(no)

    def look(self, pixels: Tensor) -> ImageFeatures:
        """Features of uint8 views [B, 2, S, S, 3] (see ``processing.views``)."""
        batch = pixels.shape[0]
        flat = pixels.flatten(0, 1).permute(0, 3, 1, 2).to(self._device, torch.float32)
        found = self.vision.features((flat - 127) / 128, GRID)
        return ImageFeatures(found.cells[::2], found.statistics.reshape(batch, -1))

    def forward(self, features: ImageFeatures, texts: Sequence[Texts], *, shallow: bool = False) -> Output:
        """Outputs for B images and their texts; ``shallow`` leaves the upper layers out (training's first stage)."""
        cells = torch.cat([features.cells.mean(1, keepdim=True), features.cells], 1)
        with torch.no_grad():
            probabilities = self.vision.classify_cells(cells)
        image = self.projector(cells, probabilities, features.statistics)
        layout = _Layout(texts, self._device)
        with torch.no_grad():
            words = llama.lower(self.language, layout.ids)
        evidence, spans = self.grounding(
            words, self.projector.class_states, probabilities, torch.stack([layout.prompt, layout.question])
        )
        at_p, at_c, at_a = None, None, None
        if not shallow:
            told = words + (evidence @ self.word_evidence).to(words.dtype) * layout.is_text[..., None]
            states = llama.upper(self.language, self._sequence(told, image.tokens, layout))
            rows = torch.arange(len(texts), device=states.device)
            at_p, at_c, at_a = (states[rows, where] for where in layout.queries_at)
        has_prompt, has_question = bool(layout.prompt.any()), bool(layout.question.any())
        return Output(
            as_estimate(self.perception_head(at_p, image.waist)),
            as_estimate(self.correspondence_head(at_c, spans[0])) if has_prompt else None,
            self._log_odds(at_a, spans, words, layout) if has_question else None,
        )

    def _sequence(self, words: Tensor, image: Tensor, layout: _Layout) -> Tensor:
        batch, _, hidden = words.shape
        queries = self.queries.expand(batch, -1, -1)
        everything = torch.cat([words, image.to(words.dtype), queries.to(words.dtype)], 1)
        return everything.gather(1, layout.order[..., None].expand(-1, -1, hidden))

    def _log_odds(self, state: Tensor | None, spans: Tensor, words: Tensor, layout: _Layout) -> Tensor:
        """log P(yes) - log P(no): the vocabulary's few rows that mean yes or no, and the evidence of the words."""
        count = layout.question.sum(1, keepdim=True).clamp_min(1)
        mean = (self.grounding.standardised(words) * layout.question[..., None]).sum(1) / count
        features = torch.cat([spans[0], spans[1], self.question_gist(mean)], 1)
        odds: Tensor = self.answer_head(state, features)[:, 0].float()
        if state is not None:
            vocabulary = self.language.get_input_embeddings().weight  # type: ignore[operator]
            logits = state.float() @ vocabulary[self.yes + self.no].float().T
            yes, no = logits[:, : len(self.yes)].logsumexp(1), logits[:, len(self.yes) :].logsumexp(1)
            odds = odds + self.vocabulary_weight * (yes - no)
        return torch.where(layout.question.any(1), odds, torch.nan)

    @property
    def _device(self) -> torch.device:
        return self.queries.device


class _Layout:
    """Where everything of a batch stands.

    Attributes:
        ids: [B, L] token ids of ``start, prompt, question``, padded at the right.
        prompt, question, is_text: [B, L] bool, which of them are what.
        order: [B, N] indices into ``words, image tokens, queries`` that make the sequence.
        queries_at: for each of the three queries, [B] its index in the sequence.
    """

    def __init__(self, texts: Sequence[Texts], device: torch.device) -> None:
        longest = 1 + max(len(text.prompt) + len(text.question) for text in texts)
        ids = torch.full((len(texts), longest), llama.START)
        order = torch.zeros((len(texts), longest + _IMAGE_TOKENS + 3), dtype=torch.long)
        query = longest + _IMAGE_TOKENS
        image = list(range(longest, query))
        for row, text in enumerate(texts):
            p, q = len(text.prompt), len(text.question)
            ids[row, 1 : 1 + p + q] = torch.tensor([*text.prompt, *text.question], dtype=torch.long)
            sequence = [0, *image, query, *range(1, 1 + p), query + 1, *range(1 + p, 1 + p + q), query + 2]
            order[row, : len(sequence)] = torch.tensor(sequence)
        place = torch.arange(longest)
        prompts = torch.tensor([len(text.prompt) for text in texts])[:, None]
        ends = prompts + torch.tensor([len(text.question) for text in texts])[:, None]
        self.ids, self.order = ids.to(device), order.to(device)
        self.prompt = ((place >= 1) & (place <= prompts)).to(device)
        self.question = ((place > prompts) & (place <= ends)).to(device)
        self.is_text = self.prompt | self.question
        first = 1 + _IMAGE_TOKENS
        at = [torch.full((len(texts),), first), first + 1 + prompts[:, 0], first + 2 + ends[:, 0]]
        self.queries_at = [where.to(device) for where in at]
