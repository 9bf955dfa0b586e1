"""nano's learner on its real base and a few drawn images: what becomes of what it learns, not what that is."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace as changed
from PIL import Image, ImageDraw

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.records import Item
from lmm4lmm.training.examples import Example
from lmm4lmm.training.nano import features as nano_features
from lmm4lmm.training.nano.features import FeatureCache, flat, key_of, unflat
from lmm4lmm.training.nano.learner import open_nano_learner
from lmm4lmm.training.nano.pictures import Alter
from lmm4lmm.training.recipes import NANO, STAGE1, Lora

TEXTS = [
    ("a red disc", "Is there a disc?"),
    ("two green squares on a table", None),
    ("", "Is there a square?"),
    ("", None),
    ("a very blue and rather long sentence about nothing", "Does it rain? Answer yes or no."),
    ("a cat", "Is it a cat?"),
]


def quiet(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(0)
    paths = []
    for n in range(len(TEXTS)):
        pixels = rng.integers(0, 256, (8, 9, 3), np.uint8)
        image = Image.fromarray(pixels).resize((160 + 30 * n, 140), Image.Resampling.BICUBIC)
        ImageDraw.Draw(image).ellipse((20, 20, 60 + 8 * n, 90), fill=(220, 40 * n, 30))
        paths.append(folder / f"{n}.png")
        image.save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def rows(images) -> list[Example]:
    return [
        Example(
            Item(id=str(n), path=path, image=path.name, prompt=prompt, question=question), perception=50.0
        )
        for n, (path, (prompt, question)) in enumerate(zip(images, TEXTS, strict=True))
    ]


@pytest.fixture(scope="module")
def learner(nano_base_folder, rows, tmp_path_factory):
    """One that has looked; a little shaken, so that rows differ in their scores."""
    found = open_nano_learner(NANO, tmp_path_factory.mktemp("run"), start="blank")
    assert found.look(rows, quiet) == {}
    torch.manual_seed(5)
    state = found.trained()
    found.restore(
        {n: v + 0.05 * torch.randn_like(v) * ("scale" not in n and "head" in n) for n, v in state.items()}
    )
    found.module.eval()
    return found


@torch.inference_mode()
def said(learner, rows) -> dict[str, np.ndarray]:
    found = learner.module(**learner.collate([learner.sample(one) for one in rows]))
    return {name: value.numpy() for name, value in found.items()}


def test_a_written_result_scores_as_it_did_in_training(learner, rows, tmp_path):
    from lmm4lmm.metrics.nano import load
    from lmm4lmm.model.nano import assembly

    learner.write(tmp_path)
    trained = said(learner, rows)
    metric = load(weights=tmp_path, device="cpu")
    images = [read_image(load_bytes(one.item.path), name="x") for one in rows]
    scores = metric.score([metric.prepare(one.item, image) for one, image in zip(rows, images, strict=True)])
    assert np.ptp(trained["perception"]) > 0.1
    for row, score in enumerate(scores):
        assert score.perception.score == pytest.approx(trained["perception"][row], abs=1e-3)
        assert score.perception.std == pytest.approx(trained["perception_std"][row], abs=1e-3)
        if not TEXTS[row][0]:
            assert score.correspondence is None
        else:
            assert score.correspondence.score == pytest.approx(trained["correspondence"][row], abs=1e-3)
            assert score.correspondence.std == pytest.approx(trained["correspondence_std"][row], abs=1e-3)
        if not isnan(trained["answer"][row]):
            odds = float(trained["answer"][row])
            assert score.answer.p_yes == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5), TEXTS[row]
    facts = assembly.read_facts(tmp_path)
    assert assembly.self_test_differences(metric.model, metric.reader, facts.self_test) == []


def test_what_was_not_asked_is_nan(learner, rows):
    found = said(learner, rows)
    assert np.isfinite(found["perception"]).all()
    no_prompt = [not prompt for prompt, _ in TEXTS]
    assert np.isnan(found["correspondence"]).tolist() == no_prompt
    assert np.isnan(found["correspondence_std"]).tolist() == no_prompt
    # a prompt without a question is asked whether the image fits; with neither, there is nothing to ask
    assert np.isnan(found["answer"]).tolist() == [False, False, False, True, False, False]
    alone = said(learner, [rows[3]])
    assert np.isnan(alone["correspondence"]).all()
    assert np.isnan(alone["answer"]).all()
    assert alone["perception"] == pytest.approx(found["perception"][3], abs=1e-4)


def test_an_image_of_several_rows_is_in_a_batch_once_and_scores_the_same(learner, rows):
    other = replace(rows[0], item=changed(rows[0].item, id="again", prompt="a green square"))
    batch = [rows[1], rows[0], other, rows[4], rows[1]]
    inputs = learner.collate([learner.sample(one) for one in batch])
    assert len(inputs["features"]) == 3
    assert inputs["rows"].tolist()[1] == inputs["rows"].tolist()[2]
    assert inputs["rows"].tolist()[0] == inputs["rows"].tolist()[4]
    together = said(learner, batch)
    for place, one in enumerate(batch):
        for name, value in said(learner, [one]).items():
            np.testing.assert_allclose(value[0], together[name][place], rtol=1e-4, atol=1e-4)


def test_what_was_trained_comes_back_and_the_rest_is_frozen(learner, rows):
    before, state = said(learner, rows), learner.trained()
    with torch.no_grad():
        for parameter in learner.module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    moved = said(learner, rows)
    learner.restore(state)
    again = said(learner, rows)
    for name in before:
        np.testing.assert_array_equal(before[name], again[name])
        assert np.nanmax(np.abs(moved[name] - before[name])) > 1e-3
    names = {
        name.removeprefix("network.") for name, p in learner.module.named_parameters() if p.requires_grad
    }
    assert names
    assert names <= set(state)
    assert not any(name.startswith(("vision.", "brisque.", "language.")) for name in state)
    grouped = [p for group in learner.parameter_groups(NANO) for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in learner.module.parameters() if p.requires_grad}
    assert len(grouped) == len(names)
    with pytest.raises(WeightsError, match="other tensors"):
        learner.restore({name: value for name, value in state.items() if "threshold" not in name})


def test_every_trained_part_gets_a_gradient(learner, rows):
    found = learner.module(**learner.collate([learner.sample(rows[n]) for n in (0, 1, 4, 5)]))
    sum(value.sum() for value in found.values()).backward()
    idle = [n for n, p in learner.module.named_parameters() if p.requires_grad and p.grad is None]
    learner.module.zero_grad(set_to_none=True)
    assert idle == []


def test_standardised_features_of_the_rows_have_mean_zero(learner, rows):
    from lmm4lmm.model.nano.scene import finish_features

    inputs = learner.collate([learner.sample(one) for one in rows])
    features, scene = unflat(inputs["features"]), learner.module.network.scene
    for values, mean, scale in (
        (features.eye.places.flatten(0, 1), scene.place_mean, scene.place_scale),
        (
            finish_features(features),
            scene.finish_mean,
            scene.finish_scale,
        ),
    ):
        standard = (values - mean) / scale
        assert standard.mean(0).abs().max() < 0.01
        assert standard.std(0, correction=0).max() <= 1.01
        assert standard.std(0, correction=0).median() > 0.3


def test_an_image_that_can_not_be_read_is_reported_and_the_others_go_on(
    nano_base_folder, rows, tmp_path, learner
):
    (tmp_path / "broken.png").write_bytes(b"not an image")
    wrong = [
        replace(rows[0], item=changed(rows[0].item, id=name, path=tmp_path / f"{name}.png"))
        for name in ("broken", "absent")
    ]
    long = replace(rows[1], item=changed(rows[1].item, id="long", prompt="cup " * 3000))
    other = open_nano_learner(NANO, tmp_path / "run", start="blank")
    found = other.look([*wrong, *rows[:2], long], quiet)
    assert set(found) == {"broken", "absent", "long"}
    assert "broken.png" in found["broken"]
    assert "at most 2048" in found["long"]
    other.module.eval()
    assert np.isfinite(said(other, rows[:2])["perception"]).all()
    assert all(value.isfinite().all() for value in other.trained().values())


@pytest.mark.parametrize("recipe", [STAGE1, replace(NANO, lora=Lora())])
def test_recipes_for_large_bases_are_refused(recipe, tmp_path):
    with pytest.raises(InputError, match="nano is trained by the recipe unified, without lora"):
        open_nano_learner(recipe, tmp_path)


def test_fewer_outputs_read_fewer_texts(nano_base_folder, rows, tmp_path):
    sizes = {}
    for outputs in (("perception",), ("perception", "correspondence"), NANO.outputs):
        other = open_nano_learner(replace(NANO, outputs=outputs), tmp_path, start="blank")
        sizes[outputs] = other.size(rows[0])
    assert list(sizes.values()) == sorted(set(sizes.values()))
    assert sizes["perception",] == 0


@pytest.fixture
def cache(learner, rows, tmp_path, monkeypatch):
    """Makes a cache of two images a shard, and notes how many are looked at."""
    monkeypatch.setattr(nano_features, "_SHARD", 2)
    seen: list[int] = []
    network = learner.module.network
    plain = network.look

    def look(views):
        seen.append(len(views))
        return plain(views)

    monkeypatch.setattr(network, "look", look)
    altered = replace(rows[0], alter=Alter(fault="blur", level=4, seed=1), variant="blurred")

    def fill(examples=None) -> FeatureCache:
        found = FeatureCache(tmp_path / "features", [*rows, altered] if examples is None else examples)
        assert found.fill(learner.module.network, quiet) == {}
        return found

    return fill, seen, tmp_path / "features", altered


def test_a_shard_that_is_gone_is_made_again_and_no_other(cache):
    fill, seen, folder, _ = cache
    fill()
    assert sum(seen) == len(TEXTS) + 1
    shards = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    arrays = [path for path in shards if path.suffix == ".npy"]
    assert len(arrays) == 4
    gone = max(arrays, key=lambda path: path.stat().st_size)  # of two images
    gone.unlink()
    seen.clear()
    fill()
    assert sum(seen) == 2
    assert {path: path.read_bytes() for path in sorted(folder.iterdir())} == shards
    seen.clear()
    fill()
    assert seen == []


def test_kept_features_are_those_of_the_eye_by_image_and_alteration(cache, learner, rows):
    fill, _, _, altered = cache
    found = fill()
    assert len(found.number) == len(rows) + 1
    for one in (rows[0], rows[4], altered):
        image = read_image(load_bytes(one.item.path), name="x")
        view = nano_features.processing.view(one.alter(image) if one.alter else image)
        expected = flat(learner.module.network.look([view]))[0].astype(np.float32)
        kept = found.row(found.number[key_of(one)]).astype(np.float32)
        np.testing.assert_allclose(kept, expected, atol=5e-3, rtol=5e-3)
    plain, blurred = (found.row(found.number[key_of(one)]) for one in (rows[0], altered))
    assert (plain != blurred).mean() > 0.5


def test_other_rows_find_what_they_share_with_earlier_ones_and_nothing_else(cache, rows):
    fill, seen, _, _ = cache
    first = fill(rows[:3])
    seen.clear()
    found = fill(rows[2:5])
    assert sum(seen) == 2
    assert set(found.number) == {key_of(one) for one in rows[2:5]}
    shared = key_of(rows[2])
    np.testing.assert_array_equal(found.row(found.number[shared]), first.row(first.number[shared]))
    others = [found.row(found.number[key_of(one)]) for one in rows[2:5]]
    assert all((one != others[n - 1]).mean() > 0.5 for n, one in enumerate(others))


def test_flat_features_come_back_as_they_were(learner, rows):
    view = nano_features.processing.view(Image.open(rows[0].item.path).convert("RGB"))
    features = learner.module.network.look([view])
    again = unflat(torch.from_numpy(flat(features)))
    for one, other in (
        (features.eye.places, again.eye.places),
        (features.eye.cells, again.eye.cells),
        (features.eye.statistics, again.eye.statistics),
        (features.naturalness, again.naturalness),
        (features.opinion, again.opinion),
    ):
        assert torch.equal(one, other)
