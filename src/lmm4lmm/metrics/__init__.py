"""The metrics that have a name. Adding one is a new file here and one line in this table."""

from lmm4lmm.core.catalog import Catalog

METRICS = Catalog(
    "metric",
    {
        "lmm4lmm": "lmm4lmm.metrics.lmm:load",
        "nano": "lmm4lmm.metrics.nano:load",
    },
    "lmm4lmm.metrics",
)
