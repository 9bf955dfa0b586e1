"""A large multimodal model that says how good images are: one base, and an adapter for each thing it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model.adapters import Adapter, Switch
from lmm4lmm.model.bases.base import Base, Picture, Reading
from lmm4lmm.model.levels import expected_score, level_answer
from lmm4lmm.model.score_head import GaussianHead, HeadEstimate, ReluHead
from lmm4lmm.model.spellings import NO, YES


class QualityModel(nn.Module):
    """Base, adapters and read-outs.

    Args:
        base: the large model; it stays in memory once.
        adapters: by name.

    Raises:
        WeightsError: an adapter does not fit the base, or the tokenizer can't tell the words for levels apart by
            their first token where an adapter answers in them.
    """

    def __init__(self, base: Base, adapters: Mapping[str, Adapter]) -> None:
        super().__init__()
        self.base = base
        self.adapters = nn.ModuleDict(adapters)
        self._switch = Switch(base.network, adapters.values())
        self._in_use: str | None = None
        self.yes, self.no = base.reader.token_ids(YES), base.reader.token_ids(NO)
        self._level_words: dict[str, tuple[int, ...]] = {
            dimension: level_answer(base, dimension).words
            for adapter in adapters.values()
            if adapter.readout == "levels"
            for dimension in adapter.gives
            if dimension != "answer"
        }
        self.eval().requires_grad_(False)

    def use(self, name: str | None) -> None:
        """Switches to an adapter; None is the base alone."""
        if name != self._in_use:
            self._switch.use(None if name is None else self.adapter(name))
            self._in_use = name

    @property
    def gives(self) -> tuple[Dimension, ...]:
        """The dimensions that its adapters were trained for; a base alone can answer."""
        every = (dimension for name in self.adapters for dimension in self.adapter(name).gives)
        return tuple(dict.fromkeys(every)) or ("answer",)

    def adapter(self, name: str) -> Adapter:
        """An adapter by name."""
        found = self.adapters[name]
        assert isinstance(found, Adapter)
        return found

    def states(
        self, name: str | None, pictures: Sequence[Picture], readings: Sequence[Reading]
    ) -> list[Tensor]:
        """Normed last hidden states [len(at), H] of each reading, by the adapter of that name."""
        self.use(name)
        return self.base.read(pictures, readings)

    def score(self, name: str, dimension: str, states: Tensor) -> Tensor:
        """Scores [K] on the MOS scale, float32, of states [K, H] by a head of an adapter."""
        return self.estimate(name, dimension, states).score

    def estimate(self, name: str, dimension: str, states: Tensor) -> HeadEstimate:
        """Scores [K] as ``score``, with their standard deviations [K] where the adapter gives any.

        An adapter that answers in levels has no head: its score is what the levels' probabilities expect.
        """
        adapter = self.adapter(name)
        if adapter.readout == "levels":
            words = list(self._level_words[dimension])
            logits = states.float() @ self._vocabulary(name)[words].to(states.device).float().T
            return HeadEstimate(expected_score(logits), None)
        head = adapter.heads[dimension]
        assert isinstance(head, ReluHead | GaussianHead)
        return head.estimate(states.float())

    def p_yes(self, name: str | None, states: Tensor) -> Tensor:
        """P(yes) [K] against no, all spellings of both summed, of states [K, H] at the answer's position.

        Raises:
            WeightsError: the tokenizer has no single token for yes or no.
        """
        if not (self.yes and self.no):
            raise WeightsError(
                "this tokenizer splits every spelling of yes or of no: it can't answer in one token"
            )
        return log_odds(states, self._vocabulary(name), self.yes, self.no).sigmoid()

    def logits(self, name: str | None, states: Tensor) -> Tensor:
        """Logits [K, V] over the whole vocabulary of states [K, H]."""
        return states @ self._vocabulary(name).to(states).T

    def said(self, name: str | None, states: Tensor) -> list[str]:
        """The likeliest token's text at each of the states [K, H]: how the reference reads answers."""
        return [self.base.reader.decode([token]) for token in self.logits(name, states).argmax(1).tolist()]

    def _vocabulary(self, name: str | None) -> Tensor:
        own = None if name is None else self.adapter(name).vocabulary
        return self.base.vocabulary if own is None else own


def log_odds(states: Tensor, vocabulary: Tensor, yes: Sequence[int], no: Sequence[int]) -> Tensor:
    """Log odds [K] of yes against no, all spellings of both summed, float32, of states [K, H].

    Args:
        vocabulary: [V, H].
        yes, no: token ids of their spellings.
    """
    rows = vocabulary[[*yes, *no]].to(states.device)
    logits = states.float() @ rows.float().T
    return logits[:, : len(yes)].logsumexp(1) - logits[:, len(yes) :].logsumexp(1)
