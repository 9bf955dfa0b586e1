"""Which metrics there are by name, as plain values that can be printed or sent as JSON."""

from __future__ import annotations

from typing import Any

_WHENCE = {
    "brisque": "fetched at its first use (0.2 MB)",
    "clipscore": "from the hub at its first use (1.7 GB), or --weights DIR|OWNER/NAME",
    "judge": "those of an endpoint: --option base_url=URL",
    "ocr": "within its package: pip install 'lmm4lmm[ocr]'",
    "pyiqa": "pyiqa:NAME fetches its own: pip install 'lmm4lmm[pyiqa]'",
    "vqascore": "--weights DIR|OWNER/NAME of any base in docs/bases.md",
}
"""Where the weights of other metrics come from."""


def models() -> list[dict[str, Any]]:
    """Every metric with a name, where it comes from, and whether its weights are here.

    A metric without an entry in ``model.pretrained`` has no weights to pull beforehand.
    """
    from lmm4lmm.metrics import METRICS
    from lmm4lmm.model import pretrained

    weights = {status.name: status for status in pretrained.status()}
    rows = []
    for name, target in sorted(METRICS.targets().items()):
        status = weights.get(name)
        rows.append(
            {
                "name": name,
                "target": target,
                "pullable": status is not None,
                "present": None if status is None else status.present,
                "state": _WHENCE.get(name, "none needed") if status is None else status.detail,
            }
        )
    return rows


def generators() -> list[dict[str, Any]]:
    """Every kind of source, and where it comes from."""
    from lmm4lmm.generation import GENERATORS

    return [{"name": name, "target": target} for name, target in sorted(GENERATORS.targets().items())]


def published() -> list[dict[str, Any]]:
    """The models of EvalMi-50K: what is known of each, and how to run it."""
    from lmm4lmm.datasets.evalmi50k_names import MODELS
    from lmm4lmm.generation.published import PUBLISHED

    rows = []
    for folder, model in MODELS.items():
        recipe = PUBLISHED[folder]
        weights = {True: "open", False: "closed", None: "depends on version"}[model.open_weights]
        rows.append(
            {
                "name": folder,
                "published": model.name,
                "maker": model.maker,
                "weights": weights,
                "link": model.link,
                "hub": recipe.hub,
                "run": recipe.run,
                "options": dict(recipe.options),
                "licence": recipe.licence,
                "note": recipe.note,
                "checked": recipe.checked,
            }
        )
    return rows


def published_one(name: str) -> dict[str, Any]:
    """One of them, by its folder in the release or its published name, upper or lower case.

    Raises:
        UnknownNameError: none of the 24.
    """
    from lmm4lmm.core.errors import UnknownNameError

    rows = published()
    for row in rows:
        if name.lower() in (row["name"].lower(), row["published"].lower()):
            return row
    raise UnknownNameError("published generator", name, [row["name"] for row in rows])
