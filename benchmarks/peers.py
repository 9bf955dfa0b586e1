"""Rates of other metrics (pyiqa's MUSIQ, MANIQA, CLIP-IQA, BRISQUE) on given image files, as JSON.

Started by ``nano.py --peers --peer-python PEERS/bin/python``; alone, it reads a JSON list of paths from its standard
input. It runs in an environment of its own (5.6 GB, so not a part of ``make test``), which these commands make:

    python3.11 -m venv peers
    peers/bin/pip install 'setuptools<81' torch==2.14.1 torchvision==0.29.1 pyiqa==0.1.16
    .venv/bin/python benchmarks/nano.py --peers --peer-python peers/bin/python

(setuptools: pyiqa's tokenizer, openai-clip, still imports pkg_resources.) Written from the source of pyiqa 0.1.16.

Weights are random: no rate depends on them. Nothing is fetched; where a metric tries, that is its error here. BRISQUE
gets 770 support vectors, as many as a released model has. Metrics are given files, so decoding counts, as for nano,
and two threads decode ahead. Of one image at a time and batches, the better rate counts. MANIQA cuts 20 crops of an
image, which is a batch already.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

READERS = 2
SUPPORT_VECTORS, BRISQUE_FEATURES = 770, 36
RESNET50_CLIP = {
    "embed_dim": 1024,
    "image_resolution": 224,
    "vision_layers": (3, 4, 6, 3),
    "vision_width": 64,
    "vision_patch_size": None,
    "context_length": 77,
    "vocab_size": 49408,
    "transformer_width": 512,
    "transformer_heads": 8,
    "transformer_layers": 12,
}
"""OpenAI's released RN50, which pyiqa's CLIP-IQA stands on."""


def main() -> None:
    """Reads paths, measures, prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--seconds", type=float, default=60, help="for each metric and batch size, about")
    parser.add_argument("--only", nargs="+", choices=METRICS, default=list(METRICS))
    options = parser.parse_args()
    paths = [Path(path) for path in json.load(sys.stdin)]
    os.environ["HF_HUB_OFFLINE"] = "1"
    with contextlib.redirect_stdout(sys.stderr):  # what libraries print is not the document
        import torch

        if options.threads:
            torch.set_num_threads(options.threads)
        try:
            pyiqa = importlib.import_module("pyiqa")
        except ImportError as error:
            raise SystemExit(
                f"{sys.executable} has no working pyiqa ({error}); peers.py says how to make one"
            ) from None
        with no_downloads():
            metrics = {name: measured(name, paths, options.seconds) for name in options.only}
    version = getattr(pyiqa, "__version__", "unknown")
    print(json.dumps({"pyiqa": version, "torch": torch.__version__, "metrics": metrics}))


def measured(name: str, paths: list[Path], seconds: float) -> dict[str, Any]:
    """A metric's best rate with its batch size, or why there is none."""
    build, batches = METRICS[name]
    try:
        metric = build()
        tried = [timed(metric, paths, batch, seconds) for batch in usable(batches, paths)]
    except Exception as error:  # one peer's trouble is not the others'
        return {"error": f"{type(error).__name__}: {error}"}
    best = max(tried, key=lambda one: one["images_per_second"])
    return {**best, "by_batch": {str(one["batch"]): one["images_per_second"] for one in tried}}


def usable(batches: tuple[int, ...], paths: list[Path]) -> tuple[int, ...]:
    """Batch sizes that go with these images: a batch needs images of one size."""
    from PIL import Image

    sizes = set()
    for path in paths:
        with Image.open(path) as image:
            sizes.add(image.size)
    return batches if len(sizes) == 1 else (1,)


def timed(metric: Callable[[Any], Any], paths: list[Path], batch: int, seconds: float) -> dict[str, Any]:
    """Images a second over the files, round and round until the time is up; the first batch is not counted."""
    import torch

    batch = min(batch, len(paths))
    chunks = [paths[first : first + batch] for first in range(0, len(paths) - batch + 1, batch)]
    with torch.inference_mode(), ThreadPoolExecutor(READERS) as readers:
        metric(torch.stack(list(readers.map(read, chunks[0]))))
        scored, began = 0, perf_counter()
        while perf_counter() - began < seconds:
            for pixels in ahead(readers, chunks):
                metric(pixels)
                scored += batch
                if perf_counter() - began >= seconds:
                    break
        elapsed = perf_counter() - began
    return {"batch": batch, "scored": scored, "images_per_second": scored / elapsed}


def ahead(readers: ThreadPoolExecutor, chunks: list[list[Path]]) -> Iterator[Any]:
    """Each chunk's pixels [B, 3, H, W] of 0 to 1, while the next one is being decoded."""
    import torch

    waiting = [readers.submit(read, path) for path in chunks[0]]
    for number in range(len(chunks)):
        after = chunks[number + 1] if number + 1 < len(chunks) else []
        following = [readers.submit(read, path) for path in after]
        yield torch.stack([one.result() for one in waiting])
        waiting = following


def read(path: Path) -> Any:
    """[3, H, W] of 0 to 1, as pyiqa reads a file."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255


def created(name: str, **options: Any) -> Any:
    """The metric of this name on the processor."""
    return importlib.import_module("pyiqa").create_metric(name, device="cpu", **options)


def musiq() -> Any:
    """MUSIQ (Ke et al. 2021) as for KonIQ-10k: one output."""
    return created("musiq", pretrained=False)


def maniqa() -> Any:
    """MANIQA (Yang et al. 2022). It would fetch its ViT from timm whatever it is told."""
    timm = importlib.import_module("timm")
    plain = timm.create_model
    timm.create_model = lambda *given, **options: plain(*given, **{**options, "pretrained": False})
    try:
        return created("maniqa", pretrained=False)
    finally:
        timm.create_model = plain


def clipiqa() -> Any:
    """CLIP-IQA (Wang et al. 2023) on a ResNet-50 of CLIP, in float32, as pyiqa runs it on a processor."""
    architecture = importlib.import_module("pyiqa.archs.clipiqa_arch")
    network = importlib.import_module("pyiqa.archs.clip_model").CLIP
    plain = architecture.load
    architecture.load = lambda *_given, **_options: network(**RESNET50_CLIP).float().eval()
    try:
        return created("clipiqa", pretrained=False)
    finally:
        architecture.load = plain


def brisque() -> Any:
    """BRISQUE (Mittal et al. 2012) with random support vectors, from a file as it wants them."""
    import torch

    model = (torch.randn(SUPPORT_VECTORS), torch.rand(SUPPORT_VECTORS, BRISQUE_FEATURES) * 2 - 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "support_vectors.pth"
        torch.save(model, path)
        return created("brisque", pretrained_model_path=str(path))


@contextlib.contextmanager
def no_downloads() -> Iterator[None]:
    """No connection to anywhere, for as long as the block runs."""

    def refused(*_given: object, **_options: object) -> None:
        raise ConnectionError("a benchmark fetches nothing")

    plain = socket.socket.connect
    socket.socket.connect = refused  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        socket.socket.connect = plain  # type: ignore[method-assign]


METRICS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "musiq": (musiq, (1, 16)),
    "maniqa": (maniqa, (1,)),
    "clipiqa": (clipiqa, (1, 16)),
    "brisque": (brisque, (1, 16)),
}
"""How each is made, and the batch sizes that are tried."""


if __name__ == "__main__":
    main()
