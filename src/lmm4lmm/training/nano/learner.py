"""The learner for nano: frozen eye and language model, whose outputs are computed once; all else is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmm4lmm.core import files
from lmm4lmm.core.errors import InputError, ItemError, WeightsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model.nano import assembly as nano
from lmm4lmm.model.nano import base as nano_base
from lmm4lmm.model.nano.network import NanoNetwork, Words, joined
from lmm4lmm.model.nano.processing import TextReader
from lmm4lmm.model.nano.reader import gists
from lmm4lmm.model.nano.scene import finish_features
from lmm4lmm.model.result_file import RESULT_FILE
from lmm4lmm.questions.questions import question_of
from lmm4lmm.training.examples import Example
from lmm4lmm.training.learner import Say
from lmm4lmm.training.nano.features import FeatureCache, Halves, key_of, unflat
from lmm4lmm.training.recipes import Recipe

VERSION = "0.4"
_TEXTS_AT_ONCE = 64
_MEASURED = 4096
"""Images that means and deviations of features are measured on."""

Start: TypeAlias = Literal["shipped", "blank"]
"""Fine-tune the weights in this package, or begin anew with nothing but the class names' words."""


@dataclass(frozen=True)
class Sample:
    """One row.

    Attributes:
        image: its number among the images.
        features: of the image, half precision.
        prompt, question: token ids; empty where the row has none, or where nobody asks.
    """

    image: int
    features: Halves
    prompt: tuple[int, ...]
    question: tuple[int, ...]


