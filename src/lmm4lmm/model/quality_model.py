"""One causal pass for perception, correspondence and answer.

The sequence is ``image tokens, perception query, prompt, correspondence query, question``. Attention is causal, so
perception can't see the prompt and correspondence can't see the question; padding at the right end changes nothing
of what stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmm4lmm.model.processing import Texts
from lmm4lmm.model.projector import Projector
from lmm4lmm.model.score_head import GaussianHead, ScoreEstimate
from lmm4lmm.model.vision import EfficientNetLite0

GRID = 4


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


class QualityModel(nn.Module):
    """Eye, projector, language model and heads.

    Args:
        vision: the image encoder, frozen.
        language: a decoder that takes ``inputs_embeds`` and gives ``last_hidden_state`` (transformers' Llama).
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
        self.projector = Projector(hidden)
        self.queries = nn.Parameter(torch.zeros(2, hidden))
        self.perception_head, self.correspondence_head = GaussianHead(hidden), GaussianHead(hidden)
        self.yes, self.no = list(yes), list(no)

    def look(self, pixels: Tensor) -> ImageFeatures:
        """Features of uint8 views [B, 2, S, S, 3] (see ``processing.views``)."""
        batch = pixels.shape[0]
        flat = pixels.flatten(0, 1).permute(0, 3, 1, 2).to(self._device, torch.float32)
        found = self.vision.features((flat - 127) / 128, GRID)
        cells = found.cells[::2]
        return ImageFeatures(cells, found.statistics.reshape(batch, -1))

    def forward(self, features: ImageFeatures, texts: Sequence[Texts]) -> Output:
        """Outputs for B images and the texts of each."""
        image_tokens = self._image_tokens(features)
        sequence, correspondence_at, answer_at = self._sequence(image_tokens, texts)
        states = self.language(inputs_embeds=sequence, use_cache=False).last_hidden_state
        rows = torch.arange(len(texts), device=states.device)
        perception = self.perception_head(states[:, image_tokens.shape[1]])
        wants_match = any(text.prompt for text in texts)
        wants_answer = any(text.question for text in texts)
        return Output(
            perception,
            self.correspondence_head(states[rows, correspondence_at]) if wants_match else None,
            self._log_odds(states[rows, answer_at], texts) if wants_answer else None,
        )

    def _image_tokens(self, features: ImageFeatures) -> Tensor:
        cells = torch.cat([features.cells.mean(1, keepdim=True), features.cells], 1)
        with torch.no_grad():
            probabilities = self.vision.classify_cells(cells)
        tokens: Tensor = self.projector(cells, probabilities, features.statistics)
        return tokens

    def _sequence(self, image_tokens: Tensor, texts: Sequence[Texts]) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings [B, N, H], the index of each row's correspondence query and of its last token."""
        words = self.language.get_input_embeddings()  # type: ignore[operator]
        start = image_tokens.shape[1]
        longest = max(len(text.prompt) + len(text.question) for text in texts) + 2
        ids = torch.zeros(len(texts), longest, dtype=torch.long)
        match_at = torch.tensor([1 + len(text.prompt) for text in texts])
        last_at = match_at + torch.tensor([len(text.question) for text in texts])
        for row, text in enumerate(texts):
            tokens = [0, *text.prompt, 0, *text.question]
            ids[row, : len(tokens)] = torch.tensor(tokens)
        is_match = (torch.arange(longest) == match_at[:, None]).to(self._device)[..., None]
        embedded = words(ids.to(self._device))
        embedded = torch.where(is_match, self.queries[1].to(embedded.dtype), embedded)
        perception_query = self.queries[0].to(embedded.dtype).expand(len(texts), 1, -1)
        sequence = torch.cat([image_tokens.to(embedded.dtype), perception_query, embedded[:, 1:]], 1)
        return sequence, (start + match_at).to(self._device), (start + last_at).to(self._device)

    def _log_odds(self, states: Tensor, texts: Sequence[Texts]) -> Tensor:
        """log P(yes) - log P(no) over all spellings: only these few rows of the vocabulary are computed."""
        rows = self.language.get_input_embeddings().weight  # type: ignore[operator]
        logits = states.float() @ rows[self.yes + self.no].float().T
        odds = logits[:, : len(self.yes)].logsumexp(1) - logits[:, len(self.yes) :].logsumexp(1)
        asked = torch.tensor([bool(text.question) for text in texts], device=odds.device)
        return torch.where(asked, odds, torch.nan)

    @property
    def _device(self) -> torch.device:
        return self.queries.device
