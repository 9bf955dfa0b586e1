"""What every metric of the catalogue must keep to; a new metric is tested by being in the table."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

sys.path.extend(
    str(Path(__file__).parent / place) for place in ("../model/official", "../model/bases", "judging")
)
from fake_endpoint import running
from fake_pyiqa import fake_pyiqa
from random_checkpoint import Shape, write
from tiny_bases import write_folder
from tiny_clip import write_clip

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.core.records import DIMENSIONS, Item
from lmm4lmm.metrics import METRICS
from lmm4lmm.metrics.cards import CARDS

PROMPTS = [
    ("astronaut", "a portrait of a woman in an orange space suit", "Is there a person in the image?"),
    ("coffee", "a cup of coffee on a wooden table", None),
    ("chelsea", "一只猫 🐈", "Does the image contain a cat?Answer yes or no."),
    ("rocket", "a rocket " + "on a launch pad " * 40, "Is it day?"),
    ("coins", "", None),
]


@pytest.fixture(scope="module", params=METRICS.names())
def metric(request, tmp_path_factory):
    name = request.param
    if name == "nano":
        request.getfixturevalue("nano_base_folder")
    if name == "ocr":
        pytest.importorskip("rapidocr_onnxruntime", reason="the [ocr] extra is not installed")
    with ExitStack() as stack:
        options = options_of(name, tmp_path_factory.mktemp(name), stack)
        try:
            yield METRICS.load(name)(**options)
        except WeightsError as error:
            if name != "brisque":
                raise
            pytest.skip(f"BRISQUE's regression can't be had here: {error}")


def options_of(name, folder, stack):
    """What a metric is given whose own weights no test can have: random ones of their layout, or a stand-in."""
    if name == "judge":
        return {"base_url": stack.enter_context(running()).base_url}
    if name == "pyiqa":
        stack.enter_context(fake_pyiqa())
        return {"variant": "plain"}
    if name == "vqascore":
        write_folder("smolvlm", folder / "base")
        return {"weights": folder / "base"}
    if name == "clipscore":
        write_clip(folder / "clip")
        return {"weights": folder / "clip"}
    if name != "lmm4lmm":
        return {}
    for seed, (part, kind) in enumerate(
        {"Perception": "score", "Correspondence": "score", "QA": "qa"}.items()
    ):
        write(folder / f"LMM4LMM-{part}", Shape(), kind=kind, seed=seed, base_seed=1)
    return {"weights": folder}


def test_its_card_says_what_it_gives_and_how_its_rows_are_marked(metric, request):
    if (card := CARDS.get(request.node.callspec.params["metric"])) is None:
        pytest.skip("it has no card: `models show` then prints what its loader says")
    assert set(card.outputs) == set(metric.dimensions)
    beginning, end = re.match(r"[a-z0-9]+[-:]", card.fingerprint), card.fingerprint.rpartition(":")[2]
    assert metric.fingerprint.startswith(beginning[0])
    assert (end == "HASH") == bool(re.search(r":[0-9a-f]{8}$", metric.fingerprint))


@pytest.fixture(scope="module")
def prepared(metric):
    from skimage import data

    found = []
    for name, prompt, question in PROMPTS:
        image = Image.fromarray(getattr(data, name)()).convert("RGB")
        item = Item(id=name, path=Path(name), image=name, prompt=prompt, question=question)
        found.append(metric.prepare(item, image))
    return found


@pytest.fixture(scope="module")
def alone(metric, prepared):
    return [metric.score([one])[0] for one in prepared]


def test_the_fingerprint_is_short(metric):
    assert 0 < len(metric.fingerprint) <= 60


def test_dimensions_are_known_and_in_order(metric):
    assert metric.dimensions
    assert list(metric.dimensions) == [d for d in DIMENSIONS if d in metric.dimensions]


def test_scores_are_on_their_scales(metric, alone):
    for score in alone:
        for name in ("perception", "correspondence"):
            estimate = getattr(score, name)
            if estimate is not None:
                assert isinstance(estimate.score, float)
                assert 0 <= estimate.score <= 100
                assert estimate.std is None or 0 < estimate.std < 100
        if score.answer is not None:
            assert 0 <= score.answer.p_yes <= 1
            assert score.answer.question


def test_an_image_without_a_prompt_has_no_correspondence(metric, alone):
    assert alone[-1].correspondence is None
    assert ("perception" in metric.dimensions) == (alone[-1].perception is not None)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0], [3, 3, 3]])
def test_the_batch_does_not_matter(metric, prepared, alone, order):
    for index, score in zip(order, metric.score([prepared[i] for i in order]), strict=True):
        for name in ("perception", "correspondence"):
            one, two = getattr(alone[index], name), getattr(score, name)
            assert (one is None) == (two is None)
            if one is not None:
                assert two.score == pytest.approx(one.score, abs=1e-3)
                assert two.std == pytest.approx(one.std, abs=1e-3)
        if score.answer is not None:
            assert score.answer.p_yes == pytest.approx(alone[index].answer.p_yes, abs=1e-3)


def test_size_is_a_number_that_grows_with_the_prompt(metric, prepared):
    if metric.dimensions == ("perception",) or metric.fingerprint.startswith("ocr-"):
        pytest.skip("what it costs does not depend on a prompt without quotes")
    assert metric.size(prepared[3]) > metric.size(prepared[1])
