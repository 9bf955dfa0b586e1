"""Images that the caller holds: what becomes of their pixels, which lists fit together, and what is refused."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.core.errors import ImageError, InputError
from lmm4lmm.core.images import read_image
from lmm4lmm.running.in_memory import HeldItem, items_of

RED = np.zeros((4, 6, 3), np.uint8) + np.array([200, 10, 30], np.uint8)


def seen(image: object) -> np.ndarray[Any, Any]:
    """The pixels that a metric would be given."""
    (item,) = items_of(image)  # type: ignore[arg-type]
    assert isinstance(item, HeldItem)
    picture = item.held.read()
    assert picture.mode == "RGB"
    assert picture.info == {}
    return np.asarray(picture)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (RED, RED),
        (RED[..., 0], np.repeat(RED[..., :1], 3, 2)),
        (RED[..., :1], np.repeat(RED[..., :1], 3, 2)),
        (np.dstack([RED, np.full((4, 6), 255, np.uint8)]), RED),
        (np.dstack([RED, np.zeros((4, 6), np.uint8)]), np.full((4, 6, 3), 255)),
        (RED / 255, RED),
        ((RED / 255).astype(np.float32), RED),
        ((RED / 255).astype(np.float16), RED),
        (RED[::-1, ::-1], RED),
        (np.asfortranarray(RED), RED),
        (np.zeros((1, 1)), np.zeros((1, 1, 3))),
        (np.ones((1, 1)), np.full((1, 1, 3), 255)),
    ],
)
def test_arrays_become_what_they_show(array: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> None:
    assert seen(array).tolist() == expected.tolist()


def test_every_level_survives_as_a_float() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for dtype in (np.float16, np.float32, np.float64):
        assert np.array_equal(seen((levels / 255).astype(dtype))[..., 0], levels)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("loaded", [False, True])
def test_an_opened_file_gives_the_pixels_of_the_file(kind: str, loaded: bool) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    opened = Image.open(BytesIO(data))
    if loaded:
        opened.load()
    assert np.array_equal(seen(opened), np.asarray(read_image(data, name="x")))


def test_orientation_transparency_and_depth_follow_the_rules_for_files() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.fromarray(RED), "JPEG", exif=exif.tobytes())
    clear = encoded(Image.new("RGBA", (3, 3), (0, 0, 0, 0)), "PNG")
    deep = encoded(Image.fromarray(np.full((3, 3), 40_000, np.uint16)), "PNG")
    for data, shape in ((turned, (6, 4, 3)), (clear, (3, 3, 3)), (deep, (3, 3, 3))):
        found = seen(Image.open(BytesIO(data)))
        assert found.shape == shape
        assert np.array_equal(found, np.asarray(read_image(data, name="x")))


def test_the_caller_s_image_stays_as_it_was() -> None:
    picture = Image.fromarray(np.dstack([RED, RED[..., 0]]))
    picture.info["note"] = "mine"
    before = picture.tobytes()
    seen(picture)
    assert (picture.mode, picture.tobytes(), picture.info) == ("RGBA", before, {"note": "mine"})


def test_threads_may_read_one_unloaded_image_at_once() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (400, 400, 3), np.uint8)
    opened = Image.open(BytesIO(encoded(Image.fromarray(noise), "PNG")))
    items = items_of([opened] * 16, [str(n) for n in range(16)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda item: np.asarray(item.held.read()), items))  # type: ignore[attr-defined]
    assert all(np.array_equal(one, noise) for one in found)


def test_one_image_is_read_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, without luck: Pillow would decode into the one image from every thread."""
    inside: list[int] = []
    most = 0

    def slow(image: Image.Image, *, name: str) -> Image.Image:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside))
        time.sleep(0.01)
        inside.pop()
        return image

    monkeypatch.setattr("lmm4lmm.running.in_memory.upright_rgb", slow)
    one = Image.new("RGB", (2, 2))
    items = items_of([one, Image.new("RGB", (2, 2)), one, one], "p")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda item: item.held.read(), [items[0], items[2], items[3]]))  # type: ignore[attr-defined]
    assert most == 1
    assert items[1].held is not items[0].held  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), r"images\[0\] .*shape \(4, 4, 2\) and dtype uint8; .*H x W"),
        (np.zeros((3, 9, 9), np.uint8), "channels come first"),
        (np.zeros((0, 4, 3), np.uint8), "H x W"),
        (np.zeros(7, np.uint8), "H x W"),
        (np.zeros((4, 4, 3), np.uint16), "uint16; whole numbers are uint8"),
        (np.zeros((4, 4), bool), "bool; whole numbers"),
        (np.full((4, 4), 254.0), "from 254 to 254; floats are 0 to 1"),
        (np.full((4, 4), -0.1), "from -0.1"),
        (np.full((4, 4), np.nan), "from nan"),
        (b"PNG", r"images\[0\] is bytes"),
        (7, r"images\[0\] is int"),
        (None, r"images\[0\] is NoneType"),
        ([Path("a"), 7], r"images\[1\] is int"),
        ([], "no images"),
    ],
)
def test_what_is_no_image_is_refused_before_any_work(image: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        items_of(image)  # type: ignore[arg-type]


def test_a_tensor_is_refused_with_its_shape() -> None:
    torch = pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    for tensor in (torch.zeros(3, 4, 4), torch.zeros(2, 3, 4, 4)):
        with pytest.raises(InputError, match=r"torch.Tensor, shape torch.Size.*dtype torch.float32"):
            items_of(tensor)


def test_an_image_of_nothing_is_the_item_s_error() -> None:
    with pytest.raises(ImageError, match="nothing to see"):
        seen(Image.new("RGB", (0, 2)))


def test_a_batch_of_arrays_is_its_images() -> None:
    items = items_of(np.stack([RED, RED, RED]))
    assert [item.image for item in items] == ["image 0", "image 1", "image 2"]
    assert [item.image for item in items_of(np.array(["a.png", "b.png"]))] == ["a.png", "b.png"]


lengths = st.tuples(*[st.sampled_from([1, 1, 2, 3])] * 4)


@given(lengths)
def test_lists_of_one_go_with_everything_and_others_must_agree(found: tuple[int, int, int, int]) -> None:
    m, n, q, g = found
    images = [Path(f"{i}.png") for i in range(m)]
    prompts, questions, generators = (
        [f"{letter}{i}" for i in range(count)] for letter, count in (("p", n), ("q", q), ("g", g))
    )
    several = {count for count in found if count > 1}
    if len(several) > 1:
        with pytest.raises(InputError, match="give as many of each, or one for all"):
            items_of(images, prompts, questions, generators)
        return
    items = items_of(images, prompts, questions, generators)
    assert len(items) == max(found)
    for i, item in enumerate(items):
        assert (item.id, item.image) == (str(i), f"{i % m}.png")
        assert (item.prompt, item.question, item.generator) == (f"p{i % n}", f"q{i % q}", f"g{i % g}")


def test_texts_that_are_no_texts() -> None:
    with pytest.raises(InputError, match=r"prompts\[1\] is not a text \(found NoneType\)"):
        items_of(["a", "b"], ["x", None])
    with pytest.raises(InputError, match=r"questions\[0\] is not a text \(found int\)"):
        items_of(["a"], ["x"], [3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="prompts is an empty list"):
        items_of(["a"], [])
    assert items_of(["a"], "read prompts.txt")[0].prompt == "read prompts.txt"
