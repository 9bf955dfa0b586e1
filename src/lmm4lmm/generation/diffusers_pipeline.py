"""Text-to-image pipelines of diffusers: a folder in its layout, or a repository on the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import InputError, ItemError, MissingExtraError, WeightsError
from lmm4lmm.core.files import content_key, offline
from lmm4lmm.generation import pipeline_call
from lmm4lmm.generation.prompt_length import unread

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFLOADS = ("none", "model", "sequential")
_INDEX = "model_index.json"
_ENDS = 1 << 20
"""Bytes at both ends of a weights file that its identity is made from: whole files are many GB."""


class DiffusersPipeline:
    """A pipeline, called with batches of prompts, each with a random generator of its own.

    Noise is drawn on the CPU from the draw's seed, so an image depends neither on its batch nor on the device (up to
    the rounding of another kernel).

    Args:
        pipe: any pipeline that takes ``prompt``.
        name: what rows call it.
        identity: changes with the weights.
        arguments: of every call.
        settings: for the metadata; the arguments and what else decided the image.
    """

    at_once = 1

    def __init__(
        self, pipe: Any, name: str, identity: str, arguments: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> None:
        self._pipe, self._arguments = pipe, dict(arguments)
        self.name, self.settings = name, dict(settings)
        decided = json.dumps([self._arguments, self.settings.get("dtype")], sort_keys=True)
        self.fingerprint = f"diffusers:{name[:24]}:{content_key(identity, decided)[:8]}"

    def generate(self, draws: Sequence[Draw]) -> list[Drawn | Refusal | ItemError]:
        """One image a draw.

        Raises:
            OutOfMemoryError: the batch does not fit.
        """
        import torch

        from lmm4lmm.model.memory import memory_errors

        if not draws:
            return []
        noise = [torch.Generator("cpu").manual_seed(draw.seed) for draw in draws]
        texts = [draw.prompt.text for draw in draws]
        with memory_errors(len(draws)), torch.inference_mode():
            more = pipeline_call.batched(self._arguments, len(draws))
            output = self._pipe(prompt=texts, generator=noise, output_type="np", **more)
        flagged = getattr(output, "nsfw_content_detected", None) or [False] * len(draws)
        cut = [unread(self._pipe, text, self._arguments) for text in texts]
        return [_result(*one) for one in zip(output.images, flagged, cut, strict=True)]


def load(
    target: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    steps: int | None = None,
    guidance: float | None = None,
    size: str | None = None,
    negative: str | None = None,
    offload: str = "none",
    variant: str | None = None,
    call: str | None = None,
) -> DiffusersPipeline:
    """What the catalogue calls.

    Args:
        target: a folder in diffusers' layout, or ``OWNER/NAME[@REVISION]`` on the hub.
        device: where it runs.
        dtype: ``auto`` (float32 on a CPU, bfloat16 or float16 on a GPU), or a dtype's name.
        steps: of denoising.
        guidance: classifier-free guidance scale.
        size: ``WIDTHxHEIGHT`` in pixels, or one number for a square; None is the pipeline's own.
        negative: negative prompt.
        offload: ``none``, or where the GPU is too small ``model`` or ``sequential``.
        variant: of the weights' files, say ``fp16``.
        call: a JSON object with whatever else the pipeline's call takes.

    Raises:
        InputError: an option is wrong, or this pipeline does not take it.
        MissingExtraError: diffusers is not installed.
        WeightsError: the pipeline is not there, can't be fetched, or can't be opened.
    """
    if offload not in OFFLOADS:
        raise InputError(f"offload is '{offload}'; one of {', '.join(OFFLOADS)} is expected")
    wanted = pipeline_call.wanted(steps=steps, guidance=guidance, size=size, negative=negative, call=call)
    try:
        with _quiet():
            import diffusers  # noqa: F401
            import torch
    except ImportError as error:
        raise MissingExtraError(f"a diffusers pipeline (no module '{error.name}')", "generate") from None
    from lmm4lmm.model.devices import choose_dtype, choose_one

    where, _ = choose_one(device, "pipeline")
    kind, _ = choose_dtype(dtype, where)
    folder, revision = _located(target, variant)
    pipe = _opened(folder, kind, variant)
    arguments = pipeline_call.fitted(pipe, wanted)
    pipeline_call.check_size(pipe, arguments)
    pipe.set_progress_bar_config(disable=True)
    _place(pipe, where, offload)
    settings = {
        "pipeline": type(pipe).__name__,
        "weights": target if Path(target).name == target or not Path(target).exists() else Path(target).name,
        **({"revision": revision} if revision else {}),
        "dtype": str(kind).removeprefix("torch."),
        "torch": str(torch.__version__),
        **arguments,
    }
    name = _name(target)
    return DiffusersPipeline(pipe, name, _identity(folder), arguments, settings)


def _located(target: str, variant: str | None) -> tuple[Path, str | None]:
    """The folder of a pipeline, fetched where it is on the hub, and the hub's revision."""
    folder = Path(target).expanduser()
    if folder.is_dir():
        if not (folder / _INDEX).is_file():
            here = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
            raise InputError(
                f"{target} is no pipeline in diffusers' layout: it has no {_INDEX} (found {here})"
            )
        return folder, None
    repo, _, revision = target.partition("@")
    if folder.exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        raise InputError(
            f"{target}: no such folder, and no name on the hub, which would be OWNER/NAME[@REVISION]"
        )
    from diffusers import DiffusionPipeline

    wanted = {"revision": revision or None, "variant": variant, "use_safetensors": True}
    try:
        found = Path(DiffusionPipeline.download(repo, **wanted, local_files_only=offline()))
    # The hub library raises its own, its HTTP client's and the system's errors, and more with each version.
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsError(
            f"{target} can't be fetched from the hub: {why}. A copy in a folder will do as well: diffusers:DIR"
        ) from error
    return found, found.name


