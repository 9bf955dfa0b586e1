"""The data sets of human scores, by name. Each target is an object that fits ``core.protocols.Dataset``."""

from lmm4lmm.core.catalog import Catalog

DATASETS = Catalog(
    "data set",
    {
        "evalmi50k": "lmm4lmm.datasets.evalmi50k:DATASET",
    },
    "lmm4lmm.datasets",
)
