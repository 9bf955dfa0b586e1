"""nano put together: the cached base with the trained part that lies in this package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import msgspec
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano import base as nano_base
from lmm4lmm.model.nano import processing
from lmm4lmm.model.nano.brisque import Brisque
from lmm4lmm.model.nano.language import LAYERS, LowerLlama
from lmm4lmm.model.nano.network import NanoNetwork
from lmm4lmm.model.nano.processing import TextReader
from lmm4lmm.model.nano.vision import EfficientNetLite0

FROZEN = ("vision.", "brisque.", "language.")
"""What the names of tensors that no training changes begin with."""
TRAINED_FILE, CARD_FILE, FACTS_FILE = "trained.safetensors", "MODEL_CARD.md", "facts.json"


class SelfTest(msgspec.Struct, frozen=True):
    """What the weights must say of a picture that the code draws itself."""

    perception: float
    correspondence: float
    p_yes: float


class Facts(msgspec.Struct, frozen=True):
    """What belongs to one trained part.

    Attributes:
        version: of the trained part.
        base: fingerprint of the base that it was trained on.
        sha256: of the trained file.
        self_test: expected outputs.
        validation: figures by name, on held-out prompts and sources.
    """

    version: str
    base: str
    sha256: str
    self_test: SelfTest | None
    validation: dict[str, float]


def package_folder() -> Path:
    """Where the trained part that we ship lies."""
    return Path(str(resources.files("lmm4lmm.model.nano"))) / "trained"


def read_facts(folder: Path) -> Facts:
    """The facts of a trained part.

    Raises:
        WeightsError: they are missing or damaged.
    """
    try:
        return msgspec.json.decode((folder / FACTS_FILE).read_bytes(), type=Facts)
    except (OSError, msgspec.MsgspecError) as error:
        raise WeightsError(f"{folder} holds no trained part of nano: {error}") from error


def text_reader() -> TextReader:
    """The base's tokenizer."""
    return TextReader(Tokenizer.from_file(str(nano_base.folder() / nano_base.TOKENIZER_FILE)))


def load_base(*, dtype: torch.dtype = torch.float32) -> NanoNetwork:
    """The base with untrained parts; ``dtype`` is the language model's.

    Raises:
        WeightsError: the base has not been pulled.
    """
    nano_base.require()
    from transformers import LlamaModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would list the layers that we leave out
    where = nano_base.folder()
    vision = EfficientNetLite0()
    vision.load_state_dict(load_file(where / nano_base.VISION_FILE), strict=False)
    vision.fused().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    language = LlamaModel.from_pretrained(
        where / nano_base.LANGUAGE_FOLDER,
        dtype=dtype,
        num_hidden_layers=LAYERS,  # those above are never read from the disk
        local_files_only=True,
        attn_implementation="sdpa",
    )
    logging.set_verbosity(verbosity)
    model = NanoNetwork(vision, load_brisque(), LowerLlama(language), hidden=language.config.hidden_size)
    return model.eval().requires_grad_(False)


def load_brisque() -> Brisque:
    """BRISQUE with its published weights.

    Raises:
        WeightsError: the base has not been pulled.
    """
    nano_base.require()
    published = load_file(nano_base.folder() / nano_base.BRISQUE_FILE)
    found = Brisque(len(published["vectors"]))
    found.load_state_dict(published, strict=False)  # its ranges stand in the code
    return found.requires_grad_(False)


def load_trained(folder: Path) -> tuple[NanoNetwork, Facts]:
    """nano, ready to score, with the trained part of a folder.

    Raises:
        WeightsError: the base is absent, or the trained part is missing, altered or made for another base.
    """
    facts = read_facts(folder)
    trained = folder / TRAINED_FILE
    if not trained.is_file() or files.sha256(trained) != facts.sha256:
        raise WeightsError(f"{trained} is missing or altered: its SHA-256 is not the one in {FACTS_FILE}")
    if nano_base.require().fingerprint != facts.base:
        raise WeightsError(f"{trained} was trained on another base than the one in {nano_base.folder()}")
    model = load_base()
    state = {name: value.float() for name, value in load_file(trained).items()}
    apply_trained(model, state)
    return model, facts


def apply_trained(model: NanoNetwork, state: Mapping[str, Tensor]) -> None:
    """Puts a trained part into a base, by name.

    Up to version 0.3 perception and matching shared one narrow view: each then gets a copy of it.

    Raises:
        WeightsError: names or shapes differ from this version's.
    """
    shared = [name for name in state if name.startswith("scene.finish.")]
    state = {**{name.replace("finish", "manner"): state[name] for name in shared}, **state}
    if odd := sorted(set(trained_names(model)).symmetric_difference(state)):
        raise WeightsError(f"the trained part has other tensors than expected, for instance {odd[0]}")
    try:
        model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"the trained part does not fit: {error}") from error


def trained_names(model: nn.Module) -> list[str]:
    """Names of the tensors that training makes: all but the frozen eye, BRISQUE and the language model."""
    return [name for name in model.state_dict() if not name.startswith(FROZEN)]


def run_self_test(model: NanoNetwork, reader: TextReader) -> SelfTest:
    """What the weights say of a picture drawn here: a red disc on a blue slope, with its right prompt."""
    picture = Image.linear_gradient("L").resize((320, 240))
    picture = Image.merge("RGB", (picture.point([0] * 256), picture.point([40] * 256), picture))
    ImageDraw.Draw(picture).ellipse((100, 60, 220, 180), fill=(220, 30, 30))
    texts = reader.read("a red circle on a blue background", "Does the image contain a circle?")
    with torch.inference_mode():
        seen = processing.view(picture)
        output = model(model.look([seen]), model.read([texts]))
    assert output.correspondence is not None  # both texts are given
    assert output.answer is not None
    return SelfTest(
        perception=output.perception.score.item(),
        correspondence=output.correspondence.score.item(),
        p_yes=output.answer.sigmoid().item(),
    )


def self_test_differences(model: NanoNetwork, reader: TextReader, expected: SelfTest) -> list[str]:
    """Outputs that are further from the expected ones than arithmetic explains: .05 of 100, .001 of a probability."""
    found = run_self_test(model, reader)
    tolerances = {"perception": 0.05, "correspondence": 0.05, "p_yes": 0.001}
    return [
        f"self-test: {name} is {getattr(found, name):.4f}, expected {getattr(expected, name):.4f}"
        for name, tolerance in tolerances.items()
        if not abs(getattr(found, name) - getattr(expected, name)) <= tolerance
    ]


def fingerprint(facts: Facts, dtype: torch.dtype) -> str:
    """Changes whenever nano's scores may."""
    key = files.content_key(facts.sha256, facts.base, str(processing.VERSION), str(dtype))
    return f"nano-{facts.version}:{key[:8]}"