def _opened(folder: Path, dtype: Any, variant: str | None) -> Any:
    """The pipeline, as text-to-image where diffusers knows that form of it; no pickle is opened."""
    _refuse_code(folder)
    from diffusers import AutoPipelineForText2Image, DiffusionPipeline

    given = {"torch_dtype": dtype, "use_safetensors": True, "local_files_only": True, "variant": variant}
    try:
        with _quiet():
            try:
                return AutoPipelineForText2Image.from_pretrained(str(folder), **given)
            except ValueError as error:
                if "AutoPipeline" not in str(error):
                    raise
                return DiffusionPipeline.from_pretrained(str(folder), **given)
    except MemoryError:
        raise
    except Exception as error:  # a damaged folder makes a dozen libraries raise nearly anything
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsError(f"{folder}: this pipeline can't be opened: {why}") from error


def _refuse_code(folder: Path) -> None:
    """Refuses a pipeline that brings Python of its own: diffusers would run it."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        kind = index["_class_name"]
        parts = {name: part[0] for name, part in index.items() if isinstance(part, list) and part}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"{folder / _INDEX} can't be read: {error!r}") from None
    own = [name for name, library in parts.items() if (folder / name / f"{library}.py").exists()]
    if not isinstance(kind, str) or own:
        what = f"its part {own[0]}" if own else f"its class {kind}"
        raise WeightsError(f"{folder}: {what} is Python code that came with the weights; it is not run")


def _place(pipe: Any, device: str, offload: str) -> None:
    if offload == "none":
        pipe.to(device)
    elif device == "cpu":
        raise InputError(f"offload '{offload}' moves parts between a GPU and memory; this runs on the CPU")
    elif offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)


def _name(target: str) -> str:
    """The last part of a path or id."""
    repo = target if Path(target).expanduser().is_dir() else target.partition("@")[0]
    return Path(repo).expanduser().resolve().name if Path(repo).is_dir() else repo.rpartition("/")[2]


def _identity(folder: Path) -> str:
    """Of a pipeline's files: names, sizes, and the first and last MB of each."""
    digest = sha256()
    for path in sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    ):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(_ENDS))
            if size > 2 * _ENDS:
                stream.seek(-_ENDS, 2)
            digest.update(stream.read(_ENDS))
    return digest.hexdigest()


def _result(image: Any, flagged: bool, remark: str | None) -> Drawn | Refusal | ItemError:
    from PIL import Image

    if flagged:
        return Refusal("the pipeline's safety checker blocked the image")
    if isinstance(image, Image.Image):
        return Drawn(image, remark=remark)
    pixels = np.asarray(image, dtype=np.float32)
    if not np.isfinite(pixels).all():
        return ItemError("the pipeline gave pixels that are no numbers; try --dtype float32 or bfloat16")
    return Drawn(Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)), remark=remark)


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no remarks about packages that a pipeline does not need."""
    import os
    import warnings

    # Read once, when these libraries are first imported; what the user has set stays.
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.utils import logging
        from transformers.utils import logging as its_parts

        for library in (logging, its_parts):
            library.disable_progress_bar()
        try:
            yield
        finally:
            for library in (logging, its_parts):
                library.enable_progress_bar()
