"""What a large base learns, it gives: alone or in a batch, in training or by the metric."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from large_rows import batch, loss_of, train

import lmm4lmm
from lmm4lmm.core.errors import InputError, ItemError, WeightsError
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.model import drawn
from lmm4lmm.model.bases.base import Reading
from lmm4lmm.training.large.learner import open_learner
from lmm4lmm.training.recipes import ANSWER, STAGE1, STAGE2, UNIFIED, Lora

FAST = {"rate": 5e-3, "lora_rate": 5e-3, "weight_decay": 0.01}
RECIPES = {
    "levels": replace(STAGE1, **FAST, lora=Lora(rank=64, alpha=128.0, dropout=0.0)),
    "scores": replace(STAGE2, **FAST),
    "answer": replace(ANSWER, **FAST),
    "unified": replace(UNIFIED, **FAST),
}
FAMILIES = ("internvl", "internvl_qwen3", "internvl_mistral", "qwen2_5_vl", "qwen3_vl", "smolvlm", "idefics3")
KINDS = [("internvl", form) for form in RECIPES]
KINDS += [("released", form) for form in ("scores", "levels", "unified")]
KINDS += [(family, form) for family in ("qwen2_5_vl", "smolvlm") for form in ("levels", "unified")]
KINDS += [(family, "unified") for family in ("internvl_qwen3", "internvl_mistral", "qwen3_vl", "idefics3")]


def scored(folder, rows, dimensions, **options):
    """What ``--metric DIR`` says of the rows: perception, correspondence, 100 P(yes); NaN where nothing."""
    metric = lmm4lmm.load_metric(str(folder), dimensions=dimensions, device="cpu", dtype="float32", **options)
    prepared = [
        metric.prepare(one.item, read_image(load_bytes(one.item.path), name=one.item.id)) for one in rows
    ]
    found = []
    for score in metric.score(prepared):
        estimates = (score.perception, score.correspondence)
        values = [math.nan if one is None else one.score for one in estimates]
        found.append([*values, math.nan if score.answer is None else 100 * score.answer.p_yes])
    return np.array(found), metric


def said(learner, rows):
    """The same from the training forward."""
    with torch.no_grad():
        outputs = learner.module(**batch(learner, rows))
    nothing = torch.full((len(rows),), math.nan)
    points = torch.tensor([0.0, 25, 50, 75, 100])
    values = []
    for name in ("perception", "correspondence"):
        levels = outputs.get(f"{name}_levels")
        values.append(outputs.get(name, nothing) if levels is None else levels.softmax(1) @ points)
    values.append(100 * outputs.get("answer", nothing).sigmoid())
    return torch.stack(values, 1).double().numpy()


def blind(rows):
    """The rows without targets: everything is asked about them."""
    nothing = {f"{name}": math.nan for name in DIMENSIONS}
    return [replace(one, **nothing) for one in rows]


@pytest.mark.parametrize(("family", "form"), KINDS)
def test_a_few_steps_overfit_and_the_metric_says_the_same(family, form, folders, rows, tmp_path):
    recipe = RECIPES[form]
    if family == "released" and form == "scores":  # goes on from a head that is trained already
        recipe = replace(recipe, rate=5e-4, lora_rate=5e-4)
    learner = open_learner(str(folders(family)), recipe, device="cpu")
    assert {p.dtype for p in learner.module.parameters() if p.requires_grad} == {torch.float32}
    losses = train(learner, rows, recipe, steps=16 if form in ("unified", "answer") else 30)
    assert losses[-1] < losses[0] / 2, losses

    learner.write(tmp_path)
    theirs, metric = scored(tmp_path, rows, recipe.outputs)
    np.testing.assert_allclose(theirs, said(learner, blind(rows)), atol=1e-4, rtol=1e-5)
    assert metric.dimensions == recipe.outputs
    facts = json.loads((tmp_path / "metric.json").read_text())
    assert facts["metric"] == "lmm4lmm"
    assert facts["form"] == form
    assert facts["base"]["identity"] == learner.base_identity
    now = drawn.run(metric.model)
    assert now.scores.keys() == facts["self_test"]["scores"].keys()
    for name, values in facts["self_test"]["scores"].items():
        np.testing.assert_allclose(values, now.scores[name], atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["unified", "levels"])
def test_mates_order_and_padding_change_nothing(family, form, folders, rows):
    recipe = RECIPES[form]
    learner = open_learner(str(folders(family)), recipe, device="cpu")
    train(learner, rows[:2], recipe, steps=1)
    longer = _changed(rows[1], prompt="very long " * 60)

    def outputs(some):
        with torch.no_grad():
            return learner.module(**batch(learner, some))

    together, backwards = outputs(rows), outputs(rows[::-1])
    padded = outputs([*rows, longer])
    assert len({len(text) for text in batch(learner, rows)["texts"]}) > 2
    for name, values in together.items():
        kwargs = {"atol": 1e-5, "rtol": 1e-5, "equal_nan": True, "msg": lambda m, n=name: f"{n}: {m}"}
        torch.testing.assert_close(values, backwards[name].flip(0), **kwargs)
        torch.testing.assert_close(values, padded[name][:-1], **kwargs)
        alone = torch.cat([outputs([one])[name] for one in rows])
        torch.testing.assert_close(values, alone, **kwargs)
    assert any(values.isnan().any() for values in together.values()) == (form == "levels")


@pytest.mark.parametrize("family", ["internvl", "qwen3_vl", "smolvlm"])
def test_recomputed_activations_give_the_same_gradients(family, folders, rows):
    recipe = replace(RECIPES["unified"], lora=Lora(dropout=0.0))
    found = []
    for checkpointing in ("no", "by the recipe", "as the engine switches it on"):
        wanted = replace(recipe, checkpointing=checkpointing == "by the recipe")
        learner = open_learner(str(folders(family)), wanted, device="cpu")
        if checkpointing == "as the engine switches it on":
            learner.module.base.network.gradient_checkpointing_enable({"use_reentrant": False})
        learner.module.train()
        for part in learner.module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        loss_of(learner.module(**batch(learner, rows[:3])), rows[:3]).backward()
        trained = [p for p in learner.module.parameters() if p.requires_grad]
        assert all(p.grad is not None for p in trained)
        found.append([p.grad.clone() for p in trained])
    for plain, again, too in zip(*found, strict=True):
        torch.testing.assert_close(plain, again, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(plain, too, atol=1e-5, rtol=1e-4)


def test_only_what_the_recipe_names_is_trained(folders):
    for family, projector in (
        ("internvl", "multi_modal_projector."),
        ("smolvlm", "connector."),
        ("qwen3_vl", "visual.merger."),
    ):
        names = set(open_learner(str(folders(family)), UNIFIED, device="cpu").trained())
        vision, language = ("vision", "visual"), ("language_model", "text_model")
        assert any(name.startswith(f"replaced.{projector}") for name in names)
        assert any(name.startswith(tuple(f"lora.{one}" for one in vision)) for name in names)
        assert any(name.startswith(tuple(f"lora.{one}" for one in language)) for name in names)
        assert not any("merger" in name for name in names if name.startswith("lora."))
        language_only = replace(UNIFIED, lora=Lora(vision=False), projector=False)
        names = set(open_learner(str(folders(family)), language_only, device="cpu").trained())
        assert all(name.startswith(("heads.", "lora.language_model.", "lora.text_model.")) for name in names)
    stage1 = open_learner(str(folders("internvl")), STAGE1, device="cpu").trained()
    assert all(name.startswith("replaced.multi_modal_projector.") for name in stage1)


def test_the_start_is_the_base_itself(folders, rows):
    """B is zero at first: answers are those of the base alone."""
    folder = str(folders("internvl"))
    learner = open_learner(folder, ANSWER, device="cpu")
    metric = lmm4lmm.load_metric("lmm4lmm", weights=folder, dimensions=("answer",), device="cpu")
    image = read_image(load_bytes(rows[0].item.path), name="x")
    (score,) = metric.score([metric.prepare(rows[0].item, image)])
    assert score.answer is not None
    assert said(learner, rows[:1])[0, 2] == pytest.approx(100 * score.answer.p_yes, abs=1e-3)


def test_stage_two_begins_where_stage_one_ended_and_keeps_its_projector(folders, rows, tmp_path):
    base = folders("internvl")
    one = open_learner(str(base), RECIPES["levels"], device="cpu")
    train(one, rows, RECIPES["levels"], steps=3)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one.write(tmp_path / "one")

    recipe = replace(RECIPES["scores"], lora=RECIPES["levels"].lora)
    two = open_learner(str(tmp_path / "one"), recipe, device="cpu")
    assert two.base_identity != one.base_identity  # a run from there is another run
    assert open_learner(str(tmp_path / "one"), recipe, device="cpu").base_identity == two.base_identity
    ours, theirs = two.trained(), one.trained()
    lora = [name for name in theirs if name.startswith("lora.")]
    assert lora
    assert all(torch.equal(ours[name], theirs[name]) for name in lora)
    train(two, rows, recipe, steps=3)
    two.write(tmp_path / "two")
    found, _ = scored(tmp_path / "two", rows, ("perception", "correspondence"))
    np.testing.assert_allclose(found, said(two, blind(rows)), atol=1e-3, rtol=1e-4)
    kept = two.weights().replaced
    for name, value in one.weights().replaced.items():
        assert torch.equal(kept[name], value)
    with pytest.raises(InputError, match=r"lora\.rank=64 goes on"):
        open_learner(str(tmp_path / "one"), replace(STAGE2, lora=Lora(rank=4)), device="cpu")


def test_adapters_of_an_earlier_run_stay_when_this_one_trains_none(folders, rows, tmp_path):
    one = open_learner(str(folders("smolvlm")), RECIPES["answer"], device="cpu")
    train(one, rows, RECIPES["answer"], steps=3)
    one.write(tmp_path)
    two = open_learner(str(tmp_path), replace(ANSWER, lora=None), device="cpu")
    assert not any(name.startswith("lora.") for name in two.trained())
    np.testing.assert_allclose(said(one, rows)[:, 2], said(two, rows)[:, 2], atol=1e-3)
    assert two.weights().lora.keys() == one.weights().lora.keys()
    wider = open_learner(str(tmp_path), replace(ANSWER, lora=Lora(rank=12, alpha=6.0)), device="cpu")
    np.testing.assert_allclose(said(one, rows)[:, 2], said(wider, rows)[:, 2], atol=1e-3)


def test_a_released_score_model_is_the_start_with_its_head(folders, rows):
    folder = str(folders("released"))
    recipe = replace(STAGE2, outputs=("perception",))
    learner = open_learner(folder, recipe, device="cpu")
    theirs = lmm4lmm.load_metric(
        "lmm4lmm", weights=f"perception={folder}", dimensions=("perception",), device="cpu"
    )
    images = [read_image(load_bytes(one.item.path), name="x") for one in rows]
    prepared = [theirs.prepare(one.item, image) for one, image in zip(rows, images, strict=True)]
    expected = [score.perception.score for score in theirs.score(prepared)]
    np.testing.assert_allclose(said(learner, rows)[:, 0], expected, atol=2e-3)


def test_restore_takes_back_what_trained_gave(folders, rows):
    recipe = RECIPES["unified"]
    learner = open_learner(str(folders("internvl")), recipe, device="cpu")
    before, start = learner.trained(), said(learner, rows)
    train(learner, rows, recipe, steps=2)
    assert np.nanmax(np.abs(said(learner, rows) - start)) > 0.01
    learner.restore(before)
    np.testing.assert_array_equal(said(learner, rows), start)
    again = open_learner(str(folders("internvl")), recipe, device="cpu").trained()
    assert all(torch.equal(again[name], value) for name, value in before.items()), (
        "the seed decides the start"
    )
    with pytest.raises(WeightsError, match="names differ"):
        learner.restore({**before, "heads.odd": torch.zeros(1)})
    name = next(iter(before))
    with pytest.raises(WeightsError, match="of another training"):
        learner.restore({**before, name: torch.zeros(3)})


def test_groups_hold_every_trained_parameter_once(folders):
    recipe = replace(UNIFIED, rate=0.5, lora_rate=0.25)
    learner = open_learner(str(folders("internvl")), recipe, device="cpu")
    groups = learner.parameter_groups(recipe)
    listed = [id(p) for group in groups for p in group["params"]]
    trained = {id(p): name for name, p in learner.module.named_parameters() if p.requires_grad}
    assert sorted(listed) == sorted(trained)
    for group in groups:
        for p in group["params"]:
            assert group["lr"] == (0.25 if "lora_" in trained[id(p)] else 0.5)
            assert group["weight_decay"] == (recipe.weight_decay if p.ndim > 1 else 0.0)


def test_bfloat16_bases_train_float32_parts(folders, rows):
    for family in ("internvl", "qwen2_5_vl", "smolvlm"):
        recipe = replace(RECIPES["unified"], bf16=True)
        learner = open_learner(str(folders(family)), recipe, device="cpu")
        parameters = list(learner.module.parameters())
        assert {p.dtype for p in parameters if p.requires_grad} == {torch.float32}
        assert {p.dtype for p in learner.module.base.network.parameters() if not p.requires_grad} == {
            torch.bfloat16
        }
        with torch.autocast("cpu", torch.bfloat16):
            outputs = learner.module(**batch(learner, rows))
        assert {value.dtype for value in outputs.values()} == {torch.float32}
        loss_of(outputs, rows).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters if p.requires_grad)
        exact = open_learner(str(folders(family)), RECIPES["unified"], device="cpu")
        np.testing.assert_allclose(said(learner, rows), said(exact, rows), atol=4)


def test_levels_are_lost_on_by_the_answer_s_words_alone(folders, rows):
    """Against transformers' own logits of the whole sequence, one row at a time."""
    learner = open_learner(str(folders("internvl")), STAGE1, device="cpu")
    base, example = learner.module.base, rows[0]
    with torch.no_grad():
        ours = learner.module(**batch(learner, [replace(example, correspondence=math.nan)]))
    picture = learner.sample(example)
    text = base.text("How would you rate the quality of this image?", "The quality of the image is bad.")
    end = base.reader.pieces("<|im_end|>")
    sentence = base.reader.pieces("The quality of the image is bad.")
    assert text[-len(end) - len(sentence) :] == [*sentence, *end]
    where = tuple(range(len(text) - len(end) - len(sentence) - 1, len(text) - len(end) - 1))
    prepared = base.prepare(read_image(load_bytes(example.item.path), name="x"))
    assert picture.stem == prepared.stem
    with torch.no_grad():
        (states,) = base.read([prepared], [Reading(0, tuple(text), where)])
        logits = states @ base.vocabulary.T
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(sentence))
    assert example.perception == 5.0  # which is nearest to bad
    torch.testing.assert_close(ours["token_loss"], loss[None], atol=1e-5, rtol=1e-5)
    words = [base.reader.pieces(f"x {word}")[2] for word in ("bad", "poor", "fair", "good", "excellent")]
    place = sentence.index(words[0], len(base.reader.pieces("The quality of the image is")))
    torch.testing.assert_close(ours["perception_levels"][0], logits[place, words], atol=1e-4, rtol=1e-4)


def test_looking_finds_what_can_t_be_used(folders, rows, tmp_path):
    learner = open_learner(
        str(folders("internvl")), replace(STAGE2, outputs=("correspondence",)), device="cpu"
    )
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    broken = _changed(rows[0], id="broken", path=tmp_path / "broken.png")
    mute = _changed(rows[0], id="mute", prompt=" ", question=None)
    endless = _changed(rows[0], id="endless", prompt="x y " * 3000)
    wrong = learner.look([rows[0], broken, mute, endless], lambda _: None)
    assert wrong.keys() == {"broken", "mute", "endless"}
    assert "broken.png" in wrong["broken"]
    assert "prompt" in wrong["mute"]
    assert "2048" in wrong["endless"]
    assert learner.size(rows[0]) > len(learner.sample(rows[0]).stem)
    with pytest.raises(ItemError):
        learner.sample(mute)


def _changed(example, **fields):
    """A row with another item."""
    return replace(example, item=msgspec.structs.replace(example.item, **fields))
