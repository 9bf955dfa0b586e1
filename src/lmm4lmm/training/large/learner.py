"""The learner for large bases: any model that scoring can stand on, and results of earlier training runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor, nn

from lmm4lmm.core.errors import ItemError, WeightsError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.model import devices
from lmm4lmm.model.base_source import FoundBase, find_base, model_on
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.checkpoint import AdapterWeights, LowRank
from lmm4lmm.model.loading import LoadOptions
from lmm4lmm.model.result_file import is_trained
from lmm4lmm.model.trained import base_of, read_trained, write_trained
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
class Start:
    """What training goes on from.

    Attributes:
        found: the base.
        weights: of an adapter on it; None starts from the base alone.
        name, identity: of base and adapter together.
    """

    found: FoundBase
    weights: AdapterWeights | None
    name: str
    identity: str


class LargeLearner:
    """See ``open_learner`` and ``learner.Learner``.

    Attributes:
        metric: the catalogue's name of the metric that scores with the result.
        base: what it starts from, for people to read.
        base_identity: of its weights, an earlier run's adapter among them.
        module: gives ``Outputs``.
    """

    metric = "lmm4lmm"

    def __init__(self, start: Start, base: Base, recipe: Recipe) -> None:
        self._found, self._base, self._recipe = start.found, base, recipe
        self.base, self.base_identity = start.name, start.identity
        weights = start.weights or AdapterWeights(recipe.form)
        replace_tensors(base.network, weights.replaced)
        carried = {name: base.network.get_parameter(name) for name in weights.replaced}
        lora = add_lora(base, recipe.lora, weights.lora, recipe.seed)
        replaced = {**carried, **(train_projector(base) if recipe.projector else {})}
        base.for_training()
        if recipe.checkpointing:
            _recompute(base.network)
        self.module = LargeModule(base, _heads(recipe, base, weights), recipe.form, recipe.outputs).eval()
        self._scales = {name: pair.scale for name, pair in lora.items()}
        # By name and not by object: whoever shards a module puts other parameters into it.
        paths = {id(value): path for path, value in self.module.named_parameters()}
        self._paths = {name: paths[id(value)] for name, value in _named(lora, replaced, self.module.heads)}
        self._stems: dict[tuple[str, str], int] = {}
        self._stem_of: dict[tuple[int, int], int] = {}

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """What AdamW gets: adapters at their own rate; biases and norms without decay."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, value in self._parameters().items():
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
        return asking.sample_of(self._base.prepare(self._image(example)), self._queries(example))

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The module's keyword arguments for a batch."""
        return asking.collate(samples)

    def trained(self) -> dict[str, Tensor]:
        """Copies of what is trained, ``lora.<layer>.a`` and ``.b``, ``replaced.<name>``, ``heads.<part>``."""
        return {name: value.detach().clone() for name, value in self._parameters().items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what ``trained`` gave.

        Raises:
            WeightsError: names or shapes differ.
        """
        named = self._parameters()
        if odd := sorted(state.keys() ^ named.keys()):
            raise WeightsError(f"a checkpoint of another training: {len(odd)} names differ, such as {odd[0]}")
        for name, value in named.items():
            if state[name].shape != value.shape:
                raise WeightsError(
                    f"a checkpoint of another training: {name} is {list(state[name].shape)}, not {list(value.shape)}"
                )
        for name, value in named.items():
            value.copy_(_like(state[name], value))

    def write(self, folder: Path) -> None:
        """Writes what ``--metric FOLDER`` scores with, from the current state.

        Raises:
            WeightsError: it can't be written.
        """
        write_trained(folder, self.weights(), self._found, recorded(self.module))

    def weights(self) -> AdapterWeights:
        """The current state as an adapter, with what an earlier run had changed."""
        every = self._parameters(frozen=True).items()
        values = {name: value.detach().cpu().clone() for name, value in every}
        lora = {
            layer: LowRank(values[f"lora.{layer}.a"], values[f"lora.{layer}.b"], scale)
            for layer, scale in self._scales.items()
        }
        replaced, heads = (
            {name.removeprefix(kind): value for name, value in values.items() if name.startswith(kind)}
            for kind in ("replaced.", "heads.")
        )
        return AdapterWeights(self._recipe.form, lora, replaced, heads, self._recipe.outputs)

    def _parameters(self, *, frozen: bool = False) -> dict[str, nn.Parameter]:
        """What is trained, or with ``frozen`` all that is not the base's own, by its name in a result."""
        own = dict(self.module.named_parameters())
        found = {name: own[path] for name, path in self._paths.items()}
        return {name: value for name, value in found.items() if frozen or value.requires_grad}

    def _queries(self, example: Example) -> tuple[asking.Query, ...]:
        return asking.queries(self._base, self._recipe.form, self._recipe.outputs, example)

    def _image(self, example: Example) -> Image:
        image = read_image(load_bytes(example.item.path), name=str(example.item.path))
        return image if example.alter is None else example.alter(image)

    def _looked(self, example: Example) -> int | str:
        """Tokens of its image, or why it can't be used."""
        try:
            self._queries(example)
            image = self._image(example)
            if image.size not in self._stem_of:  # equal sizes give equal stems
                self._stem_of[image.size] = len(self._base.prepare(image).stem)
            return self._stem_of[image.size]
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
    start = _start(base)
    where, _ = devices.choose_one(device, "model")
    wanted = dtype or (torch.bfloat16 if recipe.bf16 else torch.float32)
    number, _ = devices.choose_dtype(str(wanted).removeprefix("torch."), where)
    kernel, _ = devices.choose_attention(attention, where, number)
    model = model_on(start.found, {}, LoadOptions(where, number, kernel, pack=False))
    return LargeLearner(start, model.base, recipe)


def _start(base: str) -> Start:
    folder = Path(base).expanduser()
    if is_trained(folder):
        facts, weights = read_trained(folder)
        found = base_of(folder, facts, say=_say)
        identity = content_key(found.identity, facts.sha256)[:16]
        return Start(found, weights, str(folder.absolute()), identity)
    found = find_base(base, _say)
    adapters = list(found.checkpoint.adapters.values()) if found.checkpoint is not None else []
    if len(adapters) == 1:
        _say(f"training goes on from the {adapters[0].readout} adapter of {found.name}")
        both = found.checkpoint.identity if found.checkpoint is not None else found.identity
        return Start(found, adapters[0], found.name, both)
    return Start(found, None, found.name, found.identity)


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
            _say(
                f"the {name} head of the start is of another kind than head={recipe.head}: a fresh one is trained"
            )
            continue
        with torch.no_grad():
            for key, value in own.items():
                value.copy_(known[key])
    return {name: head.to(base.device) for name, head in made.items()}


def _named(
    lora: Mapping[str, Pair], replaced: Mapping[str, nn.Parameter], heads: nn.ModuleDict
) -> Iterator[tuple[str, nn.Parameter]]:
    """Every parameter that is not the base's own, by its name in a result."""
    for layer, pair in lora.items():
        yield f"lora.{layer}.a", pair.a
        yield f"lora.{layer}.b", pair.b
    yield from ((f"replaced.{name}", value) for name, value in replaced.items())
    for dimension, head in heads.items():
        yield from ((f"heads.{dimension}.{name}", value) for name, value in named_tensors(head))


def _like(value: Tensor, own: Tensor) -> Tensor:
    """The value as its parameter has it: sharded over processes where that is (FSDP 2)."""
    if not hasattr(own, "device_mesh"):
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(own, DTensor)
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements)


def _recompute(network: Any) -> None:
    """Has the network forget its activations and compute them again in the backward pass."""
    how = {"use_reentrant": False}
    if hasattr(network, "activation_checkpointing_enable"):  # the same under its later name
        network.activation_checkpointing_enable(how)
    else:
        network.gradient_checkpointing_enable(how)
    # It also makes embeddings leaves that want gradients: only the other kind of checkpointing needs that, and image
    # features could not be put among them.
    network.disable_input_require_grads()


def _say(line: str) -> None:
    print(f"lmm4lmm: {line}", file=sys.stderr)
