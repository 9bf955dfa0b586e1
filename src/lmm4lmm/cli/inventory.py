"""Which metrics there are by name, as plain values that can be printed or sent as JSON."""

from __future__ import annotations

from typing import Any


def models() -> list[dict[str, Any]]:
    """Every metric with a name, where it comes from, and whether its weights are here.

    A metric without an entry in ``model.pretrained`` has no weights to pull.
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
                "state": "none needed" if status is None else status.detail,
            }
        )
    return rows
