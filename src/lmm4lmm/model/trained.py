"""What training a large base leaves behind: a small folder that names its base and holds what was trained.

::

    OUT/metric.json            the metric's name, what is asked, the base it needs, hash of the file beside it
    OUT/adapter.safetensors    lora.<layer>.a, lora.<layer>.b, replaced.<name>, heads.<dimension>.<name>

The base is not copied: it is named, and known again by its identity.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec
from safetensors.torch import save_file

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model import hub
from lmm4lmm.model.base_source import FoundBase, find_base, model_on
from lmm4lmm.model.checkpoint import AdapterWeights, Readout
from lmm4lmm.model.loading import LoadOptions
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.result_file import RESULT_FILE
from lmm4lmm.model.saved import adapter_facts, named_tensors, read_adapter
from lmm4lmm.model.saved_manifest import ADAPTER_FILE, AdapterFacts, Drawn

FORMAT = 1
METRIC = "lmm4lmm"

Say = Callable[[str], None]


class BaseFacts(msgspec.Struct, frozen=True):
    """Which base it was trained on.

    Attributes:
        name: where it was: an absolute path, or a repository on the hub with its commit.
        identity: of its weights, tokenizer and image settings.
        relative: from this folder to the base, where both are folders: they may be moved together.
    """

    name: str
    identity: str
    relative: str | None = None


class LoraFacts(msgspec.Struct, frozen=True):
    """What the low-rank updates are multiplied with: one number, one by layer, or None where there are none."""

    scale: float | dict[str, float] | None


class TrainedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """``metric.json``.

    Attributes:
        format: of this layout.
        metric: the catalogue's name of what scores with it.
        form: what a sequence asks.
        outputs: what it was trained to give.
        sha256: of ``adapter.safetensors``.
        self_test: what it said of the drawn pictures at the end of training.
    """

    format: int
    metric: str
    form: Readout
    outputs: tuple[Dimension, ...]
    base: BaseFacts
    lora: LoraFacts
    sha256: str
    made_by: str = ""
    self_test: Drawn | None = None


def write_trained(
    folder: Path, weights: AdapterWeights, base: FoundBase, self_test: Drawn | None = None
) -> TrainedFacts:
    """Writes a result into an existing folder; ``metric.json`` last, so that it never names half a file.

    Raises:
        WeightsError: it can't be written.
    """
    tensors = {name: read().cpu().contiguous() for name, read in named_tensors(weights, {}, False)}
    here = Path(base.name)
    relative = os.path.relpath(here, folder.absolute()) if here.is_absolute() else None
    try:
        with files.atomic_path(folder / ADAPTER_FILE) as temporary:
            save_file(tensors, temporary)
        facts = TrainedFacts(
            format=FORMAT,
            metric=METRIC,
            form=weights.readout,
            outputs=weights.outputs,
            base=BaseFacts(base.name, base.identity, relative),
            lora=LoraFacts(adapter_facts(weights, False).lora_scale),
            sha256=files.sha256(folder / ADAPTER_FILE),
            made_by=version("lmm4lmm"),
            self_test=self_test,
        )
        content = msgspec.json.format(msgspec.json.encode(facts)) + b"\n"
        files.write_atomically(folder / RESULT_FILE, content)
    except OSError as error:
        raise WeightsError(f"{folder} can't be written: {error.strerror or error}") from error
    return facts


def read_trained(folder: Path) -> tuple[TrainedFacts, AdapterWeights]:
    """What a training run wrote.

    Raises:
        WeightsError: a file is missing, altered, of a later form, or of another metric.
    """
    path = folder / RESULT_FILE
    try:
        content = path.read_bytes()
        said = msgspec.json.decode(content, type=dict[str, object])
        if said.get("metric") != METRIC:
            raise WeightsError(f"{path} is of the metric {said.get('metric')!r}, not of {METRIC!r}")
        if said.get("format") != FORMAT:
            raise WeightsError(
                f"{path} is of format {said.get('format')!r}; this version of lmm4lmm reads {FORMAT}"
            )
        facts = msgspec.json.decode(content, type=TrainedFacts)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    adapter = folder / ADAPTER_FILE
    if not adapter.is_file() or files.sha256(adapter) != facts.sha256:
        raise WeightsError(f"{adapter} is missing or altered: its SHA-256 is not the one in {RESULT_FILE}")
    weights = read_adapter(adapter, AdapterFacts(facts.form, facts.lora.scale, merged=False))
    return facts, replace(weights, outputs=facts.outputs)


def base_of(
    folder: Path, facts: TrainedFacts, base: str | Path | None = None, say: Say = lambda _: None
) -> FoundBase:
    """The base that a result was trained on.

    Args:
        folder: of the result.
        base: where it lies, if not where it was.
        say: told what is going on, a line at a time.

    Raises:
        WeightsError: it is not there, or what is there is another one.
        InputError: ``base`` is neither a folder nor a hub id.
    """
    found = find_base(_place(folder, facts.base) if base is None else base, say)
    if found.identity != facts.base.identity:
        raise WeightsError(
            f"{folder} was trained on {facts.base.name} (identity {facts.base.identity}); "
            f"{found.name} is another base, or an altered one (identity {found.identity})"
        )
    return found


def open_trained(
    folder: Path, how: LoadOptions, *, base: str | Path | None = None, say: Say = lambda _: None
) -> tuple[QualityModel, str]:
    """A model that scores with a result, and what identifies its weights; arguments and errors as of ``base_of``."""
    facts, weights = read_trained(folder)
    found = base_of(folder, facts, base, say)
    settled = msgspec.json.encode((facts.form, facts.outputs, facts.lora), order="sorted")
    identity = files.content_key(facts.base.identity, facts.sha256, settled)[:16]
    return model_on(found, {facts.form: weights}, how), identity


def _place(folder: Path, facts: BaseFacts) -> str | Path:
    if Path(facts.name).is_dir():
        return Path(facts.name)
    for name in (facts.relative, facts.name):
        if name is not None and (folder / name).is_dir():
            return folder / name
    if not Path(facts.name).is_absolute() and hub.looks_like_repo(facts.name):
        return facts.name
    raise WeightsError(
        f"{folder} needs the base that it was trained on, {facts.name} (identity {facts.identity}), which is not "
        "there; say where it lies: --option base=DIR"
    )
