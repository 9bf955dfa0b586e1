from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmm4lmm.core.errors import InputError, ItemError, WeightsError
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.records import Item

PHOTOS = {
    "astronaut": "a portrait of a smiling woman in an orange space suit",
    "chelsea": "a close-up photo of a cat",
    "coffee": "a cup of coffee on a table",
    "rocket": "a rocket on a launch pad",
}


@pytest.fixture(scope="module")
def nano(nano_base_folder):
    from lmm4lmm.metrics.nano import load

    return load()


def scores(metric, pairs):
    prepared = [
        metric.prepare(Item(id=str(n), path=Path("x"), image="x", prompt=prompt), image)
        for n, (image, prompt) in enumerate(pairs)
    ]
    return metric.score(prepared)


@pytest.fixture(scope="module")
def photos():
    from skimage import data

    return {name: Image.fromarray(getattr(data, name)()).convert("RGB") for name in PHOTOS}


def test_a_photograph_looks_better_than_its_ruin(nano, photos):
    from lmm4lmm.training.distortions import distort

    good = [s.perception.score for s in scores(nano, [(p, "") for p in photos.values()])]
    for fault in ("blur", "noise", "jpeg", "warp"):
        ruins = [(distort(photo, fault, 5, 1), "") for photo in photos.values()]
        bad = [s.perception.score for s in scores(nano, ruins)]
        assert np.mean(good) > np.mean(bad) + 10, fault


def test_right_prompts_match_better_than_wrong_ones(nano, photos):
    names = list(photos)
    right = scores(nano, [(photos[n], PHOTOS[n]) for n in names])
    wrong = scores(nano, [(photos[n], PHOTOS[names[i - 1]]) for i, n in enumerate(names)])
    assert (
        np.mean([s.correspondence.score for s in right])
        > np.mean([s.correspondence.score for s in wrong]) + 8
    )
    assert np.mean([s.answer.p_yes for s in right]) > np.mean([s.answer.p_yes for s in wrong]) + 0.15


def test_fewer_dimensions_give_the_same_values(nano, photos, nano_base_folder):
    from lmm4lmm.metrics.nano import load

    image, prompt = photos["chelsea"], PHOTOS["chelsea"]
    (full,) = scores(nano, [(image, prompt)])
    (look,) = scores(load(dimensions=("perception",)), [(image, prompt)])
    assert look.perception.score == pytest.approx(full.perception.score, abs=1e-3)
    assert (look.correspondence, look.answer) == (None, None)
    (match,) = scores(load(dimensions=("correspondence",)), [(image, prompt)])
    assert match.correspondence.score == pytest.approx(full.correspondence.score, abs=1e-3)
    assert (match.perception, match.answer) == (None, None)


def test_swapped_prompts_of_real_ai_images_are_told_apart(nano, shared_data):
    """Held-out prompts of drawbench_sd only; the figure in the card is on more pictures."""
    from lmm4lmm.stats.answers import evaluate_answers
    from lmm4lmm.training.nano.pictures import side_of

    folder = shared_data / "drawbench_sd"
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    rows = [row for row in rows if side_of(row["prompt"]) == "test"][:60]
    images = [read_image(load_bytes(folder / row["image"]), name=row["image"]) for row in rows]
    shift = len(rows) // 2
    pairs = [(image, row["prompt"]) for image, row in zip(images, rows, strict=True)]
    pairs += [(image, rows[(i + shift) % len(rows)]["prompt"]) for i, image in enumerate(images)]
    found = np.array([s.correspondence.score for s in scores(nano, pairs)]) / 100
    truth = np.repeat([1.0, 0.0], len(rows))
    agreement = evaluate_answers(found, truth, prompts=None, rng=np.random.default_rng(0), resamples=10)
    assert agreement.auc.value > 0.65


def test_the_shipped_weights_pass_their_self_test(nano_base_folder):
    from lmm4lmm.model import pretrained
    from lmm4lmm.model.nano import assembly as weights

    facts = weights.read_facts(weights.package_folder())
    assert facts.self_test is not None
    assert pretrained.check("nano") == []
    trained = weights.package_folder() / weights.TRAINED_FILE
    assert trained.stat().st_size < 12e6


def test_weights_of_another_network_fail_the_self_test(nano, nano_base_folder):
    import torch

    from lmm4lmm.model.nano import assembly as weights

    facts = weights.read_facts(weights.package_folder())
    model, _ = weights.load_trained(weights.package_folder())
    with torch.no_grad():
        model.language.layers[4].attend.weight.mul_(-1)  # one matrix of six layers
    assert weights.self_test_differences(model, nano.reader, facts.self_test)


def test_an_altered_trained_part_is_refused(nano_base_folder, tmp_path):
    from lmm4lmm.metrics.nano import load
    from lmm4lmm.model.nano import assembly as weights

    for name in (weights.TRAINED_FILE, weights.FACTS_FILE):
        (tmp_path / name).write_bytes((weights.package_folder() / name).read_bytes())
    with (tmp_path / weights.TRAINED_FILE).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(WeightsError, match="altered"):
        load(weights=tmp_path)


def test_what_it_can_not_do_is_said(nano, photos, nano_base_folder):
    from lmm4lmm.metrics.nano import load

    with pytest.raises(InputError, match="float32 only"):
        load(dtype="bfloat16")
    with pytest.raises(InputError, match="device 'toaster'"):
        load(device="toaster")
    with pytest.raises(ItemError, match="at most 2048"):
        scores(nano, [(photos["coffee"], "cup " * 3000)])
