"""Our own form of a checkpoint: what is read from it is what was written, and half of one is never there."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import tensors, three
from transformers import AutoConfig, AutoModel

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.model import drawn, saved
from lmm4lmm.model.checkpoint import VOCABULARY, Checkpoint, LowRank
from lmm4lmm.model.loading import LoadOptions, build
from lmm4lmm.model.official.reading import read_checkpoint, readout_of
from lmm4lmm.model.saved_manifest import FORMAT, is_saved, read_manifest, verify
from lmm4lmm.model.shards import ShardWriter
from lmm4lmm.model.sources import open_weights


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def original(released: Path) -> Checkpoint:
    return open_weights(released)


@pytest.fixture
def out(original: Checkpoint, tmp_path: Path) -> Path:
    saved.save(original, tmp_path / "out")
    return tmp_path / "out"


def same(one: Checkpoint, other: Checkpoint) -> None:
    ours, theirs = tensors(one), tensors(other)
    assert ours.keys() == theirs.keys()
    odd = [n for n in ours if ours[n].dtype != theirs[n].dtype or not torch.equal(ours[n], theirs[n])]
    assert odd == []
    assert {
        name: {layer: low.scale for layer, low in a.lora.items()} for name, a in one.adapters.items()
    } == {name: {layer: low.scale for layer, low in a.lora.items()} for name, a in other.adapters.items()}
    assert one.tiling == other.tiling
    settings = [checkpoint.config.to_dict() for checkpoint in (one, other)]
    for values in settings:
        values.pop("_name_or_path", None)
    assert settings[0] == settings[1]


def test_all_that_is_loaded_equals_the_original_to_the_last_bit(original: Checkpoint, out: Path) -> None:
    loaded = saved.open_saved(out)
    assert list(loaded.adapters) == ["perception", "correspondence", "answer"]
    same(original, loaded)
    assert drawn.run(build(loaded)) == drawn.run(build(original))


def test_the_golden_checkpoints_survive_too(shared: Path, tmp_path: Path) -> None:
    folders = sorted(path for path in (shared / "golden" / "checkpoints").iterdir() if path.is_dir())
    assert len(folders) >= 4
    for folder in folders:
        original = read_checkpoint({readout_of(folder): folder})
        saved.save(original, tmp_path / folder.name)
        loaded = saved.open_saved(tmp_path / folder.name)
        same(original, loaded)
        assert drawn.run(build(loaded)) == drawn.run(build(original))


def test_only_the_asked_dimensions_are_read(original: Checkpoint, out: Path) -> None:
    (out / "correspondence" / "adapter.safetensors").unlink()
    loaded = saved.open_saved(out, ["perception"])
    assert list(loaded.adapters) == ["perception"]
    with pytest.raises(WeightsError, match=r"correspondence/adapter\.safetensors is missing"):
        saved.open_saved(out)


def test_merged_is_what_merging_at_loading_gives(original: Checkpoint, tmp_path: Path) -> None:
    manifest = saved.save(original, tmp_path / "out", merge=True)
    loaded = saved.open_saved(tmp_path / "out")
    assert all(facts.merged and facts.lora_scale is None for facts in manifest.adapters.values())
    assert all(not adapter.lora for adapter in loaded.adapters.values())
    assert {
        value.dtype for name, value in loaded.adapters["answer"].replaced.items() if "proj.weight" in name
    } == {torch.float32}
    assert drawn.run(build(loaded)) == drawn.run(build(original, LoadOptions(merge=True)))


def test_merging_takes_the_adapters_own_layer_where_it_replaces_one(
    original: Checkpoint, tmp_path: Path
) -> None:
    layer, low = next(iter(original.adapters["answer"].lora.items()))
    name = f"{layer}.weight"
    other = original.base[name]() + 1
    answer = replace(original.adapters["answer"], replaced={name: other})
    saved.save(replace(original, adapters={"answer": answer}), tmp_path / "out", merge=True)
    found = saved.open_saved(tmp_path / "out").adapters["answer"].replaced[name]
    assert torch.allclose(found, other.float() + low.scale * (low.b.float() @ low.a.float()), atol=1e-5)


def test_scales_that_differ_by_layer_are_kept(original: Checkpoint, tmp_path: Path) -> None:
    answer = original.adapters["answer"]
    lora = {layer: LowRank(low.a, low.b, 0.5 + n) for n, (layer, low) in enumerate(answer.lora.items())}
    changed = replace(original, adapters={"answer": replace(answer, lora=lora)})
    saved.save(changed, tmp_path / "out")
    same(changed, saved.open_saved(tmp_path / "out"))


def test_plain_transformers_reads_the_base(original: Checkpoint, out: Path) -> None:
    assert AutoConfig.from_pretrained(out / "base").model_type == "internvl"
    network = AutoModel.from_pretrained(out / "base", dtype=torch.bfloat16)
    found = dict(network.named_parameters())
    assert found.keys() == original.base.keys() - {VOCABULARY}
    assert all(torch.equal(found[name], original.base[name]()) for name in found)


def test_the_manifest_says_where_it_came_from(original: Checkpoint, out: Path, released: Path) -> None:
    manifest = read_manifest(out)
    assert manifest.source == str(released)
    assert manifest.source_identity == original.identity
    assert manifest.adapters["perception"].lora_scale == 2.0
    here = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert here == {*manifest.files, "manifest.json"}
    assert [finding.state for finding in verify(out)] == ["ok"]


def test_the_identity_names_what_is_read_and_nothing_else(
    original: Checkpoint, out: Path, tmp_path: Path
) -> None:
    saved.save(original, tmp_path / "again")
    one = saved.open_saved(out)
    assert one.identity == saved.open_saved(tmp_path / "again").identity
    assert one.identity != saved.open_saved(out, ["answer"]).identity
    adapter = original.adapters["answer"]
    lora = {layer: LowRank(low.a, low.b, 1.0) for layer, low in adapter.lora.items()}
    changed = replace(original, adapters={**original.adapters, "answer": replace(adapter, lora=lora)})
    saved.save(changed, tmp_path / "changed")
    other = saved.open_saved(tmp_path / "changed")
    assert other.identity != one.identity
    assert (
        saved.open_saved(tmp_path / "changed", ["perception"]).identity
        == saved.open_saved(out, ["perception"]).identity
    )


def test_a_full_disk_leaves_nothing(
    original: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, calls = ShardWriter.add, []

    def full(self: ShardWriter, name: str, tensor: torch.Tensor) -> None:
        calls.append(name)
        if len(calls) == 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        add(self, name, tensor)

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(WeightsError, match=r"out can't be written: No space left"):
        saved.save(original, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_stop_while_replacing_keeps_the_old_one(original: Checkpoint, out: Path) -> None:
    before = read_manifest(out)

    def stop(line: str) -> None:
        if line.startswith("adapter correspondence"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        saved.save(original, out, force=True, say=stop)
    assert list(out.parent.iterdir()) == [out]
    assert read_manifest(out) == before
    same(original, saved.open_saved(out))


def test_a_kill_leaves_nothing_that_looks_whole(released: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from lmm4lmm.model import saved, sources\n"
        "say = lambda line: os.kill(os.getpid(), 9) if line.startswith('adapter answer') else None\n"
        "saved.save(sources.open_weights(sys.argv[1]), Path(sys.argv[2]), say=say)"
    )
    ended = subprocess.run([sys.executable, "-c", code, released, tmp_path / "out"], capture_output=True)
    assert ended.returncode == -9, ended.stderr
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.")
    assert not is_saved(left)
    told: list[str] = []
    saved.save(open_weights(released), tmp_path / "out", say=told.append)
    assert any(str(left) in line for line in told)
    assert is_saved(tmp_path / "out")


def test_what_is_not_ours_is_left_alone(
    original: Checkpoint, out: Path, released: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="--force"):
        saved.save(original, out)
    with pytest.raises(InputError, match="left alone"):
        saved.save(original, released, force=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        saved.save(original, tmp_path / "file", force=True)
    (tmp_path / "empty").mkdir()
    saved.save(original, tmp_path / "empty")
    saved.save(saved.open_saved(tmp_path / "empty"), tmp_path / "empty", force=True)  # onto itself
    same(original, saved.open_saved(tmp_path / "empty"))


def test_damage_is_named(out: Path) -> None:
    shard = next((out / "base").glob("*.safetensors"))
    content = bytearray(shard.read_bytes())
    content[-100] ^= 1
    shard.write_bytes(content)
    (found,) = [finding for finding in verify(out) if finding.state == "bad"]
    assert shard.name in found.what
    assert "altered" in found.found
    shard.write_bytes(content[:-7])
    with pytest.raises(WeightsError, match=rf"{shard.name} has .* it must have"):
        saved.open_saved(out)
    (out / "tokenizer" / "tokenizer.model").unlink()
    (out / "notes.txt").write_text("mine")
    states = {finding.what: finding.state for finding in verify(out)}
    assert states["tokenizer/tokenizer.model"] == "bad"
    assert states["notes.txt"] == "mind"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1}, "format"),
        ({"files": {"../elsewhere": {"sha256": "", "size": 1}}}, "no name of a file"),
        (
            {"adapters": {"../x": {"readout": "answer", "lora_scale": 2, "merged": False}}},
            "no name of a file",
        ),
        ({"tiling": {}}, "image_size"),
        ({"adapters": {"answer": {"readout": "beauty", "lora_scale": 2, "merged": False}}}, "readout"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(out: Path, change: dict[str, object], message: str) -> None:
    path = out / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=message):
        saved.open_saved(out)


def test_an_adapter_whose_scale_is_lost_is_refused(out: Path) -> None:
    path = out / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["adapters"]["answer"]["lora_scale"] = None
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="disagree"):
        saved.open_saved(out)
