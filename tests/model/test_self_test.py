"""The self-test from Python: its pictures, what it records, and what it finds in checkpoints that no file damages."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import three

from lmm4lmm.core.errors import InputError
from lmm4lmm.model import drawn, saved, self_test
from lmm4lmm.model.checkpoint import AdapterWeights, Checkpoint, LowRank
from lmm4lmm.model.findings import Finding, bad
from lmm4lmm.model.inspection import inspect
from lmm4lmm.model.loading import build
from lmm4lmm.model.saved_manifest import Drawn
from lmm4lmm.model.sources import open_weights


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_weights(three(tmp_path_factory.mktemp("released")))


def wrong(checkpoint: Checkpoint) -> list[str]:
    return [finding.found for finding in bad(inspect(checkpoint))]


def with_adapter(checkpoint: Checkpoint, name: str, **changes: object) -> Checkpoint:
    adapter = replace(checkpoint.adapters[name], **changes)
    return replace(checkpoint, adapters={**checkpoint.adapters, name: adapter})


def test_the_pictures_are_the_same_everywhere() -> None:
    """Recorded scores lie in people's folders: who changes a pixel or a word must raise ``drawn.VERSION``."""
    digest = hashlib.sha256()
    for sketch in drawn.sketches():
        digest.update(np.asarray(sketch.image).tobytes() + sketch.prompt.encode() + sketch.question.encode())
    assert (drawn.VERSION, digest.hexdigest()[:16]) == (1, "67d0095576cf806a")
    assert [sketch.image.size for sketch in drawn.sketches()] == [(320, 240), (256, 384), (480, 180)]


def test_a_sound_checkpoint_has_nothing_wrong(checkpoint: Checkpoint) -> None:
    findings = list(inspect(checkpoint))
    assert {finding.state for finding in findings} == {"ok"}
    assert [finding.what for finding in findings] == [
        "base",
        "adapter perception",
        "adapter correspondence",
        "adapter answer",
        "tokenizer",
    ]


def test_one_output_is_what_scoring_gives(checkpoint: Checkpoint) -> None:
    model = build(checkpoint)
    every, first = drawn.run(model), drawn.run(model, pictures=1)
    assert set(every.scores) == {"perception", "correspondence", "answer"}
    assert all(len(values) == 3 for values in every.scores.values())
    assert max(drawn.apart(first, every).values()) < 2e-3
    assert all(0 < value < 1 for value in every.scores["answer"])


def test_differences_are_counted_and_gaps_are_no_agreement() -> None:
    one = Drawn(1, {"perception": [1.0, 2.0], "answer": [0.5]})
    many = Drawn(1, {"perception": [1.5, 2.0, 9.0]})
    far = drawn.apart(one, many)
    assert far["perception"] == 0.5
    assert np.isnan(far["answer"])
    assert np.isnan(drawn.apart(Drawn(1, {"perception": [float("nan")]}), many)["perception"])


def test_a_unified_adapter_is_saved_checked_and_scored(checkpoint: Checkpoint, tmp_path: Path) -> None:
    parts = checkpoint.adapters
    heads = {**parts["perception"].heads, **parts["correspondence"].heads}
    unified = AdapterWeights("unified", parts["answer"].lora, parts["answer"].replaced, heads)
    one = replace(checkpoint, adapters={"unified": unified})
    recorded = self_test.record(one)
    assert recorded is not None
    assert set(recorded.scores) == {"unified.perception", "unified.correspondence", "unified.answer"}
    saved.save(one, tmp_path / "out", self_test=recorded)
    checked = self_test.check(tmp_path / "out", dimensions=("perception",))
    assert bad(checked.findings) == []
    assert checked.scores == recorded
    lacking = {name: value for name, value in heads.items() if not name.startswith("correspondence")}
    assert wrong(with_adapter(one, "unified", heads=lacking)) == [
        "adapter unified has no score head for correspondence"
    ]


