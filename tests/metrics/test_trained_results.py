"""A folder that training wrote, as a metric: what is checked before it scores, and how its base is found."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parent.parent / "model" / "bases"))
from tiny_bases import picture, write_folder

import lmm4lmm
from lmm4lmm.cli.main import app
from lmm4lmm.core.errors import InputError, Lmm4lmmError, UnknownNameError, WeightsError
from lmm4lmm.core.records import Item
from lmm4lmm.model.base_source import find_base, model_on
from lmm4lmm.model.checkpoint import AdapterWeights, LowRank
from lmm4lmm.model.loading import LoadOptions
from lmm4lmm.model.score_head import GaussianHead
from lmm4lmm.model.trained import read_trained, write_trained

ITEMS = [
    Item(id=str(n), path=Path("x"), image="x", prompt=prompt, question=question)
    for n, (prompt, question) in enumerate([("a cat", "Is it a cat?"), ("", None), ("a red ball", None)])
]


def gaussian(seed: int, hidden: int = 64) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((hidden,), (hidden,), (32, hidden), (32,), (2, 32), (2,))
    return {n: torch.randn(s, generator=draw) * 0.2 for n, s in zip(GaussianHead.NAMES, shapes, strict=True)}


def adapter(readout: str, outputs: tuple[str, ...]) -> AdapterWeights:
    draw = torch.Generator().manual_seed(8)
    layer = "language_model.layers.1.mlp.up_proj"
    low = LowRank(torch.randn(4, 64, generator=draw) * 0.2, torch.randn(96, 4, generator=draw) * 0.2, 2.0)
    replaced = {"multi_modal_projector.linear_2.bias": torch.randn(64, generator=draw)}
    scored = [name for name in outputs if name != "answer" and readout != "levels"]
    heads = {f"{name}.{k}": v for i, name in enumerate(scored) for k, v in gaussian(i).items()}
    return AdapterWeights(readout, {layer: low}, replaced, heads, outputs)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_folder("internvl", tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def result(base: Path) -> Path:
    out = base.parent / "result"
    out.mkdir()
    write_trained(out, adapter("scores", ("perception", "correspondence")), find_base(base))
    return out


def scores(name: str | Path, **options: object) -> list[list[float | None]]:
    metric = lmm4lmm.load_metric(str(name), device="cpu", **options)
    found = metric.score([metric.prepare(item, picture(90, 60, 1)) for item in ITEMS])
    return [
        [
            score.perception and score.perception.score,
            score.perception and score.perception.std,
            score.correspondence and score.correspondence.score,
            score.correspondence and score.correspondence.std,
            score.answer and score.answer.p_yes,
        ]
        for score in found
    ]


def test_what_was_written_is_read_to_the_last_bit(result: Path) -> None:
    facts, weights = read_trained(result)
    expected = adapter("scores", ("perception", "correspondence"))
    assert (facts.form, facts.outputs) == ("scores", ("perception", "correspondence"))
    assert weights.heads.keys() == expected.heads.keys()
    assert all(torch.equal(weights.heads[name], value) for name, value in expected.heads.items())
    assert all(torch.equal(weights.replaced[name], value) for name, value in expected.replaced.items())
    (mine,), (theirs,) = weights.lora.values(), expected.lora.values()
    assert torch.equal(mine.a, theirs.a)
    assert torch.equal(mine.b, theirs.b)
    assert mine.scale == theirs.scale


def test_both_scores_come_with_their_deviation_and_the_image_is_looked_at_once(
    result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = lmm4lmm.load_metric(str(result), device="cpu")
    assert metric.dimensions == ("perception", "correspondence")
    seen: list[int] = []
    look = metric.model.base.look
    monkeypatch.setattr(metric.model.base, "look", lambda some: seen.append(len(some)) or look(some))
    found = metric.score([metric.prepare(item, picture(90, 60, 1)) for item in ITEMS])
    assert seen == [1]
    assert all(score.perception.std >= 1 for score in found)
    assert [score.correspondence is None for score in found] == [False, True, False]
    assert found[0].correspondence.std >= 1
    assert found[0].correspondence.score != found[2].correspondence.score
    assert all(score.answer is None for score in found)


@pytest.mark.parametrize("form", ["levels", "unified", "answer"])
def test_every_form_scores(base: Path, tmp_path: Path, form: str) -> None:
    outputs = {
        "levels": ("perception", "correspondence"),
        "unified": ("perception", "correspondence", "answer"),
        "answer": ("answer",),
    }[form]
    out = tmp_path / form
    out.mkdir()
    write_trained(out, adapter(form, outputs), find_base(base))
    metric = lmm4lmm.load_metric(str(out), device="cpu")
    assert metric.dimensions == outputs
    first, bare, general = scores(out)
    assert bare[2] is None
    assert bare[4] is None
    for row in (first, general):
        assert [value is not None for value in row] == [
            "perception" in outputs,
            form == "unified",
            "correspondence" in outputs,
            form == "unified",
            "answer" in outputs,
        ]
    for name in outputs:  # whatever else is asked for
        place = {"perception": 0, "correspondence": 2, "answer": 4}[name]
        assert scores(out, dimensions=(name,))[0][place] == pytest.approx(first[place], abs=1e-3)
    merged = scores(out, merge=True)[0]
    assert merged == pytest.approx(first, abs=2e-3)


def test_the_fingerprint_knows_adapter_base_and_form(base: Path, result: Path, tmp_path: Path) -> None:
    def print_of(folder: Path) -> str:
        return str(lmm4lmm.load_metric(str(folder), device="cpu").fingerprint)

    first = print_of(result)
    assert print_of(result) == first
    found, other = find_base(base), tmp_path / "other"
    other.mkdir()
    weights = adapter("scores", ("perception", "correspondence"))
    write_trained(other, weights, found)
    assert print_of(other) == first  # nothing of the folder's name
    low = dict(weights.lora)
    name, one = low.popitem()
    changed = AdapterWeights(
        "scores", {name: one._replace(scale=1.0)}, weights.replaced, weights.heads, weights.outputs
    )
    write_trained(other, changed, found)
    assert print_of(other) != first
    write_trained(other, AdapterWeights("levels", weights.lora, weights.replaced, {}, weights.outputs), found)
    assert print_of(other) != first


def test_a_base_that_moved_is_found_beside_the_result_or_where_the_user_says(
    base: Path, result: Path
) -> None:
    expected = scores(result)
    together = base.parent / "elsewhere"
    together.mkdir()
    base.rename(together / "base")
    result.rename(together / "result")
    assert scores(together / "result") == expected
    (together / "base").rename(together / "moved")
    with pytest.raises(WeightsError, match=r"needs the base .*base.* --option base=DIR"):
        scores(together / "result")
    assert scores(together / "result", base=str(together / "moved")) == expected


def test_another_base_is_refused(base: Path, result: Path, tmp_path: Path) -> None:
    write_folder("internvl_qwen3", tmp_path / "another")
    with pytest.raises(WeightsError, match=r"was trained on .*base .*another is another base"):
        scores(result, base=str(tmp_path / "another"))
    weights = load_file(base / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] + 0.01}, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match="altered one"):
        scores(result)


def test_a_damaged_result_is_refused(result: Path) -> None:
    facts = json.loads((result / "metric.json").read_text())
    for change, message in (
        ({"format": 2}, "is of format 2"),
        ({"sha256": "0" * 64}, "missing or altered"),
        ({"lora": {"scale": None}}, "disagree"),
        ({"form": "dance"}, "can't be read"),
    ):
        (result / "metric.json").write_text(json.dumps({**facts, **change}))
        with pytest.raises(WeightsError, match=message):
            scores(result)
    for content, message in (
        ("{", "can't be read"),
        (json.dumps({"format": 1}), "metric"),
        ("\udcff", "can't be read"),
    ):
        (result / "metric.json").write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputError, match=message):
            scores(result)


def test_names_and_folders_are_told_apart(
    result: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    cases: tuple[tuple[str, type[Lmm4lmmError], str], ...] = (
        (str(tmp_path / "nowhere"), InputError, "no such folder"),
        ("results/run1", InputError, "no such folder; a metric is a name .*nano"),
        (str(tmp_path / "empty"), InputError, r"no metric\.json \(found nothing\)"),
        (str(base), InputError, r"no metric\.json \(found .*config\.json"),
        (str(tmp_path / "file"), InputError, "is a file"),
        ("nanno", UnknownNameError, "nano"),
    )
    for name, kind, message in cases:
        with pytest.raises(kind, match=message):
            lmm4lmm.load_metric(name)
    with pytest.raises(InputError, match="own weights"):
        lmm4lmm.load_metric(str(result), weights=str(base))
    with pytest.raises(InputError, match="base is for the result"):
        lmm4lmm.load_metric("lmm4lmm", weights=str(base), base=str(base), device="cpu")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(result, tmp_path / "lmm4lmm")
    monkeypatch.setattr("lmm4lmm.metrics.lmm._opened", lambda *_: pytest.fail("the name goes first"))
    with pytest.raises(pytest.fail.Exception, match="the name goes first"):
        lmm4lmm.load_metric("lmm4lmm", device="cpu")


def test_the_command_line_scores_with_a_folder(result: Path, base: Path, tmp_path: Path) -> None:
    Image.new("RGB", (60, 50), "red").save(tmp_path / "0.png")
    (tmp_path / "m.jsonl").write_text(json.dumps({"id": "a", "image": "0.png", "prompt": "a wall"}) + "\n")
    out = tmp_path / "out.jsonl"
    command = ["score", str(tmp_path / "m.jsonl"), "-o", str(out), "--device", "cpu", "--metric"]
    done = CliRunner().invoke(app, [*command, str(result), "--option", f"base={base}"])
    assert done.exit_code == 0, done.output
    (row,) = map(json.loads, out.read_text().splitlines())
    assert 0 < row["perception"]["score"] < 100
    assert row["perception"]["std"] >= 1
    assert row["metric"].startswith("lmm4lmm-float32:")
    refused = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere")])
    assert refused.exit_code == 2
    assert "no such folder" in refused.output


def test_a_result_s_states_are_those_of_the_merged_base(base: Path) -> None:
    """LoRA and replaced tensors, against the same numbers put into the base by hand."""
    weights = adapter("scores", ("perception",))
    model = model_on(find_base(base), {"scores": weights}, LoadOptions(pack=False))
    plain = model_on(find_base(base), {}, LoadOptions(pack=False))
    (layer, low), *_ = weights.lora.items()
    network = plain.base.network
    network.get_submodule(layer).weight.data += low.scale * low.b @ low.a
    for name, value in weights.replaced.items():
        network.get_parameter(name).data.copy_(value)
    from lmm4lmm.model.official.asking import asked

    prepared, reading = model.base.prepare(picture(60, 60)), asked(model.base, "perception")
    (ours,) = model.states("scores", [prepared], [reading])
    (theirs,) = plain.states(None, [prepared], [reading])
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    norm, hidden, out = (
        {k.split(".")[1]: v for k, v in gaussian(0).items() if k.startswith(p)}
        for p in ("norm", "hidden", "out")
    )
    middle = torch.nn.functional.layer_norm(theirs, (64,), norm["weight"], norm["bias"])
    middle = torch.nn.functional.gelu(middle @ hidden["weight"].T + hidden["bias"])
    raw = middle @ out["weight"].T + out["bias"]
    found = model.estimate("scores", "perception", ours)
    torch.testing.assert_close(found.score, 100 / (1 + torch.exp(-raw[:, 0])), atol=1e-2, rtol=1e-4)
    assert found.std is not None
    torch.testing.assert_close(found.std, 1 + 20 * torch.log1p(raw[:, 1].exp()), atol=1e-2, rtol=1e-4)


def checked(folder: Path, *words: str) -> tuple[int, dict[str, str]]:
    """Exit code of ``models check``, and the states of what it looked at."""
    ended = CliRunner().invoke(app, ["models", "check", str(folder), "--device", "cpu", "--json", *words])
    assert ended.exit_code in (0, 1), ended.output
    return ended.exit_code, {one["what"]: one["state"] for one in json.loads(ended.stdout)["findings"]}


def test_models_check_takes_a_result_with_its_base(base: Path, result: Path) -> None:
    code, states = checked(result, "--no-scores")
    assert (code, states) == (0, {"hashes": "ok", "base": "ok", "scores": "mind"})
    shutil.move(base, base.with_name("moved"))
    assert checked(result) == (1, {"hashes": "ok", "files": "bad"})
    (result / "adapter.safetensors").write_bytes(b"")
    assert checked(result) == (1, {"files": "bad"})


def test_models_check_compares_with_what_training_recorded(base: Path, result: Path) -> None:
    from lmm4lmm.model import drawn

    weights = adapter("scores", ("perception", "correspondence"))
    said = drawn.run(lmm4lmm.load_metric(str(result), device="cpu", dtype="float32").model)
    write_trained(result, weights, find_base(base), said)
    assert checked(result)[1]["recorded"] == "ok"
    other = {name: [value + 1 for value in values] for name, values in said.scores.items()}
    write_trained(result, weights, find_base(base), drawn.Drawn(said.version, other))
    code, states = checked(result)
    assert (code, states["recorded"]) == (1, "bad")


def test_models_check_takes_a_trained_part_of_nano(nano_base_folder: Path, tmp_path: Path) -> None:
    from lmm4lmm.model.nano import assembly

    for name in (assembly.FACTS_FILE, assembly.TRAINED_FILE):
        shutil.copyfile(assembly.package_folder() / name, tmp_path / name)
    (tmp_path / "metric.json").write_text('{"metric": "nano"}')
    assert checked(tmp_path) == (0, {"hashes": "ok", "self-test": "ok"})
    with (tmp_path / assembly.TRAINED_FILE).open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    assert checked(tmp_path) == (1, {assembly.TRAINED_FILE: "bad"})
