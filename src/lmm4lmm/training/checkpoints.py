"""Checkpoints of a run: whose they are, which of them are whole, and the trained tensors in them."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.files import atomic_path, content_key, write_atomically
from lmm4lmm.training.examples import Example
from lmm4lmm.training.learner import Learner
from lmm4lmm.training.recipes import Recipe

FOLDER = "checkpoints"
"""Where they lie in a run's folder."""

TRAINED = "trained.safetensors"
_RUN = "run.json"
_STATE = "trainer_state.json"  # the Trainer writes it last
_NAME = re.compile(r"checkpoint-(\d+)")

_WRITERS_OF_TORCH = ("PytorchStreamWriter", "inline_container", "iostream")
"""What torch.save names in its errors, which are plain RuntimeErrors."""

_FREE = ("workers",)
"""Fields of a recipe that may change between two parts of one run: they decide nothing."""


def identity(
    learner: Learner, recipe: Recipe, train: Sequence[Example], validation: Sequence[Example]
) -> dict[str, Any]:
    """What must be the same for a run to be gone on with, as plain values."""
    found = {
        "recipe": {name: value for name, value in asdict(recipe).items() if name not in _FREE},
        "base": {"name": learner.base, "identity": learner.base_identity},
        "training rows": {"rows": len(train), "hash": _hash(train)},
        "validation rows": {"rows": len(validation), "hash": _hash(validation)},
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def check(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Refuses to go on with a run that is another one.

    Args:
        folder: the run's folder; it has whole checkpoints.
        wanted: of this run, see ``identity``.

    Raises:
        InputError: says what differs, and how to start anew.
    """
    path = folder / FOLDER / _RUN
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = {}
    differing = list(_differences(there, wanted))
    if differing:
        raise InputError(
            f"{folder} holds a training run that is another one: {'; '.join(differing)}. To go on with that run, "
            f"give what it was started with; to start anew, give another folder or remove {folder / FOLDER}"
        )


def refuse_another(
    folder: Path, learner: Learner, recipe: Recipe, train: Sequence[Example], validation: Sequence[Example]
) -> None:
    """``check``, where the folder holds a whole checkpoint of any run."""
    if whole(folder):
        check(folder, identity(learner, recipe, train, validation))


def claim(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Writes down whose checkpoints these will be."""
    write_atomically(folder / FOLDER / _RUN, json.dumps(wanted, indent=1) + "\n")


def whole(folder: Path) -> list[Path]:
    """The checkpoints of a run's folder that were written to their end, oldest first."""
    return [path for _, path in _numbered(folder) if _is_whole(path)]


def sweep(folder: Path) -> list[Path]:
    """Removes the checkpoints that were not written to their end; returns them."""
    broken = [path for _, path in _numbered(folder) if not _is_whole(path)]
    for path in broken:
        shutil.rmtree(path, ignore_errors=True)
    return broken


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    found = _NAME.fullmatch(checkpoint.name)
    assert found is not None
    return int(found.group(1))


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Says in one way what three libraries say in theirs when a file can't be written, say on a full disk.

    Raises:
        WeightsError: names the place and the reason.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(name in str(error) for name in _WRITERS_OF_TORCH):
            raise
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise WeightsError(
            f"{place}: can't be written ({why}). Checkpoints that are whole are kept: make room, and run the same "
            "command again to go on"
        ) from error


def write_trained(checkpoint: Path, state: Mapping[str, Tensor]) -> None:
    """Writes what training made into a checkpoint."""
    # own memory for each: safetensors refuses views of one storage
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    with atomic_path(checkpoint / TRAINED) as temporary:
        save_file(plain, temporary)


def read_trained(checkpoint: Path) -> dict[str, Tensor]:
    """What training had made at a checkpoint.

    Raises:
        WeightsError: the file is absent or broken.
    """
    path = checkpoint / TRAINED
    try:
        state: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: {error}") from error
    return state


@contextmanager
def gathered(module: nn.Module) -> Iterator[None]:
    """Parameters that are sharded over processes are whole here, in every process; all must come along."""
    parts = [part for part in module.modules() if isinstance(part, FSDPModule)]
    with ExitStack() as stack:
        for part in parts:
            part.unshard()
            stack.callback(part.reshard)
        sharded = [p for p in module.parameters() if p.requires_grad and hasattr(p, "ds_id")]
        if sharded:  # DeepSpeed ZeRO 3
            import deepspeed

            stack.enter_context(deepspeed.zero.GatheredParameters(sharded))
        yield


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    paths = (folder / FOLDER).glob("checkpoint-*")
    return sorted((step_of(path), path) for path in paths if _NAME.fullmatch(path.name) and path.is_dir())


def _is_whole(checkpoint: Path) -> bool:
    """Whether the last file is there and every file ends as its kind should."""
    try:
        json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
        with safe_open(checkpoint / TRAINED, framework="pt") as stored:
            stored.keys()
    except (OSError, ValueError, SafetensorError):
        return False
    saved = [*checkpoint.glob("*.pt"), *checkpoint.glob("*.pth")]
    has_chance = any(path.name.startswith("rng_state") for path in saved)
    return has_chance and all(zipfile.is_zipfile(path) for path in saved)


def _hash(examples: Sequence[Example]) -> str:
    """Of ids, texts, targets and weights, in their order, which decides who meets whom in a batch."""
    return content_key(
        *(
            repr(
                (
                    *(one.item.id, one.item.image, one.item.prompt, one.item.question, one.variant),
                    *(one.perception, one.perception_std, one.correspondence, one.correspondence_std),
                    *(one.answer, one.weights),
                )
            )
            for one in examples
        )
    )


def _differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        other = there.get(name) or {}
        if other == value:
            continue
        if name == "recipe":
            fields = [key for key in value if other.get(key) != value[key]]
            yield from (f"{key} was {_shown(other.get(key))} and is {_shown(value[key])}" for key in fields)
        elif name == "base":
            yield f"the base was {other.get('name', 'unknown')} and is {value['name']}, or its weights changed"
        else:
            yield f"the {name} differ ({other.get('rows', 'unknown')} there, {value['rows']} now)"


def _shown(value: Any) -> str:
    return json.dumps(value)
