"""Which metrics there are by name, as plain values that can be printed or sent as JSON."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmm4lmm.metrics.cards import MetricCard


def models() -> list[dict[str, Any]]:
    """Every metric with a name: what it measures, gives, needs and costs, and whether its weights are here.

    A metric without an entry in ``model.pretrained`` has no weights to pull beforehand. Of a metric of another
    package nothing is known but its place; it is not imported.
    """
    from lmm4lmm.metrics import METRICS
    from lmm4lmm.metrics.cards import CARDS
    from lmm4lmm.model import pretrained

    weights = {status.name: status for status in pretrained.status()}
    rows = []
    for name, target in sorted(METRICS.targets().items()):
        status, card = weights.get(name), CARDS.get(name)
        rows.append(
            {
                "name": name,
                "target": target,
                "measures": f"a plug-in, {target}" if card is None else card.measures,
                "gives": None if card is None else list(card.outputs),
                "needs": None if card is None else card.needs,
                "installed": None if card is None else installed(card),
                "install": None if card is None else installation(card),
                "costs": None if card is None else card.costs,
                "licence": None if card is None else card.licence,
                "pullable": status is not None,
                "present": None if status is None else status.present,
                "state": status.detail if status else "none needed" if card is None else card.weights,
            }
        )
    return rows


def installed(card: MetricCard) -> bool:
    """Whether the packages that a metric needs are there; nothing is imported."""
    return all(find_spec(module) is not None for module in card.modules)


def installation(card: MetricCard) -> str:
    """How its packages are had, or that they are here."""
    if card.extra is None:
        return "nothing"
    return "installed" if installed(card) else f"pip install 'lmm4lmm[{card.extra}]'"


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
