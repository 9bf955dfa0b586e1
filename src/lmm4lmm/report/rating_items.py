"""What a manifest knows of the items that people rated: prompts, generators and tasks join their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.manifest import read_manifest
from lmm4lmm.core.rating_rows import OF_ITEMS
from lmm4lmm.report.ratings import RatingAnalysis


def with_manifest(found: RatingAnalysis, source: Path) -> RatingAnalysis:
    """Joins a manifest's facts by ``id``, or by ``image`` where raters' items are paths; the manifest's word counts.

    Raises:
        InputError: the manifest can't be read, or has none of the items.
        ManifestError: it is damaged.
    """
    manifest = read_manifest(source).frame
    items = found.of_items["id"]
    key = max(("id", "image"), key=lambda name: int(manifest[name].is_in(items.to_list()).sum()))
    matched = manifest.filter(pl.col(key).is_in(items.to_list()))
    if matched.is_empty():
        raise InputError(f"{source}: none of the {len(items):,} rated items is an id or an image there")
    facts = matched.unique(key, keep="first", maintain_order=True).select(
        pl.col(key).alias("id"), *(name for name in OF_ITEMS if name == "image" or name != key)
    )
    ours = found.of_items.join(facts, on="id", how="left", suffix="_there", maintain_order="left")
    both = [
        pl.coalesce(f"{name}_there", name).alias(name) if f"{name}_there" in ours.columns else pl.col(name)
        for name in OF_ITEMS
        if name in ours.columns
    ]
    missing = len(items) - ours.filter(pl.col("id").is_in(facts["id"].to_list())).height
    notes = (f"{missing:,} rated items are not in {source.name}",) if missing else ()
    return replace(found, of_items=ours.select("id", *both), notes=(*found.notes, *notes))
