"""nano's benchmark: its count of FLOPs is torch's own, its images and texts are what it says, and peers are measured.

pyiqa is a fake here: a package that notes how it is asked, and fetches where the real one does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

transformers = pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
from nano_setup import draw_images, language_flops, matmul_peak, texts, write_manifest  # noqa: E402

from lmm4lmm.core.manifest import read_manifest  # noqa: E402
from lmm4lmm.model.packed import pack  # noqa: E402

FILES = {
    "pyiqa/__init__.py": """
        import json, sys, torch, urllib.request
        __version__ = "0.fake"
        from pyiqa.archs import clipiqa_arch
        import timm
        def create_metric(name, device=None, **options):
            print("chatter that is no JSON")
            assert device == "cpu"
            if name == "maniqa":
                assert options == {"pretrained": False}
                timm.create_model("vit_base_patch8_224", pretrained=True)
            if name == "clipiqa":
                assert clipiqa_arch.load("RN50", "cpu").width == 64
            if name == "brisque":
                coefficients, vectors = torch.load(options["pretrained_model_path"])
                assert vectors.shape == (len(coefficients), 36)
            if name == "musiq":
                urllib.request.urlopen("http://192.0.2.1/weights.pth", timeout=5)
            def metric(pixels):
                assert pixels.dtype == torch.float32 and pixels.shape[1:] == (3, 512, 512)
                assert 0 <= pixels.min() and 0.5 < pixels.max() <= 1
                return pixels.mean((1, 2, 3))
            return metric
    """,
    "pyiqa/archs/__init__.py": "",
    "pyiqa/archs/clip_model.py": """
        class CLIP:
            def __init__(self, *, vision_width, **others): self.width = vision_width
            def float(self): return self
            def eval(self): return self
    """,
    "pyiqa/archs/clipiqa_arch.py": """
        def load(*given): raise AssertionError("it would fetch 244 MB")
    """,
    "timm.py": """
        def create_model(name, pretrained=False): assert not pretrained
    """,
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_images(tmp_path_factory.mktemp("drawn"), 3)


def test_images_are_jpeg_files_of_512_px_that_differ(images: list[Path]) -> None:
    for path in images:
        with Image.open(path) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (512, 512), "RGB")
    assert len({path.read_bytes() for path in images}) == len(images)


def test_every_image_has_texts_of_its_own(images: list[Path], tmp_path: Path) -> None:
    items = list(read_manifest(write_manifest(tmp_path / "manifest.jsonl", images)))
    assert [item.path for item in items] == images
    many = list(islice(texts(), 200))
    assert len({text for pair in many for text in pair}) == 400


@pytest.mark.parametrize("packed", [False, True])
def test_flops_are_those_that_torch_counts(packed: bool) -> None:
    """Eager attention computes the whole square of tokens; ours is the half that causal attention needs."""
    config = transformers.LlamaConfig(
        hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, vocab_size=50, attn_implementation="eager",
    )  # fmt: skip
    language = transformers.LlamaModel(config).eval().requires_grad_(False)
    counted, lengths = 0, (5, 9)
    for length in lengths:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            language(torch.zeros(1, length, dtype=torch.long))
        counts = {str(name): number for name, number in counter.get_flop_counts()["Global"].items()}
        square = 3 * 2 * (2 * length**2 * 4 * 16)  # layers, products, FLOPs of each
        assert sum(counts.values()) > square
        counted += sum(counts.values()) - square + square * (length + 1) // (2 * length)
    if packed and not pack(language):
        pytest.skip("this build of torch packs no layers")
    assert language_flops(language, 3, lengths) == counted
    assert language_flops(language, 1, lengths) * 3 == counted


def test_the_best_product_is_a_rate_and_says_which() -> None:
    rate, which = matmul_peak([(8, 16, 16), (128, 256, 256)], repeats=2)
    assert rate > 0.1
    assert which.endswith(("8 x 16 x 16", "128 x 256 x 256"))


def peers(paths: list[Path], packages: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(BENCHMARKS / "peers.py"), "--threads", "1", "--seconds", "0.05", *words]
    given = json.dumps([str(path) for path in paths])
    return subprocess.run(command, input=given, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from textwrap import dedent

    root = tmp_path_factory.mktemp("packages")
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(content))
    return root


def test_peers_are_measured_and_nothing_is_fetched(images: list[Path], fake: Path) -> None:
    done = peers(images, fake)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["pyiqa"], found["torch"]) == ("0.fake", torch.__version__)
    metrics = found["metrics"]
    assert list(metrics) == ["musiq", "maniqa", "clipiqa", "brisque"]
    assert "a benchmark fetches nothing" in metrics["musiq"].pop("error")
    assert metrics.pop("musiq") == {}
    for name, one in metrics.items():
        assert "error" not in one, one
        assert list(one["by_batch"]) == (["1"] if name == "maniqa" else ["1", "3"])
        assert one["images_per_second"] == max(one["by_batch"].values()) > 0
        assert one["scored"] >= one["batch"]


def test_images_of_several_sizes_go_one_by_one(images: list[Path], fake: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (512, 256)).save(other)
    found = json.loads(peers([images[0], other], fake, "--only", "clipiqa").stdout)["metrics"]["clipiqa"]
    assert (
        "AssertionError" in found["error"]
    )  # the fake takes 512 x 512 only; a batch would fail in torch.stack


def test_a_python_without_pyiqa_is_told_of(images: list[Path], tmp_path: Path) -> None:
    done = peers(images, tmp_path)
    assert done.returncode != 0
    assert "no working pyiqa" in done.stderr
    assert "Traceback" not in done.stderr
