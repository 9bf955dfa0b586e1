"""A large multimodal model that says how good images are: one base, and an adapter for each thing it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.adapters import Adapter, Switch
from lmm4lmm.model.bases.base import Base, Picture, Reading
from lmm4lmm.model.spellings import NO, YES


class QualityModel(nn.Module):
    """Base, adapters and read-outs.

    Args:
        base: the large model; it stays in memory once.
        adapters: by name.

    Raises:
        WeightsError: an adapter does not fit the base, or the tokenizer has no single token for yes or no.
    """

    def __init__(self, base: Base, adapters: Mapping[str, Adapter]) -> None:
        super().__init__()
        self.base = base
        self.adapters = nn.ModuleDict(adapters)
        self._switch = Switch(base.network, adapters.values())
        self._in_use: str | None = None
        self.yes, self.no = base.reader.token_ids(YES), base.reader.token_ids(NO)
        self.eval().requires_grad_(False)

    def use(self, name: str | None) -> None:
        """Switches to an adapter; None is the base alone."""
        if name != self._in_use:
            self._switch.use(None if name is None else self.adapter(name))
            self._in_use = name

    @property
    def gives(self) -> tuple[str, ...]:
        """The dimensions that its adapters were trained for; a base alone can answer."""
        if "unified" in self.adapters:
            return (*self.adapter("unified").heads, "answer")
        return tuple(self.adapters) or ("answer",)

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
        found: Tensor = self.adapter(name).heads[dimension](states.float())
        return found

    def p_yes(self, name: str | None, states: Tensor) -> Tensor:
        """P(yes) [K] against no, all spellings of both summed, of states [K, H] at the answer's position.

        Raises:
            WeightsError: the tokenizer has no single token for yes or no.
        """
        if not (self.yes and self.no):
            raise WeightsError(
                "this tokenizer splits every spelling of yes or of no: it can't answer in one token"
            )
        rows = self._vocabulary(name)[self.yes + self.no].to(states.device)
        logits = states.float() @ rows.float().T
        yes, no = logits[:, : len(self.yes)].logsumexp(1), logits[:, len(self.yes) :].logsumexp(1)
        return (yes - no).sigmoid()

    def logits(self, name: str | None, states: Tensor) -> Tensor:
        """Logits [K, V] over the whole vocabulary of states [K, H]."""
        return states @ self._vocabulary(name).to(states).T

    def said(self, name: str | None, states: Tensor) -> list[str]:
        """The likeliest token's text at each of the states [K, H]: how the reference reads answers."""
        return [self.base.reader.decode([token]) for token in self.logits(name, states).argmax(1).tolist()]

    def _vocabulary(self, name: str | None) -> Tensor:
        own = None if name is None else self.adapter(name).vocabulary
        return self.base.vocabulary if own is None else own
