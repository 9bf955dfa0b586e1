"""Weights by what a user names: folders of three forms, lists, and repositories on a hub that runs here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from checkpoints import three
from hub_server import COMMIT, Hub, serving

from lmm4lmm.core.errors import InputError, UnknownNameError, WeightsError
from lmm4lmm.model import pretrained, saved
from lmm4lmm.model.official import published
from lmm4lmm.model.official.identity import identity_of
from lmm4lmm.model.sources import kind_of, locate, open_weights


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three(tmp_path_factory.mktemp("weights"))


def part(released: Path, name: str) -> Path:
    return released / f"LMM4LMM-{name}"


def test_a_folder_of_folders_gives_what_is_asked(released: Path) -> None:
    assert list(open_weights(released).adapters) == ["perception", "correspondence", "answer"]
    told: list[str] = []
    found = open_weights(str(released), ("answer", "perception"), told.append)
    assert list(found.adapters) == ["perception", "answer"]
    assert found.source == str(released)
    assert found.identity == identity_of([part(released, "Perception"), part(released, "QA")])
    assert told == []


def test_one_folder_gives_its_dimension_and_says_what_is_lacking(released: Path) -> None:
    told: list[str] = []
    found = open_weights(part(released, "QA"), say=told.append)
    assert list(found.adapters) == ["answer"]
    assert "no weights for perception, correspondence" in told[0]
    with pytest.raises(InputError, match="has weights for answer; asked for: perception"):
        open_weights(part(released, "QA"), ("perception",))


def test_only_what_is_asked_is_read(released: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(released, copy)
    (part(copy, "Correspondence") / "model-00001-of-00002.safetensors").write_bytes(b"damaged")
    assert list(open_weights(copy, ("perception",)).adapters) == ["perception"]
    with pytest.raises(WeightsError, match=r"LMM4LMM-Correspondence/model-00001-of-00002\.safetensors"):
        open_weights(copy)


def test_dimensions_by_name_and_in_lists(released: Path, tmp_path: Path) -> None:
    plain = tmp_path / "run1"
    shutil.copytree(part(released, "Correspondence"), plain)
    assert list(open_weights(f"correspondence={plain}").adapters) == ["correspondence"]
    both = f"answer={part(released, 'QA')}, correspondence={plain}"
    assert list(open_weights(both).adapters) == ["correspondence", "answer"]
    several = [part(released, "Perception"), f"correspondence={plain}"]
    assert list(open_weights(several).adapters) == ["perception", "correspondence"]
    with pytest.raises(UnknownNameError, match="did you mean correspondence"):
        open_weights(f"corespondence={plain}")
    with pytest.raises(InputError, match="both for perception"):
        open_weights(f"perception={plain},{part(released, 'Perception')}")
    with pytest.raises(InputError, match="not one released folder"):
        open_weights(f"perception={released}")


def test_a_folder_whose_name_says_nothing_is_taken_for_what_is_asked(released: Path, tmp_path: Path) -> None:
    score, answer = tmp_path / "run1", tmp_path / "run2"
    shutil.copytree(part(released, "Correspondence"), score)
    shutil.copytree(part(released, "QA"), answer)
    told: list[str] = []
    assert list(open_weights(score, ("correspondence", "answer"), told.append).adapters) == ["correspondence"]
    assert "taken for correspondence" in told[0]
    assert list(open_weights(score).adapters) == ["perception"]
    assert list(open_weights(answer).adapters) == ["answer"]
    shutil.copytree(score, tmp_path / "run3")
    shutil.rmtree(answer)
    with pytest.raises(InputError, match=r"run1 and .*run3 are both for perception"):
        open_weights(tmp_path)


def test_our_own_form(released: Path, tmp_path: Path) -> None:
    saved.save(open_weights(released), tmp_path / "a,b=c")
    found = open_weights(str(tmp_path / "a,b=c"), ("perception",))
    assert list(found.adapters) == ["perception"]
    one = saved.save(open_weights(released, ("answer",)), tmp_path / "one")
    assert list(one.adapters) == ["answer"]
    with pytest.raises(InputError, match="has weights for answer; asked for: perception"):
        open_weights(tmp_path / "one", ("perception",))
    with pytest.raises(InputError, match="whole checkpoint"):
        open_weights([tmp_path / "one", part(released, "QA")])


@pytest.mark.parametrize("kind", ["internvl", "qwen2_5_vl", "qwen3_vl", "smolvlm"])
def test_a_bare_base_is_told_apart(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    assert kind_of(tmp_path) == kind
    with pytest.raises(WeightsError, match=f"bare base .model_type {kind}"):
        open_weights(tmp_path)


def test_what_is_nothing_says_what_was_looked_for_and_found(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"looked for manifest\.json.*; found photos"):
        open_weights(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        open_weights(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no weights are named"):
        open_weights(" , ")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        open_weights(tmp_path / "file")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="model_type 'bert'"):
        open_weights(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json can't be read"):
        open_weights(tmp_path)


class TestHub:
    """On a hub of our own, by the names of the release."""

    @pytest.fixture
    def hub(self, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        folder = part(released, "Correspondence")
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        with serving(Hub(files, repo=published.REPOS["correspondence"])) as served:
            monkeypatch.setenv("HF_ENDPOINT", served.url)
            yield served

    def test_none_is_the_release_and_only_the_asked_part(self, hub: Hub, released: Path) -> None:
        found = open_weights(None, ("correspondence",))
        assert list(found.adapters) == ["correspondence"]
        assert found.source == f"IntMeGroup/LMM4LMM-Correspondence@{COMMIT}"
        assert found.identity == identity_of([part(released, "Correspondence")])
        with pytest.raises(WeightsError, match="LMM4LMM-Perception"):
            open_weights(None)

    def test_a_repository_and_its_snapshot_know_their_dimension(self, hub: Hub) -> None:
        assert list(open_weights("IntMeGroup/LMM4LMM-Correspondence@v1").adapters) == ["correspondence"]
        (snapshot,) = published.hub_cache().glob("models--*/snapshots/*")
        assert list(open_weights(snapshot).adapters) == ["correspondence"]
        located = locate(snapshot)
        assert located.released[0].readout == "correspondence"

    def test_pull_says_the_size_first_and_status_knows_afterwards(self, hub: Hub, monkeypatch) -> None:
        before = {one.name: one for one in pretrained.status()}["lmm4lmm"]
        assert not before.present
        assert "48.8 GB" in before.detail
        told: list[str] = []
        (folder,) = pretrained.pull("lmm4lmm", dimensions=("correspondence",), say=told.append)
        assert told[0].startswith("1 of 1 checkpoints are to be fetched, about 16.3 GB, into ")
        assert published.cached(published.REPOS["correspondence"]) == folder
        after = {one.name: one for one in pretrained.status()}["lmm4lmm"]
        assert after.present
        assert "here for correspondence" in after.detail
        assert "not perception, answer" in after.detail
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert pretrained.pull("lmm4lmm", dimensions=("correspondence",)) == [folder]
        with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
            pretrained.pull("lmm4lmm")
        findings = pretrained.examine("lmm4lmm", run=False)
        assert not any(finding.state == "bad" for finding in findings)

    def test_options_of_nano_are_refused(self, hub: Hub, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="--source is for nano"):
            pretrained.pull("lmm4lmm", source=tmp_path)
        with pytest.raises(WeightsError, match=r"not here: .* pull lmm4lmm \(about 48\.8 GB"):
            pretrained.examine("lmm4lmm")
