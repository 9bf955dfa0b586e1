"""From the name of a base to the base itself: any folder or repository that holds one, with adapters or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.model.adapters import Adapter, merged
from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.bases.opening import open_base
from lmm4lmm.model.checkpoint import AdapterWeights, Checkpoint, Lazy
from lmm4lmm.model.loading import LoadOptions, build
from lmm4lmm.model.official.identity import identity_of
from lmm4lmm.model.official.reading import read_checkpoint, readout_of
from lmm4lmm.model.packed import pack
from lmm4lmm.model.quality_model import QualityModel
from lmm4lmm.model.saved import open_saved
from lmm4lmm.model.saved_manifest import identity_of_saved, read_manifest, used_files
from lmm4lmm.model.sources import locate

Say = Callable[[str], None]


@dataclass(frozen=True)
class FoundBase:
    """A base, before its weights are read.

    Attributes:
        name: an absolute path, or ``OWNER/NAME@COMMIT`` on the hub: finds it again.
        identity: changes with the base's weights, tokenizer and image settings.
        bare: the folder of a model that nobody trained to score.
        checkpoint: of ours or released; its adapters are not part of the base.
    """

    name: str
    identity: str
    bare: Path | None = None
    checkpoint: Checkpoint | None = None


def find_base(name: str | Path, say: Say = lambda _: None) -> FoundBase:
    """Finds a base, and fetches it where it lies on the hub.

    Args:
        name: a folder or a hub id of a model of a supported family, of a released checkpoint, or of one of ours.
            Where a folder holds several released checkpoints, the base is that of the first by name.
        say: told what is going on, a line at a time.

    Raises:
        InputError: there is nothing there.
        WeightsError: it is damaged, of another kind, or can't be fetched.
    """
    located = locate(str(name), DIMENSIONS, say, bare=True)
    here = Path(name).expanduser()
    lasting = str(here.absolute()) if here.is_dir() else located.label
    if located.bare is not None:
        return FoundBase(lasting, identity_of([located.bare]), bare=located.bare)
    if located.saved is not None:
        manifest = read_manifest(located.saved)
        identity = identity_of_saved(manifest, {}, used_files(manifest, {}))
        return FoundBase(lasting, identity, checkpoint=open_saved(located.saved))
    first = located.released[0]
    checkpoint = read_checkpoint({first.readout or readout_of(first.folder): first.folder})
    if len(located.released) > 1:  # which of their adapters would be meant, nobody could tell
        checkpoint = replace(checkpoint, adapters={})
    return FoundBase(lasting, identity_of([first.folder]), checkpoint=checkpoint)


def model_on(found: FoundBase, adapters: Mapping[str, AdapterWeights], how: LoadOptions) -> QualityModel:
    """A model of a base with these adapters, ready to score.

    Raises:
        WeightsError: the base is damaged, or an adapter does not fit it.
        InputError: an option that this base can't have.
    """
    if found.checkpoint is not None:
        return build(replace(found.checkpoint, adapters=dict(adapters)), how)
    if found.bare is None:
        raise WeightsError(f"{found.name} holds no base")
    if how.quantize or (how.merge and not adapters):
        raise InputError("merge and quantize are for checkpoints with adapters, not for a bare base")
    base = open_base(
        found.bare, device=how.device, dtype=how.dtype, attention=how.attention, compiled=how.compiled
    )
    if how.merge:
        lazy = _tensors(base)
        adapters = {name: merged(weights, lazy) for name, weights in adapters.items()}
    made = {name: Adapter(weights, torch.device(how.device), how.dtype) for name, weights in adapters.items()}
    model = QualityModel(base, made)
    if how.pack:
        pack(base.network, keep={name for weights in adapters.values() for name in weights.replaced})
    return model


def _tensors(base: Base) -> dict[str, Lazy]:
    return {name: partial(value.detach) for name, value in base.network.named_parameters()}
