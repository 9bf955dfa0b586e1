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
