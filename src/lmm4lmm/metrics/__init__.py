"""The metrics that have a name. Adding one is a new file here and one line in this table."""

from lmm4lmm.core.catalog import Catalog

METRICS = Catalog(
    "metric",
    {
        "brisque": "lmm4lmm.metrics.brisque:load",
        "clipscore": "lmm4lmm.metrics.clipscore:load",
        "judge": "lmm4lmm.metrics.judge:load",
        "lmm4lmm": "lmm4lmm.metrics.lmm:load",
        "nano": "lmm4lmm.metrics.nano:load",
        "ocr": "lmm4lmm.metrics.ocr:load",
        "pyiqa": "lmm4lmm.metrics.pyiqa:load",
        "vqascore": "lmm4lmm.metrics.vqascore:load",
    },
    "lmm4lmm.metrics",
)
