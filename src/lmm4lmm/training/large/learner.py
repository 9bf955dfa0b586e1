"""The learner for large bases: any model that scoring can stand on, and results of earlier training runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import InputError, ItemError, WeightsError
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.model import devices
from lmm4lmm.model.base_source import FoundBase, find_base, model_on
from lmm4lmm.model.bases.base import Base, Picture
from lmm4lmm.model.checkpoint import AdapterWeights
from lmm4lmm.model.loading import LoadOptions
from lmm4lmm.model.trained import base_of, is_trained, read_trained, write_trained
from lmm4lmm.training.examples import Example
from lmm4lmm.training.large import asking
from lmm4lmm.training.large.asking import Sample
from lmm4lmm.training.large.heads import fresh_head, named_tensors
from lmm4lmm.training.large.lora import Pair, add_lora
from lmm4lmm.training.large.module import LargeModule
from lmm4lmm.training.large.projector import replace_tensors, train_projector
from lmm4lmm.training.large.self_test import recorded
from lmm4lmm.training.learner import Say
from lmm4lmm.training.recipes import Recipe

_READERS = 4
_SAY_EVERY = 2000


@dataclass(frozen=True)
class Trained:
    """What of a base is trained, and what was changed in it before.

    Attributes:
        lora: by layer; some may be frozen.
        projector: by name.
        carried: names of further tensors that are not the base's own: an earlier run replaced them.
    """

    lora: Mapping[str, Pair]
    projector: Mapping[str, nn.Parameter]
    carried: tuple[str, ...]


class LargeLearner:
    """See ``open_learner`` and ``learner.Learner``.

    Attributes:
        metric: the catalogue's name of the metric that scores with the result.
        base: what it starts from, for people to read.
        base_identity: of the base's weights.
        module: gives ``Outputs``.
    """

    metric = "lmm4lmm"

    def __init__(self, found: FoundBase, base: Base, start: AdapterWeights | None, recipe: Recipe) -> None:
        self._found, self._base, self._recipe = found, base, recipe
        self.base, self.base_identity = found.name, found.identity
        start = start or AdapterWeights(recipe.form)
        replace_tensors(base.network, start.replaced)
        lora = add_lora(base, recipe.lora, start.lora, recipe.seed)
        projector = train_projector(base) if recipe.projector else {}
        carried = tuple(sorted(set(start.replaced) - set(projector)))
        self._made = Trained(lora, projector, carried)
        base.for_training()
        if recipe.checkpointing:
            network: Any = base.network
            network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.module = LargeModule(base, _heads(recipe, base, start), recipe.form, recipe.outputs).eval()
        self._named = dict(_named(self._made, self.module.heads))
        self._stems: dict[tuple[str, str], int] = {}

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """What AdamW gets: adapters at their own rate; biases and norms without decay."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, value in self._named.items():
            rate = recipe.lora_rate if name.startswith("lora.") else recipe.rate
            decay = recipe.weight_decay if value.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(value)
        return [{"params": part, "lr": rate, "weight_decay": decay} for (rate, decay), part in groups.items()]

    def look(self, examples: Sequence[Example], say: Say) -> dict[str, str]:
        """Reads every image and every text once.

        Returns:
            Why a row can't be used, by the id of its item.
        """
        wrong: dict[str, str] = {}
        with ThreadPoolExecutor(_READERS) as pool:
            for number, (example, found) in enumerate(
                zip(examples, pool.map(self._looked, examples), strict=True), start=1
            ):
                if isinstance(found, str):
                    wrong[example.item.id] = found
                else:
                    self._stems[example.item.id, example.variant] = found
                if number % _SAY_EVERY == 0:
                    say(f"{number:,} of {len(examples):,} images looked at")
        return wrong

    def size(self, example: Example) -> int:
        """Tokens of its longest sequence; of the text alone where the image was not looked at yet."""
        stem = self._stems.get((example.item.id, example.variant), 0)
        return stem + max(len(one.reading.text) for one in self._queries(example))

    def sample(self, example: Example) -> Sample:
        """One row, ready for ``collate``.

        Raises:
            ImageError: the image can't be read any more.
            ItemError: a text is too long or missing.
        """
        return asking.sample_of(self._picture(example), self._queries(example))

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The module's keyword arguments for a batch."""
        return asking.collate(samples)

    def trained(self) -> dict[str, Tensor]:
        """What is trained, copied to the processor: ``lora.<layer>.a`` and ``.b``, ``replaced.<name>``,
        ``heads.<dimension>.<name>``."""
        return {name: value.detach().cpu().clone() for name, value in self._named.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what ``trained`` gave.

        Raises:
            WeightsError: names or shapes differ.
        """
        if odd := sorted(state.keys() ^ self._named.keys()):
            raise WeightsError(f"a checkpoint of another training: {len(odd)} names differ, such as {odd[0]}")
        for name, value in self._named.items():
            if state[name].shape != value.shape:
                raise WeightsError(
                    f"a checkpoint of another training: {name} is {list(state[name].shape)}, not {list(value.shape)}"
                )
        for name, value in self._named.items():
            value.copy_(state[name])

    def write(self, folder: Path) -> None:
        """Writes what ``--metric FOLDER`` scores with, from the current state.

        Raises:
            WeightsError: it can't be written.
        """
        write_trained(folder, self.weights(), self._found, recorded(self.module))

    def weights(self) -> AdapterWeights:
        """The current state as an adapter, with what an earlier run had changed."""
        network, recipe = self._base.network, self._recipe
        replaced = {name: value.detach().cpu().clone() for name, value in self._made.projector.items()}
        own = dict(network.named_parameters())
        for name in self._made.carried:
            layer, _, leaf = name.rpartition(".")
            value = own.get(name, own.get(f"{layer}.base_layer.{leaf}"))
            assert value is not None
            replaced[name] = value.detach().cpu().clone()
        return AdapterWeights(
            recipe.form,
            {name: pair.as_low_rank() for name, pair in self._made.lora.items()},
            replaced,
            {
                name.removeprefix("heads."): value
                for name, value in self.trained().items()
                if name.startswith("heads.")
            },
            recipe.outputs,
        )

    def _queries(self, example: Example) -> tuple[asking.Query, ...]:
        return asking.queries(self._base, self._recipe.form, self._recipe.outputs, example)

    def _picture(self, example: Example) -> Picture:
        image = read_image(load_bytes(example.item.path), name=str(example.item.path))
        return self._base.prepare(image if example.alter is None else example.alter(image))

    def _looked(self, example: Example) -> int | str:
        """Tokens of its image, or why it can't be used."""
        try:
            self._queries(example)
            return len(self._picture(example).stem)
        except ItemError as error:
            return str(error)


def open_learner(
    base: str,
    recipe: Recipe,
    *,
    device: str = "auto",
    attention: str = "auto",
    dtype: torch.dtype | None = None,
) -> LargeLearner:
    """A base ready to be trained by a recipe.

    Args:
        base: a folder or hub id: a model of a supported family; a checkpoint of ours or a released one, whose
            adapter is the start where it has exactly one; or a result of an earlier run, whose adapter is the start.
        recipe: decides what is trained.
        device: one of torch's names, or ``auto``.
        attention: ``auto``, ``sdpa``, ``flash_attention_2`` or ``eager``.
        dtype: of the base's weights; None is bfloat16 where the recipe says ``bf16``, else float32. What is trained
            is in float32 always.

    Raises:
        InputError: there is no such base, or it can't be where this recipe starts.
        WeightsError: it is damaged, or does not fit.
    """
    found, start = _found(base)
    where, _ = devices.choose_one(device, "model")
    wanted = dtype or (torch.bfloat16 if recipe.bf16 else torch.float32)
    number, _ = devices.choose_dtype(str(wanted).removeprefix("torch."), where)
    kernel, _ = devices.choose_attention(attention, where, number)
    model = model_on(found, {}, LoadOptions(where, number, kernel, pack=False))
    return LargeLearner(found, model.base, start, recipe)


def _found(base: str) -> tuple[FoundBase, AdapterWeights | None]:
    folder = Path(base).expanduser()
    if is_trained(folder):
        facts, weights = read_trained(folder)
        return base_of(folder, facts, say=_say), weights
    found = find_base(base, _say)
    adapters = list(found.checkpoint.adapters.values()) if found.checkpoint is not None else []
    if len(adapters) == 1:
        _say(f"training goes on from the {adapters[0].readout} adapter of {found.name}")
        return found, adapters[0]
    return found, None


def _heads(recipe: Recipe, base: Base, start: AdapterWeights) -> dict[str, Any]:
    """A head for each score that is trained: the start's, or a fresh one."""
    if recipe.head is None:
        return {}
    draw = torch.Generator().manual_seed(recipe.seed)
    width = base.vocabulary.shape[1]
    made = {name: fresh_head(recipe.head, width, draw) for name in recipe.outputs if name != "answer"}
    for name, head in made.items():
        known = start.heads_by_dimension().get(name)
        if known is None:
            continue
        own = dict(named_tensors(head))
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in known.items()}:
            raise InputError(
                f"the {name} head to start from is of another kind than head={recipe.head}; choose the other kind"
            )
        with torch.no_grad():
            for key, value in own.items():
                value.copy_(known[key])
    return {name: head.to(base.device) for name, head in made.items()}


def _named(made: Trained, heads: nn.ModuleDict) -> Iterator[tuple[str, nn.Parameter]]:
    """Every trained parameter by its name in a result."""
    for layer, pair in made.lora.items():
        if pair.a.requires_grad:
            yield f"lora.{layer}.a", pair.a
            yield f"lora.{layer}.b", pair.b
    yield from ((f"replaced.{name}", value) for name, value in made.projector.items())
    for dimension, head in heads.items():
        yield from ((f"heads.{dimension}.{name}", value) for name, value in named_tensors(head))


def _say(line: str) -> None:
    print(f"lmm4lmm: {line}", file=sys.stderr)
