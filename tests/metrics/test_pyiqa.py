"""With a stand-in for pyiqa, whose real one needs torchvision; docs/metrics.md says what was run for real."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_pyiqa import fake_pyiqa
from PIL import Image

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics.loading import open_metric
from lmm4lmm.metrics.pyiqa import load


@pytest.fixture
def stand_in():
    with fake_pyiqa() as module:
        yield module


def perception(metric, shade):
    item = Item(id="one", path=Path("one"), image="one", prompt="")
    (score,) = metric.score([metric.prepare(item, Image.new("RGB", (20, 10), (shade, shade, shade)))])
    return score.perception.score


def test_a_range_is_stretched_to_0_to_100(stand_in):
    assert perception(load(variant="plain", device="cpu"), 51) == pytest.approx(20, abs=1e-3)


def test_where_lower_is_better_it_is_turned_round(stand_in):
    assert perception(load(variant="bad", device="cpu"), 51) == pytest.approx(80, abs=1e-3)


def test_a_metric_without_a_range_needs_one(stand_in):
    for name in ("endless", "odd"):
        with pytest.raises(InputError, match="--option range=LOW,HIGH"):
            load(variant=name, device="cpu")
    metric = load(variant="endless", device="cpu", range="0,0.5")
    assert perception(metric, 51) == pytest.approx(40, abs=1e-3)
    assert metric.remarks() == []
    assert perception(metric, 255) == 100
    assert metric.remarks() == ["pyiqa: 1 numbers were outside 0 to 0.5 and cut"]
    with pytest.raises(InputError, match="--option range=LOW,HIGH"):
        load(variant="plain", device="cpu", range="1,0")


def test_names_that_are_none(stand_in):
    with pytest.raises(InputError, match="no metric 'plian'; did you mean plain"):
        load(variant="plian", device="cpu")
    for name in ("lpips", "fid", "sfid"):
        with pytest.raises(InputError, match=f"pyiqa's {name} needs more than one image"):
            load(variant=name, device="cpu")
    with pytest.raises(InputError, match="name one, for instance --metric pyiqa:musiq"):
        load()


def test_weights_that_do_not_come(stand_in):
    with pytest.raises(WeightsError, match="pyiqa can't make broken: ConnectionError: no network"):
        load(variant="broken", device="cpu")


def test_the_fingerprint_knows_name_range_and_weights(stand_in):
    found = {
        load(variant="plain", device="cpu").fingerprint,
        load(variant="plain", device="cpu", range="0,2").fingerprint,
        load(variant="bad", device="cpu").fingerprint,
    }
    assert len(found) == 3
    assert all(len(one) <= 60 and one.startswith("pyiqa:") for one in found)


def test_without_pyiqa_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(MissingExtraError, match=r"lmm4lmm\[pyiqa\]"):
        load(variant="musiq")


def test_it_is_called_by_name_and_variant(stand_in):
    def opened(name, **options):
        return open_metric(
            name,
            device="cpu",
            dimensions=("perception",),
            dtype="auto",
            weights=None,
            options=options,
            executor=None,
        )

    assert opened("pyiqa:plain").fingerprint == load(variant="plain", device="cpu").fingerprint
    with pytest.raises(InputError, match="metric 'nano' takes no option 'variant'"):
        opened("nano:large")
    with pytest.raises(InputError, match="no metric is called 'pyqa:musiq'; did you mean pyiqa"):
        opened("pyqa:musiq")


@pytest.mark.parametrize("options", [{"dtype": "float16"}, {"dimensions": ("answer",)}])
def test_options_that_can_not_be(stand_in, options):
    with pytest.raises(InputError):
        load(variant="plain", **options)