class NanoModule(nn.Module):
    """nano as the engine calls it; the words' states come in ready.

    Args:
        network: what is trained.
        outputs: of the recipe.
    """

    def __init__(self, network: NanoNetwork, outputs: Sequence[Dimension]) -> None:
        super().__init__()
        self.network, self._outputs = network, tuple(outputs)

    def forward(self, features: Tensor, words: Tensor, spans: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """``learner.Outputs`` of R texts: features [B, F], words [R, L, H], spans [2, R, L], rows [R] of images."""
        found = self.network(unflat(features), Words(words.float(), spans), rows)
        nothing = torch.full((len(rows),), torch.nan, device=rows.device)
        out: dict[str, Tensor] = {}
        if "perception" in self._outputs:
            out |= {"perception": found.perception.score, "perception_std": found.perception.std}
        if "correspondence" in self._outputs:
            match, asked = found.correspondence, spans[0].any(1)
            score, std = (nothing, nothing) if match is None else (match.score, match.std)
            out["correspondence"] = torch.where(asked, score, torch.nan)
            out["correspondence_std"] = torch.where(asked, std, torch.nan)
        if "answer" in self._outputs:
            out["answer"] = nothing if found.answer is None else found.answer
        return out


class NanoLearner:
    """See ``open_nano_learner`` and ``learner.Learner``."""

    metric = "nano"
    base = "nano"

    def __init__(
        self, network: NanoNetwork, reader: TextReader, recipe: Recipe, folder: Path, start: Start
    ) -> None:
        self.base_identity = nano_base.require().fingerprint
        self.base = "nano" if start == "shipped" else "nano, untrained"
        self._network, self._reader, self._recipe, self._start = network, reader, recipe, start
        self._folder = folder / "features"
        self._cache: FeatureCache | None = None
        self._words: dict[tuple[int, ...], Tensor] = {}
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not name.startswith(nano.FROZEN))
        self.module = NanoModule(network, recipe.outputs)

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """What AdamW gets; biases, norms and places without decay."""
        every = [value for value in self._network.parameters() if value.requires_grad]
        wide = [value for value in every if value.ndim > 1]
        narrow = [value for value in every if value.ndim <= 1]
        return [
            {"params": wide, "lr": recipe.rate, "weight_decay": recipe.weight_decay},
            {"params": narrow, "lr": recipe.rate, "weight_decay": 0.0},
        ]

    def look(self, examples: Sequence[Example], say: Say) -> dict[str, str]:
        """Looks at every image and reads every text once.

        Returns:
            Why a row can't be used, by the id of its item.
        """
        self._cache = cache = FeatureCache(self._folder, examples)
        wrong_images = cache.fill(self._network, say)
        wrong = {one.item.id: wrong_images[key] for one in examples if (key := key_of(one)) in wrong_images}
        for example in examples:
            try:
                self._texts(example)
            except ItemError as error:
                wrong[example.item.id] = str(error)
        if self._start == "blank":
            self._measure(set(wrong_images))
            self._measure_texts([one for one in examples if one.item.id not in wrong])
        return wrong

    def size(self, example: Example) -> int:
        """Words of its texts."""
        prompt, question = self._texts(example)
        return len(prompt) + len(question)

    def sample(self, example: Example) -> Sample:
        """One row, ready for ``collate``.

        Raises:
            ItemError: a text is too long.
        """
        assert self._cache is not None
        number = self._cache.number[key_of(example)]
        return Sample(number, self._cache.row(number), *self._texts(example))

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The module's keyword arguments for a batch; an image of several rows is in it once."""
        first = {sample.image: place for place, sample in reversed(list(enumerate(samples)))}
        images = {image: row for row, image in enumerate(first)}
        texts = [text for sample in samples for text in (sample.prompt, sample.question)]
        words = joined(self._read(texts), torch.device("cpu"))
        return {
            "features": torch.from_numpy(np.stack([samples[place].features for place in first.values()])),
            "words": words.states,
            "spans": words.spans,
            "rows": torch.tensor([images[sample.image] for sample in samples]),
        }

    def trained(self) -> dict[str, Tensor]:
        """What training made, and the means and deviations that it measured."""
        state = self._network.state_dict()
        return {name: state[name].detach().cpu().clone() for name in nano.trained_names(self._network)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what ``trained`` gave.

        Raises:
            WeightsError: names or shapes differ.
        """
        nano.apply_trained(self._network, state)

    def write(self, folder: Path) -> None:
        """Writes what ``--metric FOLDER`` scores with; its matrices, in half precision, are then the current ones."""
        state = {name: _stored(value) for name, value in self.trained().items()}
        with files.atomic_path(folder / nano.TRAINED_FILE) as temporary:
            save_file(state, temporary)
        self.restore({name: value.float() for name, value in state.items()})
        self._network.eval()
        facts = nano.Facts(
            version=VERSION,
            base=self.base_identity,
            sha256=files.sha256(folder / nano.TRAINED_FILE),
            self_test=nano.run_self_test(self._network, self._reader),
            validation={},
        )
        write_facts(folder, facts)
        said = {"format": 1, "metric": "nano", "outputs": self._recipe.outputs, "sha256": facts.sha256}
        files.write_atomically(folder / RESULT_FILE, msgspec.json.format(msgspec.json.encode(said)) + b"\n")

    def _texts(self, example: Example) -> tuple[tuple[int, ...], tuple[int, ...]]:
        asks = "answer" in self._recipe.outputs and (example.item.prompt.strip() or example.item.question)
        question = question_of(example.item.question) if asks else None
        reads = example.item.prompt.strip() and set(self._recipe.outputs) & {"correspondence", "answer"}
        texts = self._reader.read(example.item.prompt if reads else None, question)
        return texts.prompt, texts.question

    def _read(self, texts: Sequence[tuple[int, ...]]) -> list[Tensor]:
        """States of texts, from memory as far as they were read before."""
        missing = [text for text in dict.fromkeys(texts) if text and text not in self._words]
        for start in range(0, len(missing), _TEXTS_AT_ONCE):
            part = missing[start : start + _TEXTS_AT_ONCE]
            for text, states in zip(part, self._network.language.encoded(part), strict=True):
                self._words[text] = states.half().cpu()
        nothing = torch.zeros(0, 2 * self._network.scene.class_states.shape[1], dtype=torch.float16)
        return [self._words.get(text, nothing) for text in texts]

    @torch.no_grad()
    def _measure(self, wrong: set[tuple[str, str]]) -> None:
        """Means and deviations of the features, of every so many images."""
        assert self._cache is not None
        numbers = [number for key, number in self._cache.number.items() if key not in wrong]
        chosen = numbers[:: max(1, len(numbers) // _MEASURED)]
        if not chosen:
            return
        scene = self._network.scene
        places, finish = _Moments(), _Moments()
        for start in range(0, len(chosen), 64):
            rows = np.stack([self._cache.row(number) for number in chosen[start : start + 64]])
            features = unflat(torch.from_numpy(rows))
            places.add(features.eye.places.flatten(0, 1))
            finish.add(finish_features(features))
        scene.place_mean.copy_(places.mean)
        scene.place_scale.copy_(places.scale + 0.05)
        scene.finish_mean.copy_(finish.mean)
        scene.finish_scale.copy_(finish.scale + 0.01)

    @torch.no_grad()
    def _measure_texts(self, examples: Sequence[Example]) -> None:
        """Mean and deviation of what texts come to, of every so many."""
        chosen = examples[:: max(1, len(examples) // _MEASURED)]
        found = _Moments()
        for start in range(0, len(chosen), _TEXTS_AT_ONCE):
            texts = [text for one in chosen[start : start + _TEXTS_AT_ONCE] for text in self._texts(one)]
            words = joined(self._read(texts), torch.device("cpu"))
            told = self._network.told(Words(words.states.float(), words.spans))
            for span in words.spans:
                if bool((known := span.any(1)).any()):
                    found.add(gists(told, span)[known])
        reader = self._network.reader
        reader.gist_mean.copy_(found.mean)
        reader.gist_scale.copy_(found.scale + 0.1)


def _stored(value: Tensor) -> Tensor:
    """Matrices by halves; vectors are few, and means are large beside the deviations that they are taken off."""
    return (value.half() if value.ndim > 1 else value).contiguous()


class _Moments:
    """Mean and deviation of columns, in double precision."""

    def __init__(self) -> None:
        self._n, self._sum, self._squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, rows: Tensor) -> None:
        self._n += len(rows)
        self._sum = self._sum + rows.double().sum(0)
        self._squares = self._squares + rows.double().square().sum(0)

    @property
    def mean(self) -> Tensor:
        return (self._sum / self._n).float()

    @property
    def scale(self) -> Tensor:
        return (self._squares / self._n - (self._sum / self._n).square()).clamp_min(0).sqrt().float()


def open_nano_learner(recipe: Recipe, folder: Path, *, start: Start = "shipped") -> NanoLearner:
    """nano, ready to be trained.

    Args:
        recipe: of the form ``unified``; its outputs may be fewer than three.
        folder: of the run; the eye's features are kept in it while training lasts.
        start: fine-tune what is shipped, or begin anew.

    Raises:
        InputError: the recipe is of another form, or wants what nano has not.
        WeightsError: nano's base is not here.
    """
    if recipe.form != "unified" or recipe.lora is not None:
        raise InputError(
            f"nano is trained by the recipe unified, without lora; not by {recipe.name} (form {recipe.form}). "
            "Other recipes are for large bases (--base)"
        )
    if nano_base.manifest() is None:
        nano_base.pull()
    network = nano.load_base()
    shipped = {
        name: value.float() for name, value in load_file(nano.package_folder() / nano.TRAINED_FILE).items()
    }
    if start == "blank":
        torch.manual_seed(recipe.seed)
        network = nano.load_base()  # its initial values follow the seed
        keep = ("scene.class_states", "grounding.mean", "grounding.scale")
        try:
            network.load_state_dict({name: shipped[name] for name in keep}, strict=False)
            network.grounding.start_from(network.scene.class_states)
        except KeyError as error:
            raise WeightsError(f"{nano.package_folder()} lacks {error}") from error
    else:
        nano.apply_trained(network, shipped)
    return NanoLearner(network, nano.text_reader(), recipe, folder, start)


def write_facts(folder: Path, facts: nano.Facts) -> None:
    """Writes ``facts.json``."""
    files.write_atomically(folder / nano.FACTS_FILE, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")
