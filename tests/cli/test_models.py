"""``models convert``, ``check``, ``show``: from released folders to scores, and every damage told by its name."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))

from checkpoints import three

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model" / "official"))

import damaged_checkpoint
import random_checkpoint as maker


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three released folders; tests that do harm copy them."""
    return three(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def converted(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lmm4lmm.model.converting import convert

    return convert([sound], tmp_path_factory.mktemp("converted") / "out").folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """One score model, to be damaged."""
    return Path(shutil.copytree(sound / "LMM4LMM-Perception", tmp_path / "LMM4LMM-Perception"))


@pytest.fixture
def ours(converted: Path, tmp_path: Path) -> Path:
    """A converted checkpoint, to be damaged."""
    return Path(shutil.copytree(converted, tmp_path / "ours"))


def checked(cli, *words: str | Path) -> tuple[dict, str]:
    """The document of a check that finds something wrong, and what people are told."""
    ended = cli("models", "check", *words, "--json")
    assert ended.code == 1, (ended.out, ended.err)
    assert "Traceback" not in ended.err
    document = json.loads(ended.out)
    assert not document["intact"]
    assert document["altered"]
    return document, ended.err


def wrong(document: dict) -> str:
    return "\n".join(row["found"] for row in document["findings"] if row["state"] == "bad")


def test_convert_then_check_then_show(cli, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    done = cli("models", "convert", sound, "-o", out, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["dimensions"] == ["perception", "correspondence", "answer"]
    assert (
        document["bytes"]
        == sum(path.stat().st_size for path in out.rglob("*.*")) - (out / "manifest.json").stat().st_size
    )
    assert set(document["self_test"]) == {"perception", "correspondence", "answer"}
    check = cli("models", "check", out, "--json")
    assert check.code == 0, check.err
    found = json.loads(check.out)
    assert found["intact"]
    assert found["scores"] == document["self_test"]
    states = {row["what"]: row["state"] for row in found["findings"]}
    assert set(states.values()) == {"ok"}
    assert {"hashes", "base", "tokenizer", "adapter answer", "perception", "recorded", "dtype"} <= set(states)
    shown = json.loads(cli("models", "show", out, "--json").out)
    assert shown["weights"]["converted_from"] == str(sound)
    assert shown["weights"]["bytes"] == document["bytes"]
    assert shown["weights"]["self_test"] == document["self_test"]
    assert set(shown["weights"]["numbers"]) == {"BF16"}


def test_convert_for_people_says_what_to_type_next(cli, sound: Path, tmp_path: Path) -> None:
    sources = (sound / "LMM4LMM-Perception", f"answer={sound / 'LMM4LMM-QA'}")
    ended = cli("models", "convert", *sources, "-o", "clean")
    assert ended.code == 0, ended.err
    assert "perception/adapter.safetensors" in ended.out
    assert "correspondence" not in ended.out
    assert "--metric lmm4lmm --weights clean" in ended.err
    assert "scoring the self-test's pictures" in ended.err
    again = cli("models", "convert", *sources, "-o", "clean")
    assert again.code == 2
    assert "--force" in again.err
    assert "scoring" not in again.err
    merged = cli(
        "models", "convert", sound, "-o", "clean", "--force", "--merge", "--dimensions", "answer", "--json"
    )
    assert json.loads(merged.out)["dimensions"] == ["answer"]
    assert cli("models", "check", "clean").code == 0


def test_what_was_converted_scores_as_the_original(cli, sound: Path, converted: Path, manifest: Path) -> None:
    words = ("score", manifest, "--metric", "lmm4lmm", "--batch-size", "4", "--device", "cpu")
    for weights, out in ((sound, "one.jsonl"), (converted, "two.jsonl")):
        ended = cli(*words, "--weights", weights, "-o", out)
        assert ended.code == 0, ended.err
    rows = [list(map(json.loads, Path(out).read_text().splitlines())) for out in ("one.jsonl", "two.jsonl")]
    for one, two in zip(*rows, strict=True):
        assert one.pop("metric") != two.pop("metric")
        assert one == two
    assert "perception" in rows[0][0]


def test_released_folders_are_checked_too(cli, sound: Path) -> None:
    ended = cli("models", "check", sound)
    assert ended.code == 0, ended.err
    assert "released files carry no hashes" in ended.out
    assert "nothing is wrong" in ended.err
    files_only = cli("models", "check", sound, "--no-scores", "--json")
    assert json.loads(files_only.out)["scores"] is None


class TestDamage:
    """What can be wrong with a released folder: exit 1, and a sentence that names the file or tensor."""

    def test_an_adapter_that_was_never_trained(self, cli, folder: Path) -> None:
        damaged_checkpoint.zero_lora_b(folder)
        document, told = checked(cli, folder)
        assert "every lora_B of adapter perception is zero (26 layers)" in wrong(document)
        assert "never trained" in told

    def test_a_head_that_gives_one_number(self, cli, folder: Path) -> None:
        damaged_checkpoint.constant_head(folder)
        document, _ = checked(cli, folder)
        assert "fc5.weight of the perception head" in wrong(document)
        assert "same score whatever it reads" in wrong(document)

    def test_a_missing_and_an_unexpected_tensor(self, cli, folder: Path) -> None:
        damaged_checkpoint.drop_tensor(folder, "mlp1.1.weight")
        document, _ = checked(cli, folder)
        assert "multi_modal_projector.linear_1.weight is missing" in wrong(document)
        damaged_checkpoint.add_tensor(folder, "mlp1.7.weight")
        document, _ = checked(cli, folder)
        assert "'mlp1.7.weight' is no tensor" in wrong(document)

    def test_a_missing_layer_of_the_head(self, cli, folder: Path) -> None:
        damaged_checkpoint.drop_tensor(folder, "mlpscore.fc3.weight")
        assert "fc3" in wrong(checked(cli, folder)[0])

    def test_half_an_adapter(self, cli, folder: Path) -> None:
        (folder / maker.PTH).unlink()
        name = next(name for name in sorted(maker.tensor_names(folder)) if ".lora_B." in name)
        damaged_checkpoint.drop_tensor(folder, name)
        assert "only its A" in wrong(checked(cli, folder)[0])

    def test_an_evil_pickle_does_not_run(self, cli, folder: Path) -> None:
        marker = damaged_checkpoint.evil_pickle(folder)
        document, _ = checked(cli, folder)
        assert not marker.exists()
        assert f"{folder / maker.PTH} was refused" in wrong(document)

    def test_a_download_that_stopped(self, cli, folder: Path) -> None:
        cut = damaged_checkpoint.truncated_shard(folder)
        document, told = checked(cli, folder)
        assert f"{cut} is truncated or damaged" in wrong(document)
        assert str(cut) in told

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
    def test_numbers_that_are_none(self, cli, folder: Path, value: float) -> None:
        path = maker.shard_files(folder)[0]
        held = load_file(path)
        name = next(name for name in held if name.endswith("w2.base_layer.weight") or "output.weight" in name)
        save_file(held | {name: torch.full_like(held[name], value)}, path, metadata={"format": "pt"})
        said = wrong(checked(cli, folder)[0])
        assert ("every number of" if value == 0 else "not finite") in said
        assert "down_proj.weight" in said or "vocabulary.weight" in said

    def test_a_tokenizer_that_lost_a_token(self, cli, folder: Path) -> None:
        for name in ("tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"):
            path = folder / name
            path.write_text(path.read_text().replace("<IMG_CONTEXT>", "<IMG_LOST>"))
        assert "no token '<IMG_CONTEXT>'" in wrong(checked(cli, folder)[0])

    def test_a_tokenizer_that_splits_a_level_word(self, cli, folder: Path) -> None:
        path = folder / "tokenizer.model"
        assert path.read_bytes().count("▁excellent".encode()) == 1
        path.write_bytes(path.read_bytes().replace("▁excellent".encode(), "▁exzellent".encode()))
        assert "splits the level word 'excellent'" in wrong(checked(cli, folder)[0])

    def test_a_tokenizer_that_is_no_such_thing(self, cli, folder: Path) -> None:
        (folder / "tokenizer.model").write_bytes(b"words")
        assert "tokenizer.model is damaged" in wrong(checked(cli, folder)[0])

    def test_another_base_beside_it(self, cli, sound: Path, tmp_path: Path) -> None:
        shutil.copytree(sound, tmp_path / "all")
        other = tmp_path / "all" / "LMM4LMM-QA"
        maker.write(other, maker.Shape(), kind="qa", seed=2, base_seed=9, shards=2)
        assert "do not share a base" in wrong(checked(cli, tmp_path / "all")[0])


class TestDamageToOurs:
    """What can be wrong with a converted folder."""

    def test_a_flipped_bit_anywhere(self, cli, ours: Path) -> None:
        for path in sorted(
            path for path in ours.rglob("*") if path.is_file() and path.name != "manifest.json"
        ):
            good = path.read_bytes()
            path.write_bytes(good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])
            document, told = checked(cli, ours, "--no-scores")
            assert document["altered"] == [path.relative_to(ours).as_posix()]
            assert str(path) in told
            path.write_bytes(good)
        assert cli("models", "check", ours, "--no-scores").code == 0

    def test_a_missing_file(self, cli, ours: Path) -> None:
        (ours / "answer" / "adapter.safetensors").unlink()
        assert "answer/adapter.safetensors is missing" in wrong(checked(cli, ours)[0])

    def test_a_damaged_manifest(self, cli, ours: Path) -> None:
        (ours / "manifest.json").write_text("{")
        assert "manifest.json can't be read" in wrong(checked(cli, ours)[0])

    def test_scores_that_are_not_those_of_the_conversion(self, cli, ours: Path) -> None:
        manifest = json.loads((ours / "manifest.json").read_text())
        manifest["self_test"]["scores"]["correspondence"][2] += 0.06
        (ours / "manifest.json").write_text(json.dumps(manifest))
        document, _ = checked(cli, ours)
        assert document["altered"] == ["recorded"]
        assert "correspondence differs from what was recorded" in wrong(document)

    def test_scores_that_another_machine_may_give_pass(self, cli, ours: Path) -> None:
        manifest = json.loads((ours / "manifest.json").read_text())
        scores = manifest["self_test"]["scores"]
        scores["perception"][0] += 0.04
        scores["answer"][1] -= 0.0009
        (ours / "manifest.json").write_text(json.dumps(manifest))
        assert cli("models", "check", ours).code == 0

    def test_half_precision_that_gives_other_scores(self, cli, ours: Path, monkeypatch) -> None:
        from lmm4lmm.model import self_test

        monkeypatch.setattr(self_test, "SCORE_DRIFT", 0.01)
        document, told = checked(cli, ours)
        assert document["altered"] == ["dtype", "dtype"]
        assert "points from float32; more than 0.01" in told


def test_a_machine_too_small_still_converts_and_checks_the_files(
    cli, sound: Path, tmp_path: Path, monkeypatch
) -> None:
    from lmm4lmm.model import needs

    monkeypatch.setattr(needs, "bytes_free", lambda _: 1000)
    ended = cli("models", "convert", sound, "-o", "out")
    assert ended.code == 0, ended.err
    assert "scores are not recorded" in ended.err
    check = cli("models", "check", "out", "--json")
    assert check.code == 0
    (row,) = [row for row in json.loads(check.out)["findings"] if row["what"] == "scores"]
    assert row["state"] == "mind"
    assert "1.0 kB are free on cpu" in row["found"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("models", "check", "nowhere/at/all/DIR"), "no such folder"),
        (("models", "check", "."), "holds no weights"),
        (("models", "check", "beauty=."), "no dimension is called 'beauty'"),
        (("models", "check", ".", "--device", "abacus"), "abacus"),
        (("models", "check", "base"), "bare base"),
        (("models", "check", "lmm4lm"), "did you mean lmm4lmm"),
        (("models", "show", "nanoo"), "did you mean nano"),
        (("models", "show", "base"), "bare base"),
        (("models", "convert", "nowhere/at/all/DIR", "-o", "out"), "no such folder"),
        (("models", "convert", "base", "-o", "base"), "left alone"),
        (("models", "convert", "base"), "--out"),
        (("models", "convert", "-o", "out"), "SOURCE"),
        (("models", "convert", "base", "-o", "out", "--dimensions", "beauty"), "beauty"),
        (("models", "pull", "lmm4lmm", "--force"), "--force is for nano"),
    ],
)
def test_wrong_usage_is_one_clear_line(cli, words: tuple[str, ...], message: str) -> None:
    Path("base").mkdir()
    Path("base/config.json").write_text('{"model_type": "qwen2_5_vl"}')
    ended = cli(*words)
    assert ended.code == 2, (ended.out, ended.err)
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not Path("out").exists()


def test_the_released_folders_card_names_folder_and_identity(cli, sound: Path) -> None:
    from lmm4lmm.model.official.identity import identity_of

    folder = sound / "LMM4LMM-QA"
    shown = json.loads(cli("models", "show", folder, "--json").out)["weights"]
    assert shown["dimensions"] == ["answer"]
    assert shown["identity"] == {str(folder): identity_of([folder])}
    assert str(folder) in cli("models", "show", folder).out


def test_doctor_says_what_the_large_metric_needs(cli, empty_home: Path, monkeypatch) -> None:
    from lmm4lmm.model import needs

    for free, state, words in ((20 * 10**9, "mind", "--dtype bfloat16"), (40 * 10**9, "ok", "can run here")):
        monkeypatch.setattr(needs, "bytes_free", lambda _, free=free: free)
        findings = json.loads(cli("doctor", "--json").out)["findings"]
        (found,) = [one for one in findings if one["what"] == "metric lmm4lmm"]
        assert found["state"] == state
        assert "34.1 GB (8.26 billion parameters x 4 bytes" in found["found"]
        assert words in found["found"] + found["advice"]


def test_doctor_runs_nano_once(cli, nano_base_folder: Path, monkeypatch) -> None:
    from lmm4lmm.model.nano import assembly

    loaded = []
    load = assembly.load_trained
    monkeypatch.setattr(assembly, "load_trained", lambda folder: loaded.append(folder) or load(folder))
    findings = {one["what"]: one for one in json.loads(cli("doctor", "--json").out)["findings"]}
    assert len(loaded) == 1
    assert findings["self-test of nano"]["state"] == "ok"
    assert "perception" in findings["self-test of nano"]["found"]


def test_without_torch_cards_are_shown_and_the_rest_says_what_to_install(
    cli, sound: Path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("HF_HOME", "empty")
    assert cli("models", "list").code == 0
    assert cli("models", "show", "lmm4lmm").code == 0
    for words in (("check", sound), ("check", "nano"), ("show", sound), ("convert", sound, "-o", "out")):
        ended = cli("models", *words)
        assert ended.code == 2, ended.err
        assert "pip install 'lmm4lmm[lmm]'" in ended.err
