"""The demo's images: photographs that scikit-image ships, once as they are and once damaged.

Only photographs that lie inside scikit-image's own package are used (nothing is fetched), and only those
whose licence its documentation (``skimage.data``) states as free; a file's entry below says which.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

SEED = 20250411
GENERATORS = ("original", "degraded")


@dataclass(frozen=True)
class Photograph:
    """One photograph: its file in ``skimage/data``, what it shows, and a question whose answer is yes."""

    file: str
    prompt: str
    question: str


PHOTOGRAPHS = (
    # NASA Great Images: no known copyright restrictions, public domain.
    Photograph("astronaut.png", "a portrait of an astronaut in an orange suit", "Is there an astronaut?"),
    # CC0, Lav Varshney.
    Photograph("camera.png", "a man in a coat with a camera on a tripod", "Is there a man with a camera?"),
    # CC0, Stefan van der Walt.
    Photograph("chelsea.png", "a close-up photo of a tabby cat", "Is there a cat?"),
    # CC0, Rachel Michetti.
    Photograph("coffee.png", "a red cup of coffee on a wooden table", "Is there a cup of coffee?"),
    # Brooklyn Museum: no known copyright restrictions.
    Photograph("coins.png", "rows of old silver coins on a dark background", "Are there coins?"),
    # SpaceX, released into the public domain.
    Photograph("rocket.jpg", "a rocket on a launch pad at night", "Is there a rocket?"),
    # NASA and ESA, free for use in the public domain.
    Photograph("hubble_deep_field.jpg", "a deep field of galaxies in black space", "Are there galaxies?"),
    # CC0, Mikael Häggström.
    Photograph("retina.jpg", "a medical photo of the retina of a human eye", "Is there a retina?"),
    # CC0 Textures.
    Photograph("brick.png", "a wall of bricks", "Is there a brick wall?"),
    # CC0 Textures.
    Photograph("grass.png", "short grass seen from above", "Is there grass?"),
    # CC0 Textures.
    Photograph("gravel.png", "a ground of small stones", "Are there stones?"),
)


def write_demo(folder: Path) -> Path:
    """Writes the images and ``manifest.jsonl`` into ``folder``; returns the manifest's path.

    Each photograph is there as made by two "generators" (``original``, ``degraded``) and each of these with
    its own prompt (task "right prompt") and with that of another photograph (task "wrong prompt").
    The same bytes come out every time, so a second run finds its scores in the journal.
    """
    rng = np.random.default_rng(SEED)
    rows = []
    for number, photograph in enumerate(PHOTOGRAPHS):
        other = PHOTOGRAPHS[(number + len(PHOTOGRAPHS) // 2) % len(PHOTOGRAPHS)]
        original = Image.open(_packaged(photograph.file)).convert("RGB")
        original.thumbnail((512, 512))
        for generator, image in zip(GENERATORS, (original, degrade(original, rng)), strict=True):
            name = f"{generator}/{Path(photograph.file).stem}.png"
            (folder / generator).mkdir(parents=True, exist_ok=True)
            image.save(folder / name)
            for task, source in (("right prompt", photograph), ("wrong prompt", other)):
                rows.append(
                    {
                        "id": f"{name.removesuffix('.png')}/{task.split()[0]}",
                        "image": name,
                        "prompt": source.prompt,
                        "generator": generator,
                        "task": task,
                        "question": source.question,
                    }
                )
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return manifest


def degrade(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The faults of a poor camera and a poor encoder, one after the other: blur, colour cast, noise, JPEG."""
    soft = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(2.0, 3.5))))
    dull = ImageEnhance.Contrast(soft).enhance(float(rng.uniform(0.5, 0.7)))
    pixels = np.asarray(dull, dtype=np.float64) * rng.uniform(0.75, 1.15, size=3)
    noisy = pixels + rng.normal(0.0, rng.uniform(14.0, 22.0), size=pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=8)
    return Image.open(buffer).convert("RGB")


def _packaged(file: str) -> Path:
    import skimage

    return Path(skimage.__file__).parent / "data" / file
