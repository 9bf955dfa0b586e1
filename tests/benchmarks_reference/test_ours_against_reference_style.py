"""Our engine against an independent model of the reference, on shapes that no fixture has; needs no shared files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tests" / "model" / "official")]
from random_checkpoint import Shape, write  # noqa: E402
from reference_style import ReferenceStyle  # noqa: E402

import lmm4lmm  # noqa: E402

SHAPES = {
    "every head its own keys": Shape(heads=4, kv_heads=4),
    "six heads share one": Shape(hidden=96, heads=6, kv_heads=1, intermediate=200, layers=3),
    "another tile, patch and vocabulary": Shape(image_size=112, patch=14, vocabulary=700, vision_layers=3),
    "normed queries and keys": Shape(qk_normalization=True, vision_hidden=48, vision_heads=3),
    "another head and rank": Shape(head_widths=(48, 12, 1), lora_rank=3, hidden=128, heads=2, kv_heads=1),
}
PROMPTS = ["a red bicycle next to a blue bench", " 两只猫 on a table "]
QUESTION = "Is there a dog in the image?"


@pytest.mark.parametrize("name", SHAPES)
def test_scores_are_the_reference_s(name: str, tmp_path: Path) -> None:
    kinds = {"perception": "score", "correspondence": "score", "answer": "qa"}
    folders = {
        dimension: write(tmp_path / dimension, SHAPES[name], kind=kind, seed=seed, base_seed=3, shards=2)
        for seed, (dimension, kind) in enumerate(kinds.items())
    }
    image = tmp_path / "image.png"
    noise = np.random.default_rng(0).integers(0, 255, (12, 17, 3), np.uint8)
    Image.fromarray(noise).resize((300, 200)).save(image)
    reference = ReferenceStyle(folders)
    expected = [reference.score(image, prompt, f"{QUESTION} Answer yes or no.") for prompt in PROMPTS]

    metric = lmm4lmm.load_metric("lmm4lmm", weights=tmp_path, device="cpu")
    found = lmm4lmm.score(images=[image], prompts=PROMPTS, questions=[QUESTION], metric=metric)

    assert found["error"].null_count() == len(PROMPTS)
    for dimension, tolerance in (("perception", 2e-3), ("correspondence", 2e-3), ("answer", 1e-4)):
        theirs = [scores[dimension] for scores in expected]
        np.testing.assert_allclose(found[dimension].to_list(), theirs, atol=tolerance)