def test_adapters_that_do_not_fit_are_told(checkpoint: Checkpoint) -> None:
    answer = checkpoint.adapters["answer"]
    layer, low = next(iter(answer.lora.items()))
    nowhere = with_adapter(checkpoint, "answer", lora={"language_model.layers.99.mlp": low})
    assert "language_model.layers.99.mlp, which the model does not have" in wrong(nowhere)[0]
    narrow = LowRank(low.a[:, :-1], low.b, low.scale)
    assert f"is made for {layer}" in wrong(with_adapter(checkpoint, "answer", lora={layer: narrow}))[0]
    name, value = next(iter(answer.replaced.items()))
    odd = with_adapter(checkpoint, "answer", replaced={name: value[:-1], "nothing.weight": value})
    assert f"{name} is " in wrong(odd)[0]
    assert "replaces nothing.weight" in wrong(odd)[1]


def test_some_zero_layers_are_worth_a_word_and_all_of_them_an_error(checkpoint: Checkpoint) -> None:
    lora = dict(checkpoint.adapters["answer"].lora)
    zero = {layer: LowRank(low.a, torch.zeros_like(low.b), low.scale) for layer, low in lora.items()}
    first = next(iter(lora))
    some = with_adapter(checkpoint, "answer", lora=lora | {first: zero[first]})
    assert wrong(some) == []
    assert any(f.state == "mind" and "zero in 1 of 26" in f.found for f in inspect(some))
    assert "never trained" in wrong(with_adapter(checkpoint, "answer", lora=zero))[0]


def test_an_adapter_that_changes_nothing_is_worth_a_word(checkpoint: Checkpoint) -> None:
    findings = list(inspect(with_adapter(checkpoint, "perception", lora={}, replaced={})))
    assert [finding.what for finding in findings if finding.state == "mind"] == ["adapter perception"]


def test_a_head_of_another_model_is_told(checkpoint: Checkpoint) -> None:
    heads = dict(checkpoint.adapters["perception"].heads)
    heads["perception.fc1.weight"] = heads["perception.fc1.weight"][:, :-1]
    (said,) = wrong(with_adapter(checkpoint, "perception", heads=heads))
    assert "reads 63 numbers; the model gives 64" in said


def test_a_base_of_another_size_is_told(checkpoint: Checkpoint) -> None:
    name = "language_model.layers.1.mlp.up_proj.weight"
    changed = replace(checkpoint, base={**checkpoint.base, name: lambda: torch.ones(3, 64)})
    assert wrong(changed) == [f"{name} is [3, 64]; the configuration asks for [128, 64]"]


def test_scores_that_do_not_move_are_an_error(checkpoint: Checkpoint, monkeypatch, tmp_path: Path) -> None:
    saved.save(checkpoint, tmp_path / "out")
    for values, words in (([50.0] * 3, "the same for every"), ([1.0, 2.0, float("nan")], "not finite")):
        monkeypatch.setattr(
            drawn, "run", lambda model, pictures=3, values=values: Drawn(1, {"perception": values[:pictures]})
        )
        said = [finding.found for finding in bad(self_test.check(tmp_path / "out").findings)]
        assert any(words in one for one in said), said


def test_pictures_of_another_version_are_not_compared(checkpoint: Checkpoint, tmp_path: Path) -> None:
    old = Drawn(drawn.VERSION - 1, {"perception": [0.0, 0.0, 0.0]})
    saved.save(checkpoint, tmp_path / "out", self_test=old)
    findings = self_test.check(tmp_path / "out", dimensions=("perception",)).findings
    (found,) = [finding for finding in findings if finding.what == "recorded"]
    assert found.state == "mind"


def test_a_wrong_request_is_an_error_and_no_finding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no weights"):
        self_test.check(tmp_path)


def test_a_finding_is_one_sentence(checkpoint: Checkpoint) -> None:
    for finding in inspect(checkpoint):
        assert isinstance(finding, Finding)
        assert "\n" not in finding.found
