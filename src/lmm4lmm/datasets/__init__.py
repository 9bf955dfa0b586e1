"""The data sets of human scores, by name. Each target is an object that fits ``core.protocols.Dataset``."""

from lmm4lmm.core.catalog import Catalog

DATASETS = Catalog(
    "data set",
    {
        "agiqa1k": "lmm4lmm.datasets.agiqa1k:DATASET",
        "agiqa3k": "lmm4lmm.datasets.agiqa3k:DATASET",
        "aigciqa2023": "lmm4lmm.datasets.aigciqa2023:DATASET",
        "aigiqa20k": "lmm4lmm.datasets.aigiqa20k:DATASET",
        "edges": "lmm4lmm.datasets.edges:DATASET",
        "evalmi50k": "lmm4lmm.datasets.evalmi50k:DATASET",
        "evalmuse40k": "lmm4lmm.datasets.evalmuse40k:DATASET",
        "genaibench": "lmm4lmm.datasets.genaibench:DATASET",
        "geneval": "lmm4lmm.datasets.geneval:DATASET",
        "imagenhub": "lmm4lmm.datasets.imagenhub:DATASET",
        "richhf18k": "lmm4lmm.datasets.richhf18k:DATASET",
        "tia2": "lmm4lmm.datasets.tia2:DATASET",
        "tifa": "lmm4lmm.datasets.tifa:DATASET",
    },
    "lmm4lmm.datasets",
)
