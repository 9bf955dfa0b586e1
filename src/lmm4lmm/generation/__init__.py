"""The sources of images that have a name. Adding one is a new file here and one line in this table."""

from lmm4lmm.core.catalog import Catalog

GENERATORS = Catalog(
    "generator",
    {
        "diffusers": "lmm4lmm.generation.diffusers_pipeline:load",
        "folder": "lmm4lmm.generation.folder:load",
        "openai": "lmm4lmm.generation.openai_images:load",
    },
    "lmm4lmm.generators",
)
