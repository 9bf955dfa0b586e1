"""A folder in the hub's layout, of any family that we know, to a base ready to run.

Only data is read: configuration, safetensors, ``tokenizer.json``, image settings and chat template. Python files in
the folder, and what ``auto_map`` says of them, are never looked at; pickles neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases import dialogues
from lmm4lmm.model.bases.dialogues import Form
from lmm4lmm.model.bases.hub_reader import HubReader
from lmm4lmm.model.bases.internvl import InternVL
from lmm4lmm.model.bases.pixels import processor
from lmm4lmm.model.bases.qwen_vl import QwenVL
from lmm4lmm.model.bases.smolvlm import SmolVLM
from lmm4lmm.model.official.tiles import TileSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from lmm4lmm.model.bases.base import Base, Dialogue


@dataclass(frozen=True)
class Parts:
    """What every family's base is made of.

    Attributes:
        network: transformers' model without its vocabulary head.
        vocabulary: [V, H], that head.
    """

    folder: Path
    network: nn.Module
    vocabulary: Tensor
    reader: HubReader
    dialogue: Dialogue
    image_token: int
    compiled: bool


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        model: transformers' class, its vocabulary head included.
        token: the image's placeholder.
        form: how it is spoken to.
        make: puts the parts together.
    """

    model: str
    token: str
    form: Form
    make: Callable[[Parts], Base]


def open_base(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    attention: str = "sdpa",
    compiled: bool = False,
) -> Base:
    """The base in a folder.

    Args:
        folder: with ``config.json``, ``*.safetensors``, ``tokenizer.json`` and ``preprocessor_config.json``.
        device: where it shall run.
        dtype: what it shall compute in; None is float32.
        attention: ``sdpa``, ``flash_attention_2`` or ``eager``; plain decoders use torch's own.
        compiled: see ``PlainDecoder``.

    Raises:
        WeightsError: a file is missing or damaged, a tensor is missing, left over or of another shape, or the model
            is of a family that is not supported.
        MissingExtraError: the packages for it are not installed.
    """
    family = _family(folder)
    reader = HubReader.read(folder)
    dialogue = dialogues.spoken(family.form, folder)
    dialogues.check_cuts(dialogue, reader, family.token, source=str(folder))
    network, vocabulary = _loaded(folder, family.model, dtype, attention)
    config: Any = network.config
    if (token := reader.id_of(family.token)) != config.image_token_id:
        raise WeightsError(
            f"{folder}: {family.token} is {token} in the tokenizer, {config.image_token_id} in the model"
        )
    if reader.vocabulary_size > len(vocabulary):
        raise WeightsError(
            f"{folder}: the tokenizer has {reader.vocabulary_size} tokens, the model {len(vocabulary)}"
        )
    network.to(device)
    base = family.make(Parts(folder, network, vocabulary.to(device), reader, dialogue, token, compiled))
    return base.eval().requires_grad_(False)


def _family(folder: Path) -> Family:
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind not in FAMILIES:
        raise WeightsError(f"{path}: model_type is {kind!r}; supported as bases: {', '.join(FAMILIES)}")
    return FAMILIES[kind]


def _loaded(folder: Path, model: str, dtype: torch.dtype | None, attention: str) -> tuple[nn.Module, Tensor]:
    """The network without its vocabulary head, and that head's matrix [V, H]."""
    import torch
    import transformers
    from transformers.utils import logging

    if (folder / "adapter_config.json").exists():  # transformers would go and fetch the base that it names
        raise WeightsError(f"{folder} holds a PEFT adapter, not a whole model")
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # what it would list, the lines below say
    try:
        whole, found = getattr(transformers, model).from_pretrained(
            str(folder),
            dtype=dtype or torch.float32,
            attn_implementation=attention,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # damaged files make transformers raise nearly anything
        raise WeightsError(f"{folder} can't be loaded as {model}: {error}") from error
    finally:
        logging.set_verbosity(verbosity)
    for problem in ("missing", "unexpected", "mismatched"):
        if names := sorted(map(str, found[f"{problem}_keys"])):
            raise WeightsError(f"{folder}: {len(names)} tensors are {problem}, for instance {names[0]}")
    return whole.model, whole.get_output_embeddings().weight.detach()


def _internvl(parts: Parts) -> Base:
    from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    settings = processor(GotOcr2ImageProcessorPil, parts.folder)
    if [*settings.image_mean, *settings.image_std] != [*IMAGENET_DEFAULT_MEAN, *IMAGENET_DEFAULT_STD]:
        raise WeightsError(f"{parts.folder}: image_mean and image_std must be ImageNet's, as InternVL's are")
    side = settings.size.height
    if not side or side != settings.size.width:
        raise WeightsError(f"{parts.folder}: tiles of {settings.size} are not square")
    tiling = TileSettings(side, settings.min_patches, settings.max_patches, thumbnail=True, squash=None)
    return InternVL(
        parts.network,
        parts.reader,
        parts.dialogue,
        image_token=parts.image_token,
        tiling=tiling,
        vocabulary=parts.vocabulary,
        compiled=parts.compiled,
    )


def _qwen_vl(parts: Parts) -> Base:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    return QwenVL(
        parts.network,
        parts.reader,
        parts.dialogue,
        image_token=parts.image_token,
        processor=processor(Qwen2VLImageProcessorPil, parts.folder),
        vocabulary=parts.vocabulary,
    )


def _smolvlm(parts: Parts) -> Base:
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    return SmolVLM(
        parts.network,
        parts.reader,
        parts.dialogue,
        image_token=parts.image_token,
        processor=processor(SmolVLMImageProcessorPil, parts.folder),
        vocabulary=parts.vocabulary,
        compiled=parts.compiled,
    )


FAMILIES = {
    "internvl": Family("InternVLForConditionalGeneration", "<IMG_CONTEXT>", dialogues.INTERNVL, _internvl),
    "qwen2_5_vl": Family(
        "Qwen2_5_VLForConditionalGeneration", "<|image_pad|>", dialogues.QWEN2_5_VL, _qwen_vl
    ),
    "qwen3_vl": Family("Qwen3VLForConditionalGeneration", "<|image_pad|>", dialogues.QWEN3_VL, _qwen_vl),
    "idefics3": Family("Idefics3ForConditionalGeneration", "<image>", dialogues.SMOLVLM, _smolvlm),
    "smolvlm": Family("SmolVLMForConditionalGeneration", "<image>", dialogues.SMOLVLM, _smolvlm),
}
"""By ``model_type`` of a folder's ``config.json``."""
